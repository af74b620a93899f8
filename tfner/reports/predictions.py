"""Predicted documents for people and programs, one at a time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tfner.corpus.columns.writing import document_lines, header_lines
from tfner.corpus.formats import doccano, labelstudio, prodigy
from tfner.corpus.formats.rasa import format_item
from tfner.corpus.records.shapes import json_line, json_list
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, unknown
from tfner.nesting import outermost, split_crossing
from tfner.reports.html import render_template
from tfner.reports.marks import Step, marked

logger = logging.getLogger(__name__)

COLORS = (31, 32, 33, 34, 35, 36)
"""ANSI foreground colours, taken by label in order."""
RESET = "\x1b[0m"
HUES = (210, 140, 30, 280, 0, 175, 60, 320)
"""Hues of the page's marks in degrees, taken by label in order."""
OVERLAPPING = "overlapping: "


def record(document: Document) -> dict[str, Any]:
    """Make the JSON of one prediction, as `predict` and servers give it."""
    return {
        "id": document.id,
        "text": document.text,
        "entities": [
            {
                "start": entity.start,
                "end": entity.end,
                "label": entity.label,
                "text": document.surface(entity),
                "score": None if entity.score is None else round(entity.score, 4),
            }
            for entity in document.entities
        ],
    }


def json_lines(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write one JSON object a line."""
    for document in documents:
        yield json.dumps(record(document), ensure_ascii=False) + "\n"


def columns(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write columns of words and tags, with an empty line after every document.

    Raises:
        CorpusError: a word holds a tab or a line break, or the model gives no tags.
    """
    for number, document in enumerate(documents):
        if document.words and document.tags is None:
            raise CorpusError(
                f"document {document.id!r}: columns hold one tag a word, and this "
                "model gives none: its entities may nest. Use --to jsonl or html."
            )
        scheme = document.metadata.get("scheme")  # so no tag is spelled as it was read
        lines = document_lines(document, scheme=scheme) if document.words else [""]
        if not number:
            lines = [*header_lines(document), *lines]
        yield "".join(f"{line}\n" for line in lines)


def items(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write Rasa Markdown, an item a document, with the outermost entities.

    What the input says of an entity (a value, a role) is not predicted and is left out.
    Entities within or across others are left out too, and counted in the log.

    Raises:
        CorpusError: a text holds a line break.
    """
    left_out = 0
    for document in documents:
        flat = tuple(outermost(document.entities))
        left_out += len(document.entities) - len(flat)
        yield format_item(Document(document.id, document.text, flat))
    if left_out:
        logger.warning(
            "rasa holds no entities within or across others; %d are left out. "
            "Use --to jsonl.",
            left_out,
        )


def terminal(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write coloured text for a terminal, each entity with its label behind it.

    Entities that cross others stand in a line below.
    """
    colors = {label: COLORS[n % len(COLORS)] for n, label in enumerate(labels)}
    for document in documents:
        steps, overlapping = _drawn(document)
        yield _colored(steps, colors) + "\n"
        if overlapping:
            also = " ".join(_colored(steps, colors) for steps in overlapping)
            yield f"{OVERLAPPING}{also}\n"


def _colored(steps: Iterable[Step], colors: Mapping[str, int]) -> str:
    parts: list[str] = []
    around = [RESET]
    for step in steps:
        if step.opens:
            color = colors.get(step.opens.label, COLORS[0])
            around.append(f"\x1b[1;{color}m")
            parts.append(around[-1])
        elif step.closes:
            around.pop()
            parts.append(f"{RESET}\x1b[2m[{step.closes.label}]{RESET}")
            parts += around[-1:] if len(around) > 1 else []
        else:
            parts.append(step.text)
    return "".join(parts)


def page(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write a page with highlighted entities that needs nothing beside it.

    Entities within others are drawn inside them; one that crosses another stands in a
    line below the text.
    """
    classes = {label: f"l{number}" for number, label in enumerate(labels)}
    return render_template(
        "predictions.html",
        title="Entities",
        colors=[_page_colors(number) for number in range(len(labels))],
        style=lambda entity: classes.get(entity.label, "l0"),
        documents=map(_drawn, documents),
        overlapping_note=OVERLAPPING,
    )


def _page_colors(number: int) -> tuple[str, str]:
    """Background of the marks of one label, on a light page and on a dark one."""
    shade, index = divmod(number, len(HUES))
    light, hue = 88 - 6 * (shade % 3), HUES[index]
    return f"hsl({hue} 85% {light}%)", f"hsl({hue} 40% {light - 60}%)"


def _drawn(document: Document) -> tuple[Iterator[Step], list[Iterator[Step]]]:
    """The text with the entities that nest, and the entities that cross these."""
    tree, crossing = split_crossing(document.entities)
    overlapping = []
    for _, entity in crossing:
        surface = document.surface(entity)
        alone = Entity(0, len(surface), entity.label, entity.score)
        overlapping.append(marked(surface, [alone]))
    return marked(document.text, tree), overlapping


def for_doccano(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write lines that doccano imports; it takes no scores."""
    for document in documents:
        yield json_line(doccano.to_record(_bare(document)))


def for_prodigy(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Write tasks for Prodigy, which leave the answer to the annotator."""
    for document in documents:
        bare = _bare(document, words=document.words)
        yield json_line(prodigy.to_record(bare, answer=None))


def for_label_studio(
    documents: Iterable[Document], labels: Sequence[str], *, model: str = "tfner"
) -> Iterator[str]:
    """Write tasks for Label Studio with predictions of this version of a model.

    Args:
        documents: predicted documents.
        labels: not used; Label Studio has its own colours.
        model: stands beside the predictions.
    """
    tasks = (labelstudio.to_record(_bare(d), model=model) for d in documents)
    return json_list(tasks)


def _bare(document: Document, words: tuple[Word, ...] | None = None) -> Document:
    """A text with what was predicted; what a file said of it is left out."""
    entities = (
        entity
        if entity.score is None
        else replace(entity, score=round(entity.score, 4))
        for entity in document.entities
    )
    return Document(document.id, document.text, tuple(entities), words)


RENDERERS: Mapping[str, Callable[..., Iterator[str]]] = {
    "jsonl": json_lines,
    "conll": columns,
    "rasa": items,
    "text": terminal,
    "html": page,
    "doccano": for_doccano,
    "prodigy": for_prodigy,
    "labelstudio": for_label_studio,
}


def render(
    documents: Iterable[Document],
    format: str,
    *,
    labels: Sequence[str],
    model: str = "tfner",
) -> Iterator[str]:
    """Write documents part by part, in constant memory.

    Args:
        documents: predicted documents.
        format: a key of `RENDERERS`.
        labels: labels of the model, in order; they decide the colours.
        model: name of the model, which Label Studio shows beside its predictions.

    Raises:
        ConfigError: the format is unknown.
    """
    if format not in RENDERERS:
        raise ConfigError(unknown("output format", format, RENDERERS))
    if format == "labelstudio":
        return for_label_studio(documents, labels, model=model)
    return RENDERERS[format](documents, labels)
