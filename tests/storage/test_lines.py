"""Lines of files: their ends, their length, and files that are no text."""

from __future__ import annotations

import gzip
import io
import logging
import os
import resource
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import read_corpus, write_corpus
from tfner.errors import CorpusError
from tfner.storage import lines as storage
from tfner.storage import progress
from tfner.storage.lines import MAX_LINE, decode_lines, read_lines

MAC = "Mira\tB-PER\rSol\tI-PER\rran\tO\r\rÉva\tO\r"
COLUMNS = "Mira\tB-PER\nSol\tI-PER\nran\tO\n\n"


@pytest.fixture
def written(tmp_path):
    def write(content, name="a.bio"):
        path = tmp_path / name
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write


@pytest.mark.parametrize("name", ["a.bio", "a.bio.gz", "-"])
def test_a_carriage_return_alone_ends_lines(written, name, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    if name == "-":
        stream = io.TextIOWrapper(io.BytesIO(MAC.encode()))
        monkeypatch.setattr("sys.stdin", stream)
        path = name
    else:
        path = written(MAC, name)
    first, second = read_corpus(path, format="conll")
    assert first.text == "Mira Sol ran"
    assert [first.surface(e) for e in first.entities] == ["Mira Sol"]
    assert second.text == "Éva"
    assert caplog.text.count("carriage return alone") == 1


def test_remote_files_have_the_same_lines(written):
    tf = pytest.importorskip("tensorflow")
    here, far = written(MAC, "a.bio.gz"), "ram://lines/a.bio.gz"
    tf.io.gfile.makedirs("ram://lines")
    tf.io.gfile.copy(here, far, overwrite=True)
    assert list(read_lines(far)) == list(read_lines(here))


def test_lines_of_old_macs_keep_their_ends_and_numbers(written):
    path = written("\ufeffa\rb\r\nc\n\rd")
    assert list(read_lines(path)) == [(1, "a\rb"), (2, "c"), (3, "\rd")]
    path = written("\ufeffa\rb\r\rc")
    assert list(read_lines(path)) == [(1, "a"), (2, "b"), (3, ""), (4, "c")]
    kept = list(read_lines(path, keep_ends=True, keep_bom=True))
    assert "".join(line for _, line in kept) == "\ufeffa\rb\r\rc"


def test_bad_bytes_of_old_macs_have_their_line_and_offset(written):
    with pytest.raises(CorpusError, match=r"a\.bio:2: .* 0xe9 at offset 4 of"):
        list(read_lines(written(b"a\rb \xe9\rc")))


PIECES = st.lists(
    st.sampled_from(["a", "é", "\n", "\r\n", "\r", "\u2028", "\x85", " ", "B-X", "🙂"]),
    max_size=30,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(PIECES, st.integers(1, 9))
def test_lines_end_at_line_feeds_however_the_bytes_come(text, size):
    text = f"1\n{text}"
    content = text.encode()
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    expected = text.split("\n")
    expected = expected if expected[-1] else expected[:-1]
    lines = list(decode_lines(blocks, "x"))
    assert lines == list(enumerate((x.rstrip("\r") for x in expected), 1))
    kept = decode_lines(blocks, "x", keep_ends=True)
    assert "".join(line for _, line in kept) == text


@settings(max_examples=200, deadline=None)
@given(PIECES, st.integers(1, 9))
def test_lines_end_at_carriage_returns_however_the_bytes_come(text, size):
    text = text.replace("\n", "") + "\r"
    content = text.encode()
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    expected = text.split("\r")[:-1]
    assert list(decode_lines(blocks, "x")) == list(enumerate(expected, 1))
    kept = decode_lines(blocks, "x", keep_ends=True)
    assert "".join(line for _, line in kept) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("text", [COLUMNS, "\n\n" + COLUMNS, "日本\tB-LOC\nは\tO\n"])
def test_utf16_is_named(written, text, encoding):
    with pytest.raises(CorpusError, match=r"like UTF-16: save the file as UTF-8 \(ico"):
        list(read_corpus(written(text.encode(encoding))))


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be", "utf-32"])
def test_utf32_is_named(written, encoding):
    with pytest.raises(CorpusError, match="looks like UTF-32"):
        list(read_corpus(written(COLUMNS.encode(encoding))))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00abc", "a ZIP archive"),
        (b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94", "a pickle"),
        (b"PAR1\x15\x04\x15\x00\x15 L", "a Parquet file"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document"),
        (gzip.compress(b"a", mtime=0), "This is gzip: end its name in .gz"),
        (bytes(range(32)) * 9, "a binary file"),
        (bytes(999), "a binary file"),
        (b"\xe9\x81" + bytes(range(256)) * 9, "a binary file"),
        ("Caf\xe9\tO\n".encode("latin-1") * 99, "Save the file as UTF-8"),
    ],
)
def test_a_binary_file_is_named_in_one_sentence(written, content, named):
    with pytest.raises(CorpusError, match=named) as caught:
        list(read_corpus(written(content), format="conll"))
    assert "\n" not in str(caught.value)


def test_a_binary_file_of_another_name_is_named_too(written):
    with pytest.raises(CorpusError, match=r"a\.png: no corpus\. This is a PNG image"):
        read_corpus(written(b"\x89PNG\r\n\x1a\n", "a.png"))


def test_a_single_nul_is_a_character(written):
    path = written("Mira\tB-PER\nSo\0l\tI-PER\n" + "ran\tO\n" * 9)
    assert "So\0l" in next(read_corpus(path)).text


@pytest.mark.parametrize("end", ["", "\n", "\r"])
def test_a_line_has_a_length_that_memory_can_hold(end):
    blocks = [end.encode()] * bool(end) + [b"a" * (1 << 20)] * 600
    with pytest.raises(CorpusError, match="a line of more than 16 MB"):
        list(decode_lines(iter(blocks), "x"))
    whole = decode_lines(blocks[:20], "x", keep_ends=True)
    assert sum(len(line) for _, line in whole) > MAX_LINE


def test_an_endless_line_takes_little_memory(tmp_path):
    path = tmp_path / "a.bio"
    with path.open("wb") as file:
        file.truncate(500 << 20)
        file.write(b"Mira\tO\n" + b"Mira " * 5000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CorpusError, match="a line of more than 16 MB"):
        list(read_corpus(path))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 100


def test_standard_input_is_read_as_it_comes():
    code = (
        "from tfner.storage.lines import read_lines\n"
        "for number, line in read_lines('-'): print(line, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()


class Terminal(io.StringIO):
    """What the bar takes for a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(storage, "BLOCK", 64)
    monkeypatch.setitem(progress._switch, "on", False)
    return stream


def read_slowly(path):
    for _ in read_lines(path):
        time.sleep(0.004)


@pytest.mark.parametrize("name", ["a.bio", "a.bio.gz"])
def test_a_long_reading_shows_a_bar_and_removes_it(written, terminal, name):
    path = written("".join(f"word{i * i}\tO\n" for i in range(100)), name)
    progress.show_progress(True)
    read_slowly(path)
    shown = terminal.getvalue()
    assert os.path.basename(path) in shown
    assert "%|" in shown
    assert shown.endswith("\r")
    assert not shown.split("\r")[-2].strip()


def test_there_is_no_bar_unless_switched_on_at_a_terminal(
    written, terminal, monkeypatch
):
    path = written("word\tO\n" * 40)
    read_slowly(path)
    assert terminal.getvalue() == ""
    pipe = io.StringIO()
    monkeypatch.setattr(progress.sys, "stderr", pipe)
    progress.show_progress(True)
    read_slowly(path)
    assert pipe.getvalue() == terminal.getvalue() == ""


def test_there_is_no_bar_among_lines_that_go_to_the_terminal(
    written, terminal, monkeypatch
):
    path = written("word\tO\n" * 60, "a.txt")
    progress.show_progress(True)
    monkeypatch.setattr("sys.stdout", Terminal())
    write_corpus(read_corpus(path), "-", format="jsonl")
    assert terminal.getvalue() == ""


def test_a_short_reading_shows_no_bar(written, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 2.0)
    progress.show_progress(True)
    read_slowly(written("word\tO\n" * 30))
    assert terminal.getvalue().strip("\r ") == ""
