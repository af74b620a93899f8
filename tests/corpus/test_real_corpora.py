"""The corpora beside the checkout, against the counts in their READMEs."""

from __future__ import annotations

import time

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.stats import count_corpus
from tfner.errors import CorpusError

COUNTS = {
    "mit_movie/engtrain.bio": (9775, 99491, 21295, 0),
    "mit_movie/engtest.bio": (2443, 24686, 5339, 0),
    "jnlpba/test.iob2": (3856, 101039, 8662, 0),
    "ud_japanese_gsd_ne/train.bio": (7032, 167669, 10830, 0),
    "ud_japanese_gsd_ne/dev.bio": (501, 12089, 783, 0),
    "ud_japanese_gsd_ne/test.bio": (544, 13059, 609, 0),
    "ud_japanese_gsd_ne/r2.8/test.bio": (543, 13034, 609, 0),
    "genia_nested/dev.jsonl": (1765, 45415, 4714, 450),
    "genia_nested/test.jsonl": (1732, 46774, 5119, 613),
    "genia_nested/train.jsonl.gz": (15038, 397237, 46194, 4414),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_published_counts_are_found(shared, name):
    stats = count_corpus(read_corpus(shared / "data" / name))
    found = (stats.documents, stats.words, stats.entities, stats.nested)
    assert found == COUNTS[name]


def test_half_a_million_tokens_are_read_in_seconds(shared):
    begin = time.process_time()
    stats = count_corpus(read_corpus(shared / "data/jnlpba/train.iob2"))
    seconds = time.process_time() - begin
    assert (stats.documents, stats.words) == (18546, 492551)
    assert stats.labels == {
        "DNA": 9533,
        "RNA": 951,
        "cell_line": 3830,
        "cell_type": 6718,
        "protein": 30269,
    }
    assert seconds < 10  # some 2 s on an idle core


def test_a_corpus_survives_another_scheme_byte_for_byte(shared, tmp_path):
    path = shared / "data/jnlpba/test.iob2"
    write_corpus(read_corpus(path), tmp_path / "a.bio", scheme="BILOU")
    write_corpus(read_corpus(tmp_path / "a.bio"), tmp_path / "b.bio", scheme="IOB2")
    assert (tmp_path / "b.bio").read_bytes() == path.read_bytes()


def test_gsd_survives_rasa_and_jsonl_byte_for_byte(shared, tmp_path):
    path = shared / "data/ud_japanese_gsd_ne/r2.8/test.bio"
    write_corpus(read_corpus(path, join="none"), tmp_path / "a.md")
    write_corpus(read_corpus(tmp_path / "a.md"), tmp_path / "b.jsonl")
    write_corpus(read_corpus(tmp_path / "b.jsonl"), tmp_path / "c.md")
    assert (tmp_path / "a.md").read_bytes() == (tmp_path / "c.md").read_bytes()
    stats = count_corpus(read_corpus(tmp_path / "c.md"))
    assert (stats.documents, stats.entities) == (543, 609)


def test_lines_that_name_abstracts_are_comments(shared, tmp_path):
    path = shared / "data/jnlpba/sample_with_abstract_ids.iob2"
    documents = list(read_corpus(path))
    assert documents[0].metadata["comments"][0].startswith("###MEDLINE:")
    write_corpus(documents, tmp_path / "a.iob2")
    assert (tmp_path / "a.iob2").read_bytes() == path.read_bytes()
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [f.kind for f in report.findings] == ["layout"]
    assert "10 lines with #" in report.findings[0].message
    with pytest.raises(CorpusError, match="10 problems"):
        list(read_corpus(path, comments=False))


def test_the_oddities_of_gsd_are_found(shared):
    folder = shared / "data/ud_japanese_gsd_ne"
    paths = [str(folder / "train.bio"), str(folder / "dev.bio")]
    train, dev = check_corpora(paths, options=ReadOptions())
    found = [(f.kind, f.line, f.severity) for f in train.findings]
    assert found == [
        ("mixed-line-ends", None, "note"),
        ("empty-tag", 174700, "warning"),
        ("no-final-blank-line", 174700, "note"),
    ]
    assert {f.kind for f in dev.findings} >= {"mixed-line-ends", "shared-sentence"}


@pytest.mark.parametrize(
    ("name", "lines", "spaced"),
    [
        ("train", 7032, 110),
        ("dev", 501, 8),
        ("test", 544, 6),
        ("r2.8/train", 7050, 115),
        ("r2.8/dev", 507, 9),
        ("r2.8/test", 543, 6),
    ],
)
def test_gsd_has_the_spaces_of_its_raw_text(shared, name, lines, spaced):
    path = shared / f"data/ud_japanese_gsd_ne/{name}.bio"
    raw = path.parent / "raw" / f"{path.stem}.txt"
    texts = [d.text for d in read_corpus(path, raw_text=raw)]
    assert texts == raw.read_text(encoding="utf-8").split("\n")[:-1]
    assert (len(texts), sum(" " in text for text in texts)) == (lines, spaced)


@pytest.mark.parametrize(
    ("name", "restored"), [("r2.8/dev", 499), ("r2.8/test", 540), ("test", 541)]
)
def test_joining_restores_nearly_every_line_of_gsd(shared, name, restored):
    path = shared / f"data/ud_japanese_gsd_ne/{name}.bio"
    raw = path.parent / "raw" / f"{path.stem}.txt"
    lines = raw.read_text(encoding="utf-8").split("\n")
    texts = [d.text for d in read_corpus(path)]
    assert sum(a == b for a, b in zip(texts, lines, strict=False)) == restored


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("dev", [1690, 3013, 6803, 9324, 10176, 10380]),
        ("test", [958, 5304, 9029, 10530, 11388, 11664]),  # 9029: not in r2.8
    ],
)
def test_the_letters_gsd_lost_are_found_against_the_later_release(shared, name, lines):
    folder = shared / "data/ud_japanese_gsd_ne"
    path = str(folder / f"{name}.bio")
    options = ReadOptions(raw_text=str(folder / f"r2.8/raw/{name}.txt"))
    (report,) = check_corpora([path], options=options)
    found = [f.line for f in report.findings if (f.kind, f.path) == ("raw-text", path)]
    assert found == lines


@pytest.mark.parametrize("format", ["brat", "conllu"])
def test_gsd_survives_other_formats(shared, tmp_path, format):
    path = shared / "data/ud_japanese_gsd_ne/r2.8/dev.bio"
    corpus = list(read_corpus(path, raw_text=path.parent / "raw/dev.txt"))
    write_corpus(corpus, tmp_path / "out", format=format)
    found = {d.id: d for d in read_corpus(tmp_path / "out", format=format)}
    assert len(found) == len(corpus) == 507
    for document in corpus:
        copy = found[document.id]
        assert (copy.text, copy.entities) == (document.text, document.entities)
        if format == "conllu":
            assert (copy.words, copy.tags) == (document.words, document.tags)


def test_nested_entities_survive_brat(shared, tmp_path):
    corpus = list(read_corpus(shared / "data/genia_nested/dev.jsonl"))
    write_corpus(corpus, tmp_path / "out", format="brat")
    found = {d.id: d.entities for d in read_corpus(tmp_path / "out")}
    assert found == {d.id: d.entities for d in corpus}
