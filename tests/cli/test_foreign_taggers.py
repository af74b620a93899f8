"""Taggers in Hugging Face directories that do not tell all that they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfner.inference.bundle import Bundle

TEXT = "anna Jones works for acme Corp in paris"


@pytest.fixture
def tagger(toy_bundle: Path, tmp_path: Path) -> Path:
    """The toy model as another program would have saved it: nothing of a scheme."""
    from tfner_export.publish import export

    bundle, directory = Bundle.load(toy_bundle), tmp_path / "tagger"
    found = export(bundle, directory, format="huggingface").directory
    change(found, tfner_labels=None)
    (found / "digests.json").unlink()  # which another program would not write
    return found


def change(directory: Path, **keys: Any) -> dict[str, Any]:
    """Set keys of a config.json, or take them out."""
    file = directory / "config.json"
    config = json.loads(file.read_text("utf-8")) | keys
    config = {key: value for key, value in config.items() if value is not None}
    file.write_text(json.dumps(config), "utf-8")
    return config


def strict(tfner: Any, corpus: Path, *arguments: Any) -> tuple[float, str]:
    result = tfner("evaluate", *arguments[:1], corpus, "--json", *arguments[1:])
    assert result.code == 0, result.err
    return json.loads(result.out)["conventions"]["strict"]["f1"], result.err


def test_the_scheme_is_found_announced_and_overruled(
    tfner, toy_bundle, toy_corpus, tagger, tmp_path
) -> None:
    dev = toy_corpus / "dev.conll"
    expected, _ = strict(tfner, dev, toy_bundle)
    found, notes = strict(tfner, dev, tagger)
    assert found == expected > 0
    assert "its tags are read as IOB2" in notes
    assert "--scheme names another" in notes
    overruled, notes = strict(tfner, dev, tagger, "--scheme", "IOB1")
    assert overruled < expected
    assert "are read as" not in notes
    exported = tmp_path / "iob1"
    flags = ["--format", "huggingface", "--scheme", "IOB1"]
    assert tfner("export", tagger, exported, *flags).code == 0
    assert strict(tfner, dev, exported)[0] == overruled


def test_a_scheme_that_travels_with_the_model_is_not_given(tfner, toy_bundle) -> None:
    message = tfner("predict", toy_bundle, "--text", TEXT, "--scheme", "IOB1").sentence
    assert "carries its own tokenizer and labels. Leave out --scheme" in message


def test_names_that_say_nothing_are_asked_for_and_taken_from_a_file(
    tfner, tagger, tmp_path
) -> None:
    command = ("predict", tagger, "--text", TEXT)
    expected = json.loads(tfner(*command).out)
    names = change(tagger)["id2label"]
    invented = {number: f"LABEL_{number}" for number in names}
    change(tagger, id2label=invented, label2id=None)
    assert "--label-mapping FILE" in tfner(*command).sentence
    file = tmp_path / "tags.txt"
    file.write_text("\n".join(names.values()), "utf-8")
    result = tfner(*command, "--label-mapping", file)
    assert json.loads(result.out) == expected
    change(tagger, id2label={**names, "1": names["2"]})
    assert "outputs 1 and 2 have one tag" in tfner(*command).sentence
    assert json.loads(tfner(*command, "--label-mapping", file).out) == expected


def test_the_scheme_of_tags_in_a_pickle_is_found_too(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    directory, serving = tmp_path / "checkpoint", Serving("ner")
    export(Bundle.load(toy_bundle), directory, format="google", serving=serving)
    for name in ("labels.json", "digests.json"):  # which code of theirs does not write
        (directory / name).unlink()
    dev = toy_corpus / "dev.conll"
    found, notes = strict(tfner, dev, directory)
    assert found == strict(tfner, dev, toy_bundle)[0]
    assert "its tags are read as IOB2" in notes


def test_export_says_what_becomes_of_tags_that_pipelines_do_not_know(
    tfner, tagger, tmp_path
) -> None:
    names = [*change(tagger)["id2label"].values()]
    changed = [name.replace("I-", "E-") for name in names]
    change(tagger, id2label=dict(enumerate(changed)), label2id=None)
    out = tmp_path / "again"
    result = tfner("export", tagger, out, "--format", "huggingface")
    assert result.code == 0, result.err
    assert "pipelines of transformers know IOB2" in result.err
    assert [*change(out)["id2label"].values()] == names
