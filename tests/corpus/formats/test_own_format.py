"""A format of one's own: a module with a `Format`, and a line in the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from typer.testing import CliRunner

from tfner import Document, Entity, read_corpus, write_corpus
from tfner.cli.main import app
from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.errors import ConfigError, CorpusError
from tfner.storage.lines import read_lines


def scan_stars(path: str, options: ReadOptions) -> Iterator[tuple[int, Document | str]]:
    """Texts in which stars stand around the names of persons: `*Ada* met *Bob*.`"""
    del options
    for number, line in read_lines(path):
        parts = line.split("*")
        if len(parts) % 2 == 0:
            yield number, "a star has no partner"
            continue
        text, entities = "", []
        for place, part in enumerate(parts):
            if place % 2:
                entities.append(Entity(len(text), len(text) + len(part), "PER"))
            text += part
        yield number, Document(f"stars:{number}", text, tuple(entities))


def write_stars(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    del scheme
    written = 0
    for document in documents:
        written += 1
        marks = sorted({p for e in document.entities for p in (e.start, e.end)})
        cuts = zip([0, *marks], [*marks, len(document.text)], strict=True)
        stream.write("*".join(document.text[a:b] for a, b in cuts) + "\n")
    return written


STARS = Format(name="stars", scan=scan_stars, write=write_stars, suffixes=(".stars",))


@pytest.fixture
def stars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(FORMATS, "stars", STARS)
    path = tmp_path / "a.stars"
    path.write_text("*Ada* met *Bob*.\nNobody came.\n", "utf-8")
    return path


def test_it_is_found_by_its_suffix_read_and_written(stars: Path) -> None:
    documents = list(read_corpus(stars))
    assert documents[0].text == "Ada met Bob."
    assert documents[0].entities == (Entity(0, 3, "PER"), Entity(8, 11, "PER"))
    again = stars.with_name("b.stars")
    assert write_corpus(documents, again) == 2
    assert again.read_bytes() == stars.read_bytes()


def test_what_is_wrong_with_it_is_told_with_its_line(stars: Path) -> None:
    stars.write_text("*Ada met Bob.\nfine\n*Bob\n", "utf-8")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(stars))
    assert f"{stars}:1: a star has no partner" in str(caught.value)
    assert f"{stars}:3: a star has no partner" in str(caught.value)


def test_every_command_takes_it(stars: Path, tmp_path: Path) -> None:
    def tfner(*words: object) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
        return result.stdout

    tfner("corpus", "convert", stars, tmp_path / "a.jsonl")
    record = json.loads((tmp_path / "a.jsonl").read_text("utf-8").splitlines()[0])
    assert [entity["label"] for entity in record["entities"]] == ["PER", "PER"]
    tfner("corpus", "convert", tmp_path / "a.jsonl", tmp_path / "b", "--to", "stars")
    assert (tmp_path / "b").read_bytes() == stars.read_bytes()
    assert "PER" in tfner("corpus", "stats", stars)
    assert "0 errors" in tfner("corpus", "check", stars)


def test_what_it_does_not_hold_is_refused_by_name(stars: Path, tmp_path: Path) -> None:
    documents = list(read_corpus(stars))
    with pytest.raises(ConfigError, match="stars holds no tags"):
        write_corpus(documents, tmp_path / "b.stars", scheme="IOB2")
    with pytest.raises(ConfigError, match="stars holds none"):
        write_corpus(documents, tmp_path / "b.stars", queries={"PER": "person"})
    with pytest.raises(ConfigError, match="stars has its own text"):
        read_corpus(stars, raw_text=stars)


def test_a_format_that_is_only_read_says_so(
    stars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "stars", Format(name="stars", scan=scan_stars))
    with pytest.raises(ConfigError, match="stars is read only"):
        write_corpus(read_corpus(stars, format="stars"), tmp_path / "b", format="stars")
