"""Nothing is published that is not whole, or not the model."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tfner.errors import BundleError, ConfigError, ExportError, StorageError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

LONGEST, WINDOW = 64, 24


def fails(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "error", "expected", "message"),
    [
        pytest.param(
            "tfner_export.saved_model.verification._difference",
            None,
            ExportError,
            "differs from the Keras model by 0.5",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "tfner.inference.predictor.Predictor.verify",
            BundleError("text 0 of selftest.json gave 1 entities"),
            ExportError,
            "not published: text 0 of selftest.json",
            marks=pytest.mark.slow,
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


@pytest.mark.parametrize(
    ("format", "setting", "flag"),
    [
        ("huggingface", {"task_name": "x"}, "--task-name"),
        ("huggingface", {"max_length": 64}, "--max-length"),
        ("google", {"max_rows": 3}, "--max-rows"),
        ("google", {"serving_text": True}, "--serving-text"),
        ("huggingface", {"for_server": "2.6"}, "--for-server"),
    ],
)
def test_settings_that_would_make_no_difference_are_refused(
    format: str, setting: dict[str, Any], flag: str, tmp_path: Path
) -> None:
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    nothing: Any = None
    serving = Serving(**setting)
    with pytest.raises(ConfigError, match=f"--format {format} has no use for {flag}"):
        export(nothing, tmp_path / "out", format=format, serving=serving)
    with pytest.raises(ConfigError, match="has no use for --canary"):
        export(nothing, tmp_path / "out", format=format, canary=True)
    assert not (tmp_path / "out").exists()
