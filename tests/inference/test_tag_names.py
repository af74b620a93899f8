"""The names of a foreign model's outputs are read as tags, whatever their spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.errors import LabelError
from tfner.inference.tag_names import read_tag_names
from tfner.schemes import OUTSIDE, SCHEMES, LabelSet, split_tag


def read(names: str, **settings: Any) -> str:
    return " ".join(read_tag_names(names.split(), **settings).label_set.tags)


@pytest.mark.parametrize(
    ("names", "tags", "scheme"),
    [
        ("O B-PER I-PER I-LOC", "O B-PER I-PER I-LOC", "IOB1"),
        ("O B-PER I-PER B-LOC", "O B-PER I-PER B-LOC", "IOB2"),
        ("O PER LOC", "O I-PER I-LOC", "IOB1"),
        ("O I-PER I-LOC", "O I-PER I-LOC", "IOB1"),
        ("B I O", "B-ENTITY I-ENTITY O", "IOB2"),
        ("O B M E S", "O B-ENTITY I-ENTITY E-ENTITY S-ENTITY", "BIOES"),
        ("PER-B PER-I O", "B-PER I-PER O", "IOB2"),
        ("O B_PER I_PER", "O B-PER I-PER", "IOB2"),
        ("O B-PER M-PER E-PER S-PER", "O B-PER I-PER E-PER S-PER", "BIOES"),
        ("O B-PER M-PER E-PER W-PER", "O B-PER I-PER E-PER S-PER", "BIOES"),
        ("O B-PER I-PER L-PER U-PER", "O B-PER I-PER L-PER U-PER", "BILOU"),
        ("b-per i-per o", "B-per I-per O", "IOB2"),
        ("- B-PER I-PER", "O B-PER I-PER", "IOB2"),
        ("B-PER I-PER OTHER", "B-PER I-PER O", "IOB2"),
        ("None PER LOC", "O I-PER I-LOC", "IOB1"),
        ("O X Y", "O I-X I-Y", "IOB1"),
    ],
)
def test_the_spelling_is_found_by_all_names(names: str, tags: str, scheme: str) -> None:
    found = read_tag_names(names.split())
    assert " ".join(found.label_set.tags) == tags
    assert found.label_set.scheme.name == scheme
    assert found.rows == tuple(range(len(tags.split())))


@pytest.mark.parametrize(
    ("names", "tags", "rows"),
    [
        ("O B-P I-P X [CLS] [SEP]", "O B-P I-P", (0, 1, 2)),
        ("[PAD] O B-P I-P X [CLS] [SEP]", "O B-P I-P", (1, 2, 3)),
        ("<pad> B-P I-P O PAD", "B-P I-P O", (1, 2, 3)),
        ("[CLS] O P X", "O I-P", (1, 2)),
        ("X B I O", "B-ENTITY I-ENTITY O", (1, 2, 3)),
        ("B-P I-P", "B-P I-P O", (0, 1, None)),
        ("P Q", "I-P I-Q O", (0, 1, None)),
        ("B I", "B-ENTITY I-ENTITY O", (0, 1, None)),
    ],
)
def test_outputs_that_no_word_has_are_left_out_and_o_is_there(
    names: str, tags: str, rows: tuple[int | None, ...]
) -> None:
    found = read_tag_names(names.split())
    assert " ".join(found.label_set.tags) == tags
    assert found.rows == rows
    assert found.notes


@pytest.mark.parametrize(
    ("names", "schemes"),
    [
        ("O B-P I-P", ("IOB2", "IOB1")),
        ("O I-P E-P", ("IOE2", "IOE1")),
        ("PER-B PER-I O", ("IOB2", "IOB1")),
        ("O B-P I-P I-Q", ()),
        ("O B-P", ()),
        ("O I-P", ()),
        ("O P", ()),
        ("O B-P I-P E-P S-P", ()),
    ],
)
def test_some_names_leave_the_scheme_open(names: str, schemes: tuple[str, ...]) -> None:
    assert read_tag_names(names.split()).open_schemes == schemes


def test_a_scheme_that_is_named_overrules() -> None:
    found = read_tag_names(["O", "B-P", "I-P"], scheme="iob1")
    assert (found.label_set.scheme.name, found.open_schemes) == ("IOB1", ())
    labels = LabelSet(["P"])
    assert read_tag_names(labels).label_set == labels
    assert read_tag_names(labels, scheme="IOB1").label_set.scheme.name == "IOB1"
    assert read("O P X-P", scheme="IO") == "O I-P I-X-P"
    with pytest.raises(LabelError, match=r"IOE1 has no tags such as B-P\. Leave --sch"):
        read_tag_names(labels, scheme="IOE1")
    with pytest.raises(LabelError, match="unknown tag scheme 'IOB3'"):
        read_tag_names(labels, scheme="IOB3")


def test_letters_alone_take_the_label_that_is_named() -> None:
    assert read("B I O", label="GENE") == "B-GENE I-GENE O"
    assert read("B-P I-P O", label="GENE") == "B-P I-P O"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("LABEL_0 LABEL_1 LABEL_2", "say nothing: LABEL_0.*--label-mapping FILE"),
        ("0 1 2", "say nothing: 0"),
        ("", "say nothing: none"),
        ("O B-P I-P P", "some that are none: 'P'"),
        ("O B-P I-P [CLS] Q", "some that are none: 'Q'"),
        ("O B-P I-P b-P", "outputs 1 and 3 have one tag, .B-P.;.*--label-mapping FILE"),
        ("O B-P I-P B-P", "outputs 1 and 3 have one tag, .B-P.;.*--label-mapping FILE"),
        ("O", "at least one label"),
    ],
)
def test_names_that_mean_no_tags_are_refused(names: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read_tag_names(names.split())


SPELLINGS = {
    "B-PER": str,
    "PER-B": lambda tag: "-".join(reversed(tag.split("-", 1))),
    "B_PER": lambda tag: tag.replace("-", "_", 1),
    "b-PER": lambda tag: tag[0].lower() + tag[1:],
}
LABELS = st.lists(
    st.text("ABCDEFGHJKLMNOPQR", min_size=2, max_size=6),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(
    LABELS,
    st.sampled_from(sorted(SCHEMES)),
    st.sampled_from(sorted(SPELLINGS)),
    st.randoms(use_true_random=False),
)
def test_tags_of_every_scheme_come_back_from_every_spelling(
    labels: list[str], scheme: str, spelling: str, random: Any
) -> None:
    tags = list(LabelSet(labels, scheme=scheme).tags)
    random.shuffle(tags)
    names = [t if t == OUTSIDE else SPELLINGS[spelling](t) for t in tags]
    found = read_tag_names(names, scheme=scheme)
    assert list(found.label_set.tags) == tags
    assert found.rows == tuple(range(len(tags)))
    possible = read_tag_names(names)
    assert scheme in (possible.label_set.scheme.name, *possible.open_schemes)
    assert {split_tag(tag)[1] for tag in tags} - {""} == {*labels}
