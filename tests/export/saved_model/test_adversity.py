"""Exports are run on unusual batches as servers run them, before they are published."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.errors import ExportError
from tfner_export.saved_model import session_process

from ..conftest import LONGEST, TEXTS, make_bundle, tiny_encoder

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

pytestmark = pytest.mark.slow


def check(saved_model: Path, bundle: Bundle) -> None:
    from tfner_export.exporter import Serving, Source
    from tfner_export.saved_model.adversity import check_adversity
    from tfner_export.saved_model.verification import known_rows

    source = Source(bundle, Serving(max_length=LONGEST))
    check_adversity(saved_model, source, known_rows(source))


SIGNATURES = ["serving_default", "serving_dynamic", "serving_fixed", "tags"]


def test_a_process_without_tfner_answers_as_this_one(
    bundle: Bundle, saved_model: Path, monkeypatch: pytest.MonkeyPatch, run_apart: Any
) -> None:
    imports: list[str] = []
    original = subprocess.run

    def listing_imports(command: list[Any], **settings: Any) -> Any:
        done = original([command[0], "-X", "importtime", *command[1:]], **settings)
        imports.append(done.stderr)
        return done

    def both(directory: Path, arrays: dict[str, Any]) -> Any:
        apart, here = run_apart(directory, arrays), run(directory, arrays)
        assert apart.keys() == here.keys()
        assert all(np.array_equal(apart[key], here[key]) for key in here)
        return apart

    run = session_process.run
    monkeypatch.setattr(subprocess, "run", listing_imports)
    monkeypatch.setattr(session_process, "run_apart", both)
    check(saved_model, bundle)
    (log,) = imports
    rooms = {name.partition(".")[0] for name in re.findall(r"\| +(\S+)$", log, re.M)}
    assert "tensorflow" in rooms
    assert rooms.isdisjoint({"tfner", "tfner_export"})


def outputs_changed(
    change: Callable[[str, Any], Any],
) -> Callable[[Path, dict[str, Any]], dict[str, Any]]:
    def run(directory: Path, arrays: dict[str, Any]) -> dict[str, Any]:
        found = session_process.run(directory, arrays)
        return {key: change(key, values) for key, values in found.items()}

    return run


def test_every_kind_of_fault_keeps_an_export_from_being_published(
    bundle: Bundle, saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaks(key: str, values: Any) -> Any:
        return (
            values + np.float32(1e-3)
            if key.startswith("2/") and "probs" in key
            else values
        )

    def answers_more(key: str, values: Any) -> Any:
        return np.concatenate([values, values]) if key.startswith("1/") else values

    def fixed_differs(key: str, values: Any) -> Any:
        return values + 1 if "fixed/chunk_predictions" in key else values

    for change, message in (
        (
            leaks,
            "serving_default gives chunk_probs that differ by 0.001 .* several times",
        ),
        (
            answers_more,
            "serving_default gives 2 rows of chunk_.* for 1 in a batch of one",
        ),
        (fixed_differs, "serving_fixed gives other chunk_predictions than serving_def"),
    ):
        monkeypatch.setattr(session_process, "run_apart", outputs_changed(change))
        with pytest.raises(ExportError, match=message):
            check(saved_model, bundle)


def test_a_batch_that_fails_is_told_with_its_signature(
    bundle: Bundle, saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(directory: Path, arrays: dict[str, Any]) -> dict[str, Any]:
        key = "5/serving_default/input_ids"
        assert len(arrays[key]) == 0
        return session_process.run(directory, {**arrays, key: arrays[key][0:0, 0]})

    monkeypatch.setattr(session_process, "run_apart", run)
    with pytest.raises(
        ExportError, match=r"unusual batch: serving_default: .*input_ids"
    ):
        check(saved_model, bundle)


def test_models_of_spans_are_checked_too(tmp_path: Path, vocabulary: Path) -> None:
    from tfner.inference import native_bundle
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer
    from tfner_export import export_saved_model

    tokenizer = load_tokenizer(vocabulary)
    task = SpanExtraction(tokenizer, LabelSet(["PER", "LOC"]), max_length=24)
    model = task.build(tiny_encoder(1000))
    native_bundle.build(model)
    bundle = native_bundle.save_bundle(
        tmp_path / "bundle",
        task=task,
        model=model,
        training={},
        metrics={},
        selftest=Predictor(task, KerasRunner(model)).selftest(TEXTS),
    )
    result = export_saved_model(bundle, tmp_path / "out", max_length=LONGEST)
    names = ["serving_default", "serving_dynamic", "serving_fixed", "spans"]
    assert result.signatures == names


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
def test_words_of_several_pieces_are_checked_too(
    pool: str, tmp_path: Path, vocabulary: Path
) -> None:
    from tfner_export import export_saved_model

    bundle = make_bundle(tmp_path / "bundle", vocabulary, pool=pool, head="crf")
    result = export_saved_model(bundle, tmp_path / "out", max_length=LONGEST)
    assert result.signatures == SIGNATURES
