from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tfner.errors import CorpusError, StorageError
from tfner.pretraining.text.articles import (
    LONGEST_ARTICLE,
    check_streams,
    find_files,
    read_articles,
)

ARTICLES = [["One.", "Two."], ["Three."]]
TEXT = "One.\n  Two. \n\n\n \nThree.\n"


def write(path: Path, text: str) -> str:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_articles_are_runs_of_stripped_lines(name: str, tmp_path: Path) -> None:
    assert list(read_articles(write(tmp_path / name, TEXT))) == ARTICLES


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "wiki_00"])
def test_json_lines_are_found_by_their_content(name: str, tmp_path: Path) -> None:
    records = [{"id": 1, "text": "One.\nTwo."}, {"text": "\nThree.\n"}, {"text": ""}]
    text = "\n" + "".join(f"{json.dumps(record)}\n" for record in records)
    assert list(read_articles(write(tmp_path / name, text))) == ARTICLES


def test_wikiextractors_markup_and_titles_are_left_out(tmp_path: Path) -> None:
    text = (
        '<doc id="1" url="u" title="T">\nT\n\nOne.\nTwo.\n</doc>\n'
        '<doc id="2" url="u" title="U">\n\nThree.\n</doc>\n'
    )
    assert list(read_articles(write(tmp_path / "wiki_00", text))) == ARTICLES


def test_a_file_without_blank_lines_is_not_held_in_memory(tmp_path: Path) -> None:
    line = "x" * 99_999
    path = write(tmp_path / "a.txt", f"{line}\n" * 25)
    sizes = [sum(map(len, article)) for article in read_articles(path)]
    assert sum(sizes) == 25 * len(line)
    assert max(sizes) <= LONGEST_ARTICLE + len(line)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"text": "a"}\n{"text": \n', r"a\.jsonl:2: no JSON"),
        ('{"text": "a"}\n{"title": "b"}\n', r"a\.jsonl:2: .*'text'.*title"),
        ('{"text": 3}\n', r"a\.jsonl:1: a record of raw text"),
    ],
)
def test_a_bad_record_is_named_with_its_line(
    text: str, problem: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", text)
    with pytest.raises(CorpusError, match=problem):
        list(read_articles(path))


def test_a_lone_surrogate_of_json_becomes_a_character(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a\\ud800b"}\n')
    assert list(read_articles(path)) == [["a?b"]]


def test_directories_give_their_files_in_order(tmp_path: Path) -> None:
    for name in ("AB/wiki_01", "AA/wiki_10", "AA/wiki_02", "AA/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, TEXT)
    found = find_files([str(tmp_path), str(tmp_path / "AB/wiki_01")])
    names = [Path(path).relative_to(tmp_path).as_posix() for path in found]
    assert names == ["AA/wiki_02", "AA/wiki_10", "AB/wiki_01", "AB/wiki_01"]


def test_all_inputs_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError) as caught:
        find_files([str(tmp_path / "empty"), str(tmp_path / "missing.txt")])
    assert "empty: the directory holds no file" in str(caught.value)
    assert "missing.txt: cannot be read: No such file" in str(caught.value)


def test_standard_input_cannot_be_read_twice() -> None:
    with pytest.raises(CorpusError, match="standard input cannot be"):
        check_streams(["a.txt", "-"])
