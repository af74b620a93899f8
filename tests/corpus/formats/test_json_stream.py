"""JSON records one at a time: the same as all at once, wherever blocks end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tfner.corpus.records.stream import JsonStream
from tfner.errors import CorpusError
from tfner.storage import lines


@pytest.fixture(params=[1, 3, 1 << 16])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lines, "BLOCK", request.param)
    return request.param


def values(path: Path, content: str) -> list[object]:
    path.write_bytes(content.encode())
    return [found.value for found in JsonStream(str(path))]


@pytest.mark.parametrize(
    "content",
    ["[{}, 1,\n[2] ]\n", "[1,]", "[,1]", "[1 2]x", "[1]x", '[{"é": "\\ud83d\n"}]'],
)
def test_a_list_breaks_off_where_json_says(
    content: str, tmp_path: Path, block: int
) -> None:
    path = tmp_path / "a"
    for end in range(1, len(content) + 1):
        part = content[:end]
        try:
            expected = json.loads(part)
        except json.JSONDecodeError as error:
            expected = f"{error.lineno}: not JSON: {error.msg} at column {error.colno}"
            with pytest.raises(CorpusError, match=re.escape(f"{path}:{expected}")):
                values(path, part)
        else:
            assert values(path, part) == expected


@pytest.mark.parametrize(
    "content",
    [
        '{"a": "é😀"}\n\n {"b": [1, 2]}\n{"c": 1.5e3}',
        '{"a": 1}\r\n{"b": 2}\r\n',
        '{"a": 1}\r{"b": 2}\r',
        '\ufeff{"a": 1}\n3\n"x"\n[1]\n',
        '{\n  "a": {\n    "b": 1}\n}\n{\n "c": 2\n}\n',
        '["a", {}]\n["b", {}]\n',
    ],
)
def test_lines_and_objects_on_several_lines_are_records(
    content: str, tmp_path: Path, block: int
) -> None:
    decoder, at, expected = json.JSONDecoder(), 0, []
    whole = content.removeprefix("\ufeff")
    while at < len(whole):
        value, at = decoder.raw_decode(whole, at)
        expected.append(value)
        at += len(whole[at:]) - len(whole[at:].lstrip())
    assert values(tmp_path / "a", content) == expected


def test_records_know_their_lines(tmp_path: Path, block: int) -> None:
    path = tmp_path / "a"
    path.write_text('\n[1,\n\n {"a":\n 2}, 3,\n4]', "utf-8")
    found = [(f.line, f.number, f.value) for f in JsonStream(str(path))]
    assert found == [(2, 1, 1), (4, 2, {"a": 2}), (5, 3, 3), (6, 4, 4)]
    path.write_text('{"a":\n1}\n\n{"b": 2}\nx\n{"c": 3}', "utf-8")
    assert [(f.line, f.value, f.problem) for f in JsonStream(str(path))] == [
        (1, {"a": 1}, None),
        (4, {"b": 2}, None),
        (5, None, "not JSON: Expecting value at column 1"),
        (6, {"c": 3}, None),
    ]


@pytest.mark.parametrize("content", ['{"a"', '{"a": [', "[" * 9, "[1, 2", '["a'])
def test_what_breaks_off_at_the_end_is_a_problem(
    content: str, tmp_path: Path, block: int
) -> None:
    path = tmp_path / "a"
    path.write_text(content, "utf-8")
    try:
        message = list(JsonStream(str(path)))[-1].problem or ""
    except CorpusError as error:
        message = str(error)
    assert "not JSON" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (f"[{'9' * 5_000}]", "a number of thousands of digits"),
        ('{"a": ' + "9" * 5_000 + "}", "a number of thousands of digits"),
    ],
)
def test_json_beyond_all_measure_is_one_sentence(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_text(content, "utf-8")
    try:
        problems = [found.problem for found in JsonStream(str(path))]
    except CorpusError as error:
        problems = [str(error)]
    assert f"JSON beyond all measure: {message}" in str(problems[0])


def test_bytes_that_are_no_utf8_are_named_with_their_place(
    tmp_path: Path, block: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes('["é",\n"'.encode() + b'\xe3"]')
    with pytest.raises(CorpusError, match=r"a:2: not UTF-8: byte 0xe3 at offset 8"):
        list(JsonStream(str(path)))
    path.write_bytes('["é"]'.encode() + b"\xe3\x81")
    with pytest.raises(CorpusError, match=r"byte 0xe3 at offset 6"):
        list(JsonStream(str(path)))


def test_a_line_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfner.corpus.records.stream.MAX_LINE", 1 << 16)
    path = tmp_path / "a"
    path.write_text('{"a": "' + "b" * (1 << 18) + '"}', "utf-8")
    with pytest.raises(CorpusError, match="a line of more than"):
        list(JsonStream(str(path)))


def test_an_object_that_breaks_on_a_later_line_is_one_problem(
    tmp_path: Path, block: int
) -> None:
    path = tmp_path / "a"
    path.write_text('{\n "a": [\n  1,\n  2 3]\n}\n', "utf-8")
    with pytest.raises(
        CorpusError, match=r"a:4: not JSON: Expecting ',' del.* column 5"
    ):
        list(JsonStream(str(path)))
