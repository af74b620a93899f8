"""Tags of any spelling are read as those of one spelling."""

from __future__ import annotations

from collections import Counter

import pytest

from tfner.corpus.formats.options import ReadOptions
from tfner.errors import LabelError
from tfner.tag_syntax import find_syntax


def read(tags: str, **settings):
    names = tags.split()
    syntax = find_syntax(Counter(names), **settings)
    return " ".join(syntax.table.get(name, "?") for name in names)


@pytest.mark.parametrize(
    ("tags", "canonical"),
    [
        ("B-PER I-PER O", "B-PER I-PER O"),
        ("S-PER B-PER L-PER", "S-PER B-PER L-PER"),
        ("PER PER O LOC", "I-PER I-PER O I-LOC"),
        ("art-music person-artist/author O", "I-art-music I-person-artist/author O"),
        ("B-P M-P E-P S-P O", "B-P I-P E-P S-P O"),
        ("B-P M-P E-P W-P O", "B-P I-P E-P S-P O"),
        ("PER-B PER-I O", "B-PER I-PER O"),
        ("PER_B PER_M PER_E O", "B-PER I-PER E-PER O"),
        ("B_PER I_PER O", "B-PER I-PER O"),
        ("B:cell-line I:cell-line O", "B-cell-line I-cell-line O"),
        ("B/PER I/PER O", "B-PER I-PER O"),
        ("b-per i-per o", "B-per I-per O"),
        ("b-PER B-PER I-PER O", "B-PER B-PER I-PER O"),
        ("- B-PER I-PER", "O B-PER I-PER"),
        ("_ _ PER", "O O I-PER"),
        ("0 B-PER", "O B-PER"),
        ("O O", "O O"),
        ("B-P X-P O", "B-P ? O"),
        ("PER-B PER-B PERB O", "B-PER B-PER ? O"),
        ("B-P I-P M-P O", "B-P I-P ? O"),
        ("B-P O _", "B-P O ?"),
    ],
)
def test_the_spelling_is_found_by_all_tags(tags, canonical):
    assert read(tags) == canonical


@pytest.mark.parametrize(
    "tags",
    ["NN VB", "NN , . O", "_ SpaceAfter=No", "1 2 0", "_ _", "NN NN _", "B I O"],
)
def test_columns_of_other_things_hold_no_tags(tags):
    syntax = find_syntax(Counter(tags.split()))
    assert syntax.problem
    assert syntax.strangers
    assert not syntax.table


def test_a_column_of_words_holds_no_labels():
    words = Counter({f"word{number}a": 1 for number in range(400)} | {"O": 5})
    assert "--from-scheme IO" in find_syntax(words).problem


def test_labels_without_prefix_may_be_asked_for():
    assert read("PER LOC X-P", scheme="IO") == "I-PER I-LOC I-X-P"
    assert read("I-PER O", scheme="IO") == "I-PER O"
    assert find_syntax(Counter(["PER", "O"]), scheme="IOB2").strangers == ("PER",)


def test_letters_alone_need_a_label():
    assert read("B I O", label="GENE") == "B-GENE I-GENE O"
    assert read("b m e s o", label="GENE") == "B-GENE I-GENE E-GENE S-GENE O"
    assert "--label" in find_syntax(Counter("BIO")).problem


def test_an_empty_tag_is_outside():
    assert find_syntax(Counter(["", "B-X"])).canonical("") == "O"


def test_what_differs_from_our_own_spelling_is_told():
    assert find_syntax(Counter(["B-X", "O"])).about is None
    assert "M-X, read as I-X" in find_syntax(Counter(["B-X", "M-X", "E-X"])).about
    assert "LOC, PER" in find_syntax(Counter(["PER", "LOC", "O"])).about
    assert "'-' for O" in find_syntax(Counter(["B-X", "-"])).about


def test_a_stranger_has_no_canonical_tag():
    with pytest.raises(ValueError, match="'X-P' is not a tag"):
        find_syntax(Counter(["B-P", "X-P"])).canonical("X-P")


@pytest.mark.parametrize(
    ("name", "scheme", "tag_scheme"),
    [("io", "IO", "IOB1"), ("Bmes", "BMES", "BIOES"), ("bio", "IOB2", "IOB2")],
)
def test_schemes_of_files_are_options_of_reading(name, scheme, tag_scheme):
    options = ReadOptions(scheme=name)
    assert (options.scheme, options.tag_scheme) == (scheme, tag_scheme)
    with pytest.raises(LabelError, match="BMEWO"):
        ReadOptions(scheme="xyz")
