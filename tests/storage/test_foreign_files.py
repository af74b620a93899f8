"""Files that anybody may have written are read within limits, or refused."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.errors import StorageError
from tfner.storage.atomic import write_json
from tfner.storage.foreign_files import (
    DEEPEST,
    LARGEST,
    check_directory,
    check_files,
    parse_json,
    read_bytes,
    read_json,
    read_text,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**39), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"a\.json: damaged; it cannot be read as JSON \(Expecting"),
        (b"[]", "must hold a JSON object"),
        (b"", "damaged"),
        (b"\xff{}", "damaged"),
        (b'{"a": 1, "b": 2, "a": 1}', "the key 'a' is there twice"),
        (b'{"a": {"b": 1, "b": 1}}', "the key 'b' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "'1e999' is too large a number"),
        (b'{"a": %s}' % (b"9" * 41), "an integer of 41 digits"),
        (b'{"a": %s}' % (b"9" * 5000), "an integer of 5,000 digits"),
        (b'{"a": "\\ud800"}', "half of a character"),
        (b'{"\\uDFFF": 1}', "half of a character"),
        (b'{"a": %s}' % nested(100_000).encode(), "more than 64 deep"),
        (b'{"a": %s}' % nested(DEEPEST + 1).encode(), "more than 64 deep"),
        (b'{"a":' * 100_000, "more than 64 deep"),
        (b"[" * 100_000, "more than 64 deep"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
    ids=range(18),
)
def test_what_is_no_json_within_limits_is_one_sentence(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=message) as caught:
        read_json(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_is_read_as_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"ü": [1]})
    assert read_json(tmp_path / "a") == {"ü": [1]}
    write_json(tmp_path / "a", [1])
    assert read_json(tmp_path / "a", list) == [1]
    (tmp_path / "a").write_text('\ufeff{"a": "\\ud83d\\ude00"}', encoding="utf-8")
    assert read_json(tmp_path / "a") == {"a": "😀"}
    unlimited = 10**30  # as transformers writes it
    assert parse_json(f"[{unlimited}]", place="a") == [unlimited]
    assert parse_json(nested(DEEPEST), place="a")


@settings(max_examples=20)
@given(VALUES)
def test_any_value_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse_json(text, place="a") == value == json.loads(text)


@settings(max_examples=20)
@given(st.binary(max_size=60) | st.text('[]{}",:1eE.-naN\\u dtrsl').map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(StorageError):
        parse_json(content, place="a")


@pytest.mark.parametrize("read", [read_json, read_bytes, read_text, check_files])
def test_what_is_no_file_is_refused(tmp_path: Path, read: Any) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("folder", "pipe", "zeros"):
        with pytest.raises(StorageError, match=f"{name}: must be a regular file"):
            read(tmp_path / name)
    with pytest.raises(StorageError, match="cannot be read: No such file"):
        read(tmp_path / "nothing")


def test_what_has_the_name_of_a_file_and_is_none_is_not_taken_for_missing(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").touch()
    (tmp_path / "latest").symlink_to("nowhere")  # no file of a model
    check_directory(tmp_path)
    check_directory(tmp_path / "model.ckpt-3")
    check_directory(tmp_path / "nowhere" / "model")
    (tmp_path / "vocab.txt").symlink_to("nowhere")
    with pytest.raises(StorageError, match=r"vocab\.txt: is a link to what is not"):
        check_directory(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "tokenizer_settings.json").mkdir()
    check_directory(tmp_path / "bert")
    (tmp_path / "model.ckpt-3.index").touch()
    with pytest.raises(StorageError, match=r"settings\.json: must be a regular file"):
        check_directory(tmp_path / "model.ckpt-3")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room
    with pytest.raises(StorageError, match="at most 16,777,216 bytes"):
        read_json(path)
    path.write_bytes(b" " * (LARGEST - 2) + b"{}")
    assert read_json(path) == {}
