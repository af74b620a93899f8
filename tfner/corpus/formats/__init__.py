"""Corpus formats, one module each, and the table of them."""

from __future__ import annotations

from importlib import import_module

from tfner.corpus.formats.format import Format

MODULES = (
    "huggingface",
    "spacy",
    "brat",
    "bioc_json",
    "bioc_xml",
    "pubtator",
    "doccano",
    "gliner",
    "labelstudio",
    "mrc",
    "prodigy",
    "rasa_json",
    "spacy_json",
    "stockmark",
    "jsonl",
    "inline",
    "webanno",
    "conllu",
    "conll2012",
    "csv_table",
    "rasa_yaml",
    "rasa",
    "conll",
    "text",
)
"""In order of preference: of several that claim a path or suffix, the first has it."""

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (import_module(f"{__name__}.{name}") for name in MODULES)
}
"""Formats by the name that `--from` and `--to` take."""
