"""Beam gives the lines of `tfner predict`; skipped where it is not installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfner.corpus import read_corpus
from tfner.document import Document
from tfner.errors import BundleError, ConfigError, CorpusError, StorageError
from tfner.inference import chunks
from tfner.inference.predictor import Predictor
from tfner.reports.predictions import json_lines
from tfner.tasks.context import with_neighbours

from .conftest import TEXTS, make_bundle

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = (*TEXTS, "anna \x07 met \x07", "bert in rome . " * 9)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Beam's own modules warn
    pytest.mark.skipif(
        importlib.util.find_spec("apache_beam") is None,
        reason="needs apache-beam: pip install -e '.[beam]'",
    ),
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks of a part, and several parts of a file."""
    from tfner_export.beam import files

    monkeypatch.setattr(files, "CHUNKS", 2)
    monkeypatch.setattr(chunks, "DOCUMENTS", 4)


@pytest.fixture
def folder(tmp_path: Path, small: None) -> Path:
    for name, count in (("b", 30), ("a", 5), ("c", 17)):
        lines = "".join(f"{text}\n" for text in islice(cycle(SENTENCES), count))
        (tmp_path / f"{name}.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def test_lines_and_losses_are_those_of_the_command(
    saved_model: Path, folder: Path
) -> None:
    from tfner_export.beam import predict_files

    predictor, counts, lines = Predictor.load(saved_model), Counter[str](), []
    for name in "abc":
        documents = read_corpus(folder / f"{name}.txt", format="text")
        lines += json_lines(predictor.stream(documents, counts=counts), labels=())
    output = folder / "out.jsonl"
    lost = predict_files([f"{folder}/*.txt"], saved_model, str(output))
    assert output.read_bytes() == "".join(lines).encode()
    assert +lost == +counts != {}
    assert sorted(path.name for path in folder.iterdir()) == [
        *("a.txt", "b.txt", "c.txt", "out.jsonl")
    ]
    with pytest.raises(StorageError, match=r"exists\. Add --overwrite"):
        predict_files([f"{folder}/*.txt"], saved_model, str(output))
    arguments = ([f"{folder}/b.txt", f"{folder}/a.txt"], saved_model, str(output))
    predict_files(*arguments, overwrite=True)
    assert output.read_bytes() == "".join([*lines[5:35], *lines[:5]]).encode()


def test_a_model_with_context_sees_neighbours_across_chunks(
    vocabulary: Path, folder: Path
) -> None:
    from tfner_export.beam import predict_files

    bundle = make_bundle(folder / "model", vocabulary, context=1)
    documents = read_corpus(folder / "b.txt", format="text")
    lines = json_lines(Predictor.of(bundle).stream(documents), labels=())
    output = folder / "out.jsonl"
    predict_files([f"{folder}/b.txt"], bundle.directory, str(output))
    assert output.read_bytes() == "".join(lines).encode()


def test_what_is_missing_is_said_before_anything_runs(
    saved_model: Path, folder: Path
) -> None:
    from tfner_export.beam import predict_files

    out = str(folder / "out.jsonl")
    with pytest.raises(CorpusError, match=r"none\*: matches no file"):
        predict_files([f"{folder}/none*"], saved_model, out)
    with pytest.raises(BundleError, match="there is no model"):
        predict_files([f"{folder}/a.txt"], folder / "none", out)


@pytest.mark.parametrize("one_model", [False, True])
def test_texts_and_documents_get_entities(saved_model: Path, one_model: bool) -> None:
    expected = Predictor.load(saved_model).predict(TEXTS)
    assert sum(len(document.entities) for document in expected) > 0
    known = [("", document.text, document.entities) for document in expected]
    check(
        [*TEXTS, Document("d", TEXTS[0])],
        saved_model,
        [*known, ("d", *known[0][1:])],
        one_model=one_model,
    )


def test_pairs_bring_the_context(vocabulary: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "model", vocabulary, context=1)
    predictor = Predictor.of(bundle)
    documents = [Document(str(n), text) for n, text in enumerate(TEXTS)]
    expected = predictor.predict(documents)
    assert predictor.predict(TEXTS) != expected
    known = [(d.id, d.text, d.entities) for d in expected]
    check(list(with_neighbours(documents, 1)), bundle.directory, known)


def test_arguments_of_single_calls_are_refused(bundle: Bundle) -> None:
    from tfner_export.beam import EntityHandler

    handler = EntityHandler(bundle.directory)
    with pytest.raises(ConfigError, match="Received: top_k"):
        handler.validate_inference_args({"top_k": 1})


def check(examples: list[Any], model: Path, known: list[Any], **settings: Any) -> None:
    """Compare what a pipeline finds: id, text and entities of each document."""
    import apache_beam as beam
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.testing.util import assert_that, equal_to

    from tfner_export.beam import EntityHandler

    with beam.Pipeline(runner="BundleBasedDirectRunner") as pipeline:
        found = (
            pipeline
            | beam.Create(examples)
            | RunInference(EntityHandler(model, **settings))
            | beam.Map(lambda result: result.inference)
            | beam.Map(lambda d: (d.id, d.text, d.entities))
        )
        assert_that(found, equal_to(known))


def call(*arguments: Any) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
    return subprocess.run(
        [sys.executable, "-m", "tfner_export.beam", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("content", "model", "message"),
    [
        (b"anna\n\xff\n", "", "not UTF-8"),
        (b"anna\n", "/nowhere", "there is no model at"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    saved_model: Path, tmp_path: Path, content: bytes, model: str, message: str
) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    flags = ["--input", tmp_path / "a.txt", "--output", tmp_path / "out"]
    done = call(*flags, "--model", f"{saved_model}{model}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "while running" not in last
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
