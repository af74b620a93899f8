"""Schemas name all that is wrong with a file at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from tfner.errors import StorageError
from tfner.storage.schema import Range, check_values, read_record


@dataclass(frozen=True)
class Part:
    class_: str
    size: Annotated[int, Range(1, 9)] | None = None


@dataclass(frozen=True)
class Whole:
    number: Annotated[float, Range(0, 1)]
    words: list[str]
    parts: dict[str, Part]
    kind: Literal["a", "b"] = "a"
    switch: bool = False
    few: Annotated[list[int], Range(1, 2)] = field(default_factory=lambda: [1])
    anything: Any = None


RIGHT = {"number": 0, "words": ["x"], "parts": {"p": {"class": "c", "size": 9}}}


def test_what_fits_becomes_the_dataclass() -> None:
    assert read_record(Whole, RIGHT, place="f") == Whole(0, ["x"], {"p": Part("c", 9)})
    more = {"kind": "b", "switch": True, "few": [1, 2], "anything": [[{}]]}
    assert read_record(Whole, RIGHT | more, place="f").kind == "b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": 1.5}, "`number` must be a number from 0 to 1. Received: 1.5"),
        ({"number": True}, "`number` must be a number from 0 to 1. Received: true"),
        ({"number": "0"}, "`number` must be a number from 0 to 1. Received: '0'"),
        ({"number": None}, "Received: null"),
        ({"words": "x"}, "`words` must be a list. Received: 'x'"),
        ({"words": ["x", 1]}, r"`words\[1\]` must be a text. Received: 1"),
        ({"parts": []}, r"`parts` must be an object. Received: '\[\]'"),
        ({"parts": {"p": {}}}, r"`parts\.p\.class` is missing"),
        (
            {"parts": {"p": {"class": "", "size": 1.0}}},
            r"`parts\.p\.size` must be an i",
        ),
        ({"parts": {"p": {"class": "", "size": 10**12}}}, "from 1 to 9. R"),
        (
            {"parts": {"p": {"class": "", "sise": 1}}},
            "`parts.p`: unknown key 'sise'",
        ),
        ({"kind": "c"}, "`kind` must be 'a' or 'b'. Received: 'c'"),
        ({"kind": ["a"]}, "`kind` must be 'a' or 'b'"),
        ({"switch": 0}, "`switch` must be true or false. Received: 0"),
        ({"few": []}, r"`few` must be a list of 1 to 2. Received: '\[\]'"),
        ({"few": [1, "2"]}, r"`few\[1\]` must be an integer"),
        ({"nunber": 1}, "unknown key 'nunber'; did you mean 'number'"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StorageError, match=f"f: .*{message}"):
        read_record(Whole, RIGHT | change, place="f")


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(StorageError) as caught:
        read_record(Whole, {"kind": 1, "few": 2, "more": 3}, place="f")
    assert str(caught.value).splitlines()[0] == "f: 6 problems:"


@pytest.mark.parametrize("record", [None, [], "x", 3])
def test_what_is_no_object_is_said(record: object) -> None:
    with pytest.raises(StorageError, match="f: it must be an object"):
        read_record(Whole, record, place="f")


def test_of_an_open_object_the_known_keys_are_checked() -> None:
    hints = {"a": int, "b": list[str] | None}
    assert check_values({"b": None, "c": object()}, hints) == []
    wrong = check_values({"a": "1", "b": [1]}, hints, names={"a": "x.a"})
    assert [problem.split()[0] for problem in wrong] == ["`x.a`", "`b[0]`"]
