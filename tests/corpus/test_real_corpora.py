"""The corpora beside the checkout, against the counts in their READMEs."""

from __future__ import annotations

import time

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.check import check_corpora
from tfner.corpus.options import ReadOptions
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


def test_lines_of_one_column_are_named(shared):
    path = shared / "data/jnlpba/sample_with_abstract_ids.iob2"
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path))
    assert "10 problems" in str(caught.value)
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [f.kind for f in report.findings] == ["wrong-columns"] * 10
    assert report.findings[0].line == 1


def test_the_oddities_of_gsd_are_found(shared):
    folder = shared / "data/ud_japanese_gsd_ne"
    paths = [str(folder / "train.bio"), str(folder / "dev.bio")]
    train, dev = check_corpora(paths, options=ReadOptions())
    found = [(f.kind, f.line, f.severity) for f in train.findings]
    assert found == [
        ("mixed-line-ends", None, "note"),
        ("empty-tag", 174700, "warning"),
    ]
    assert {f.kind for f in dev.findings} >= {"mixed-line-ends", "shared-sentence"}
