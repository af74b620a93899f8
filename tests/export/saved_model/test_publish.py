"""Nothing is published that is not whole, or not the model."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
import pytest

from tfner.errors import BundleError, ExportError, StorageError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.tasks import Task

LONGEST, WINDOW = 64, 24


def fails(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "error", "expected", "message"),
    [
        (
            "tfner_export.saved_model.verification._difference",
            None,
            ExportError,
            "differs from the Keras model by 0.5",
        ),
        (
            "tfner.inference.predictor.Predictor.verify",
            BundleError("text 0 of selftest.json gave 1 entities"),
            ExportError,
            "not published: text 0 of selftest.json",
        ),
        (
            "pickle.dump",
            OSError(errno.ENOSPC, "No space left on device"),
            StorageError,
            "No space left on device",
        ),
        ("pickle.dump", KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_failed_export_leaves_old_versions_and_nothing_else(
    tmp_path: Path,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    error: BaseException | None,
    expected: type[BaseException],
    message: str | None,
) -> None:
    from tfner_export import export_saved_model

    old = tmp_path / "chunk" / "1600000000" / "saved_model.pb"
    old.parent.mkdir(parents=True)
    old.write_text("old", encoding="utf-8")
    monkeypatch.setattr(target, fails(error) if error else lambda *_: 0.5)
    with pytest.raises(expected, match=message):
        export_saved_model(bundle, tmp_path, max_length=LONGEST)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [old]
    assert old.read_text(encoding="utf-8") == "old"
    assert [path.name for path in (tmp_path / "chunk").iterdir()] == ["1600000000"]


def test_a_model_with_other_weights_is_told_apart(
    bundle: Bundle, saved_model: Path
) -> None:
    from tfner_export.exporter import Serving, Source
    from tfner_export.saved_model.verification import compare_tags

    source = Source(bundle, Serving(max_length=LONGEST))
    bias = source.model.classifier.bias
    bias.assign(bias + np.float32([1e-3, 0, 0, 0, 0]))
    with pytest.raises(ExportError, match="by the session loader it differs"):
        compare_tags(saved_model, source)


def test_another_predicted_tag_is_a_difference_unless_both_are_as_likely() -> None:
    from tfner_export.saved_model.verification import _difference

    probs = np.array([[[0.5, 0.5, 0.0], [0.9, 0.1, 0.0]]], np.float32)
    is_word = np.array([[True, True]])
    task = SimpleNamespace(steps=None, label_set=SimpleNamespace(outside_id=0))

    def difference(*tags: int) -> float:
        outputs = {"x_probs": probs, "x_predictions": np.array([tags])}
        return _difference(outputs, probs, is_word, cast("Task", task))

    assert difference(0, 0) == difference(1, 0) == 0.0
    assert difference(0, 1) == difference(2, 0) == float("inf")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": LONGEST + 1}, "64 positions. Received: max_length=65"),
        ({"max_length": WINDOW - 1}, "up to 24 pieces.*Received: max_length=23"),
        ({"task_name": "1st"}, "task_name='1st'"),
        ({"task_name": "../x"}, r"task_name='\.\./x'"),
        ({"task_name": ""}, "task_name=''"),
        ({"task_name": "ner\n"}, "begins with a letter"),
    ],
)
def test_what_cannot_be_served_is_an_error(
    tmp_path: Path, bundle: Bundle, settings: dict[str, Any], message: str
) -> None:
    from tfner_export import export_saved_model

    with pytest.raises(ExportError, match=message):
        export_saved_model(bundle, tmp_path, **{"max_length": LONGEST, **settings})
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_without_a_first_special_piece_is_an_error(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export import export_saved_model

    monkeypatch.setattr(bundle.task.tokenizer, "prefix_ids", [])
    with pytest.raises(ExportError, match=r"no piece such as \[CLS\]"):
        export_saved_model(bundle, tmp_path, max_length=LONGEST)


def test_an_unwritable_place_is_an_error(tmp_path: Path, bundle: Bundle) -> None:
    from tfner_export import export_saved_model

    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="file/chunk: cannot be written"):
        export_saved_model(bundle, tmp_path / "file", max_length=LONGEST)


def test_a_second_that_is_taken_gives_way_to_the_next_free_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export import publish

    monkeypatch.setattr(publish.time, "time", lambda: 1700000000.9)
    for name in ("1700000000", "1700000001", ".stage"):
        (tmp_path / name).mkdir()
    published = publish._publish(tmp_path / ".stage", tmp_path)
    assert published == tmp_path / "1700000002"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1700000000",
        "1700000001",
        "1700000002",
    ]


@pytest.mark.parametrize("longest", [1, 15, 16, 17, 40, 64])
def test_a_batch_is_cut_after_its_longest_row_and_computes_the_same(
    bundle: Bundle, longest: int
) -> None:
    from tfner.data.features import to_wire
    from tfner_export.exporter import Serving, Source
    from tfner_export.saved_model.signatures import TaggerModule, trim

    mask = np.zeros((2, LONGEST), np.int32)
    mask[0, :longest] = 1
    mask[1, :1] = 1
    positions = np.zeros_like(mask)
    positions[0, : max(longest - 2, 0)] = np.arange(1, max(longest - 1, 1))
    features = {
        "input_ids": mask * 7,
        "attention_mask": mask,
        "token_type_ids": mask * 0,
        "labeled_positions": positions,
    }
    inputs, is_word = trim(features)
    rounded = -(-longest // 16) * 16
    assert inputs["input_ids"].shape == (2, rounded)
    assert inputs["labeled_positions"].shape == (2, max(longest - 2, 0))
    assert np.array(is_word).sum(1).tolist() == [max(longest - 2, 0), 0]
    whole, _ = trim(features, pieces=False)
    assert whole["input_ids"].shape == (2, LONGEST)

    def serve(*, trimmed: bool) -> dict[str, Any]:
        serving = Serving(max_length=LONGEST, trimmed=trimmed)
        outputs = TaggerModule(Source(bundle, serving)).serve(to_wire(features))
        return dict(outputs)

    trimmed, untrimmed = serve(trimmed=True), serve(trimmed=False)
    difference = np.array(trimmed["chunk_probs"] - untrimmed["chunk_probs"])
    assert np.abs(difference).max(initial=0.0) < 1e-5
    assert np.array_equal(trimmed["chunk_predictions"], untrimmed["chunk_predictions"])


def test_a_word_past_the_mask_keeps_its_place_in_the_row() -> None:
    from tfner_export.saved_model.signatures import trim

    mask = np.zeros((1, LONGEST), np.int32)
    mask[0, :4] = 1
    positions = np.zeros_like(mask)
    positions[0, :2] = (1, 20)
    inputs, _ = trim(
        {
            "input_ids": mask,
            "attention_mask": mask,
            "token_type_ids": mask,
            "labeled_positions": positions,
        }
    )
    assert inputs["input_ids"].shape == (1, 32)
