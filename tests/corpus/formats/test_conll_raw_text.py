"""The spaces of the original, supplied beside a column file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Entity
from tfner.errors import ConfigError, CorpusError, StorageError
from tfner.marks import trimmed

COLUMNS = "三代目\tB-ORG\nJ\tI-ORG\nSOUL\tI-ORG\nの\tO\n\n曲\tO\n。\tO\n\n歌\tO\n\n"
RAW = "三代目 J SOULの\n曲。\n歌\n"


@pytest.fixture
def pair(tmp_path):
    def write_pair(columns=COLUMNS, raw=RAW):
        (tmp_path / "a.bio").write_text(columns)
        (tmp_path / "a.raw").write_text(raw)
        return tmp_path / "a.bio", tmp_path / "a.raw"

    return write_pair


def read(pair):
    path, raw = pair
    return list(read_corpus(path, raw_text=raw))


def surfaces(document):
    return [document.surface(word) for word in document.words]


def refusal(pair):
    with pytest.raises(CorpusError) as caught:
        read(pair)
    return str(caught.value).replace(str(pair[0].parent) + "/", "").splitlines()


def test_text_and_offsets_are_those_of_the_raw_text(pair):
    first, second, third = read(pair())
    assert [first.text, second.text, third.text] == RAW.splitlines()
    assert first.entities == (Entity(0, 10, "ORG"),)
    assert [first.surface(word) for word in first.words] == [
        "三代目",
        "J",
        "SOUL",
        "の",
    ]
    assert first.tags == ("B-ORG", "I-ORG", "I-ORG", "O")


@pytest.mark.parametrize(
    "raw",
    [
        "三代目 \u3000J\tSOUL の \n曲。\n歌",  # any white space, also at the end
        "\ufeff三代目 J SOULの\r\n曲。\r\n歌\r\n",
        "三代目 J SOULの\n\n曲。\n \n歌\n\n",  # blank lines
    ],
)
def test_white_space_and_line_ends_may_be_any(pair, raw):
    first = read(pair(raw=raw))[0]
    assert [first.surface(word) for word in first.words] == [
        "三代目",
        "J",
        "SOUL",
        "の",
    ]


def test_a_line_too_few_is_one_difference(pair):
    message = refusal(pair(raw="三代目 J SOULの\n歌\n"))
    assert message == [
        "a.bio:6: no line of a.raw is this sentence: '曲。'",
        "A raw text has one line for each sentence: its tokens with the spaces of the "
        "original. Here are 3 sentences and 2 lines. Mend either file.",
    ]


def test_all_differences_are_named_with_the_places_in_both_files(pair):
    message = refusal(pair(raw="三代目 J SOWLの\n別\n曲。\n歌う\n"))
    assert message[:-1] == [
        "3 differences:",
        "  a.bio:1: '三代目JSOULの' is '三代目JSOWLの' in a.raw:1",
        "  a.raw:2: no sentence of a.bio is this line: '別'",
        "  a.bio:9: '歌' is '歌う' in a.raw:4",
    ]


@pytest.mark.parametrize(
    ("columns", "raw"), [("10000\tB-N\n\n", "10 000\n"), ("10 000\tB-N\n\n", "10000\n")]
)
def test_white_space_inside_a_token_must_stand_in_both_files(pair, columns, raw):
    message = refusal(pair(columns, raw))[0]
    assert "does not follow in the text at character 0 of a.raw:1" in message
    assert "white space inside a token must stand in both files" in message


def test_a_token_with_a_space_is_found_where_the_text_has_it(pair):
    (document,) = read(pair("約\tO\n10 000\tB-N\n\n", "約 10 000\n"))
    assert document.surface(document.entities[0]) == "10 000"


def test_nothing_is_written_when_the_lines_differ(pair, tmp_path):
    path, raw = pair(raw="三代目 J SOULの\n曲。\n詩\n")
    with pytest.raises(CorpusError, match=r"a\.bio:9"):
        write_corpus(read_corpus(path, raw_text=raw), tmp_path / "b.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bio", "a.raw"]


def test_a_raw_text_is_for_column_files_and_must_exist(pair, tmp_path):
    path, _ = pair()
    with pytest.raises(StorageError, match=r"missing: cannot be read: No such file"):
        read_corpus(path, raw_text=tmp_path / "missing")
    with pytest.raises(ConfigError, match="jsonl has its own text"):
        read_corpus(path, format="jsonl", raw_text=path)


def test_check_names_the_differences_as_errors(pair):
    path, raw = pair(raw="三代目 J SOULの\n曲。\n詩\n声\n")
    options = ReadOptions(raw_text=str(raw))
    (report,) = check_corpora([str(path)], options=options)
    found = [(f.path, f.line, f.severity, f.kind) for f in report.findings]
    assert found == [
        (str(path), 9, "error", "raw-text"),
        (str(raw), 4, "error", "raw-text"),
    ]


WORDS = st.text(
    st.characters(exclude_characters="\t\n\r ", exclude_categories=["Cs"]),
    min_size=1,
    max_size=4,
).filter(lambda word: not word.startswith(("-DOCSTART-", "\ufeff")))
SPACES = st.sampled_from(["", " ", "  ", "\u3000", "\u00a0 "])


def tidy_surface(word: str) -> str:
    start, end = trimmed(word, 0, len(word))
    return word[start:end] or word


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(WORDS, SPACES), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_any_words_are_found_in_any_text_made_of_them(sentences):
    texts = ["".join(word + space for word, space in s) for s in sentences]
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder) / "a.bio", Path(folder) / "a.raw"
        blocks = ("".join(f"{word}\tB-X\n" for word, _ in s) for s in sentences)
        path.write_text("\n".join(blocks) + "\n", newline="\n")
        raw.write_text("".join(f"{text}\n" for text in texts), newline="\n")
        documents = list(read_corpus(path, raw_text=raw))
    assert [d.text for d in documents] == texts
    assert list(map(surfaces, documents)) == [
        [tidy_surface(word) for word, _ in s] for s in sentences
    ]
