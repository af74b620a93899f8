"""Files that cannot be read or written: one sentence each, nothing left behind."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, StorageError

DOCUMENT = Document("d", "text")


@pytest.mark.parametrize("name", ["a.bio", "a.jsonl", "a.bio.gz"])
def test_a_missing_file_is_an_error_at_once(tmp_path, name):
    with pytest.raises(StorageError, match="No such file"):
        read_corpus(tmp_path / name)


def test_a_column_file_of_comments_alone_is_an_error(tmp_path):
    (tmp_path / "a.bio").write_text("#FORMAT=WebAnno tvalue\x02#T_RL=de.tudarmst")
    with pytest.raises(CorpusError, match="the file is empty"):
        list(read_corpus(tmp_path / "a.bio"))


@pytest.mark.parametrize("name", ["a.bio", "a.jsonl", "a.txt.gz"])
@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(CorpusError, match="the file is empty"):
        list(read_corpus(path))


def test_a_directory_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="is a directory"):
        read_corpus(tmp_path, format="conll")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_no_utf8_are_named_with_line_and_offset(tmp_path, start):
    content = start + "é\tO\nb".encode() + b"\xe9\tO\n"
    (tmp_path / "a.bio").write_bytes(content)
    offset = content.index(b"\xe9\t")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path / "a.bio"))
    assert f"a.bio:2: not UTF-8: byte 0xe9 at offset {offset} " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "hint"),
    [("a\tO\n".encode("utf-16"), "UTF-16"), (gzip.compress(b"a", mtime=0), "gzip")],
)
def test_other_encodings_are_recognised(tmp_path, content, hint):
    (tmp_path / "a.bio").write_bytes(content)
    with pytest.raises(CorpusError, match=hint):
        list(read_corpus(tmp_path / "a.bio"))


@pytest.mark.parametrize(
    "content",
    [b"a\tO\n", gzip.compress(b"a\tO\n" * 99, mtime=0)[:-9], b"\x1f\x8b\x08\x00abc"],
)
def test_gzip_that_is_none_or_damaged_is_an_error(tmp_path, content):
    (tmp_path / "a.bio.gz").write_bytes(content)
    with pytest.raises(CorpusError, match=r"a\.bio\.gz: damaged or no gzip"):
        list(read_corpus(tmp_path / "a.bio.gz"))


def test_an_unknown_suffix_or_format_lists_the_known_ones(tmp_path):
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(CorpusError, match=r"'\.xyz'.*\.jsonl.*conll"):
        read_corpus(tmp_path / "a.xyz")
    with pytest.raises(ConfigError, match="did you mean 'conll'"):
        read_corpus(tmp_path / "a.xyz", format="conl")


@pytest.mark.parametrize("suffix", [".bio", ".iob2", ".conll", ".tsv", ".txt", ".BIO"])
def test_column_suffixes_are_known(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_text("x\tB-A\n")
    assert next(read_corpus(tmp_path / f"a{suffix}")).tags == ("B-A",)


def test_plain_text_gives_a_document_a_line(tmp_path):
    (tmp_path / "a.txt").write_text("one two\n\n \u3000\nthree\u2028four\r\n")
    documents = list(read_corpus(tmp_path / "a.txt", format="text"))
    assert [(d.id, d.text) for d in documents] == [
        ("a:1", "one two"),
        ("a:4", "three\u2028four"),
    ]
    assert write_corpus(documents, tmp_path / "b.txt", format="text") == 2
    assert (tmp_path / "b.txt").read_text() == "one two\nthree\u2028four\n"


def test_text_files_refuse_a_line_break_in_a_document(tmp_path):
    with pytest.raises(CorpusError, match="'d' holds a line break"):
        write_corpus([Document("d", "a\nb")], tmp_path / "b.txt", format="text")


def test_standard_input_is_text_unless_named_otherwise(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a b\nc\n")))
    assert [d.text for d in read_corpus("-")] == ["a b", "c"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("old")

    def documents():
        yield DOCUMENT
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_corpus(documents(), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(
            StorageError, match=r"a\.jsonl: cannot be written: File too"
        ):
            write_corpus([DOCUMENT] * 1000, tmp_path / "a.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match="cannot be written: No such file"):
        write_corpus([DOCUMENT], tmp_path / "missing" / "a.jsonl")
    with pytest.raises(StorageError, match="is a directory"):
        write_corpus([DOCUMENT], tmp_path, format="jsonl")


def test_a_lone_surrogate_is_refused_when_writing(tmp_path):
    with pytest.raises(StorageError, match=r"surrogate U\+D800"):
        write_corpus([Document("d", "\ud800")], tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_devices_and_links_stay_what_they_are(tmp_path):
    write_corpus([DOCUMENT], "/dev/null", format="jsonl")
    assert not os.path.isfile("/dev/null")
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "real.jsonl")
    write_corpus([DOCUMENT], link)
    assert link.is_symlink()
    assert (tmp_path / "real.jsonl").is_file()


def test_a_file_may_be_converted_onto_itself(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("x\tB-A\n\n" * 3000)
    assert write_corpus(read_corpus(path), path, scheme="BILOU") == 3000
    assert path.read_text().startswith("x\tU-A\n")


def test_a_scheme_for_a_format_without_tags_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a scheme is for conll"):
        write_corpus([DOCUMENT], tmp_path / "a.jsonl", scheme="IOB2")
