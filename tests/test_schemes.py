"""Tag schemes, the one decoder and label sets."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.errors import LabelError
from tfner.evaluation.strict import decode_strict
from tfner.schemes import (
    SCHEMES,
    LabelSet,
    Scheme,
    Span,
    decode_tags,
    encode_spans,
    find_scheme,
    invalid_positions,
    is_tag,
    split_tag,
)

GOLDEN = Path(__file__).parent / "golden" / "schemes.tsv"
LABELS = ("PER", "LOC", "cell-line", "cell")
EVERY_SCHEME = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=list(SCHEMES))


def golden_rows() -> list[list[str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")][1:]


def spans_of(cell: str) -> list[Span]:
    if cell == "none":
        return []
    parts = [item.split("-", 2) for item in cell.split()]
    return [Span(int(start), int(end), label) for start, end, label in parts]


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Spans without overlap, often side by side, and the number of words."""
    spans, position = [], 0
    pieces = st.tuples(
        st.integers(0, 2), st.integers(1, 4), st.sampled_from(LABELS[:3])
    )
    for gap, length, label in draw(st.lists(pieces, max_size=6)):
        start = position + gap
        position = start + length
        spans.append(Span(start, position, label))
    return spans, position + draw(st.integers(0, 2))


def tag_lists(prefixes: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    tags = ["O", *(f"{p}-{label}" for p in prefixes for label in LABELS[:2])]
    return st.lists(st.sampled_from(tags), max_size=10)


@pytest.mark.parametrize(("scheme", "tags", "spans", "strict"), golden_rows())
def test_golden_sequences_are_read_as_the_table_says(
    scheme: str, tags: str, spans: str, strict: str
) -> None:
    assert decode_tags(tags.split()) == spans_of(spans)
    assert decode_strict(tags.split(), find_scheme(scheme)) == spans_of(strict)


@EVERY_SCHEME
@given(sentence=sentences())
def test_decoding_returns_the_spans_that_were_encoded(
    scheme: Scheme, sentence: tuple[list[Span], int]
) -> None:
    spans, length = sentence
    tags = encode_spans(spans, length, scheme)
    assert len(tags) == length
    assert {split_tag(tag)[0] for tag in tags} <= {"O", *scheme.prefixes}
    assert decode_tags(tags) == spans
    assert invalid_positions(tags, scheme) == []


@EVERY_SCHEME
@given(data=st.data())
def test_tags_are_valid_just_if_encoding_their_spans_gives_them_back(
    scheme: Scheme, data: st.DataObject
) -> None:
    tags = data.draw(tag_lists((*scheme.prefixes, "X")))
    again = encode_spans(decode_tags(tags), len(tags), scheme)
    assert (invalid_positions(tags, scheme) == []) == (again == tags)


@given(sentence=sentences(), start=st.sampled_from(list(SCHEMES)), data=st.data())
def test_converting_to_any_scheme_and_back_changes_nothing(
    sentence: tuple[list[Span], int], start: str, data: st.DataObject
) -> None:
    spans, length = sentence
    tags = encode_spans(spans, length, SCHEMES[start])
    other = SCHEMES[data.draw(st.sampled_from(list(SCHEMES)))]
    there = encode_spans(decode_tags(tags), length, other)
    assert encode_spans(decode_tags(there), length, SCHEMES[start]) == tags


@given(tags=tag_lists(tuple("BIELSUX")))
def test_any_tags_are_read_as_ordered_spans_without_overlap(tags: list[str]) -> None:
    spans = decode_tags(tags)
    ends = [0, *(span.end for span in spans)]
    assert all(end <= span.start for end, span in zip(ends, spans, strict=False))
    covered = {i for start, end, _ in spans for i in range(start, end)}
    assert covered == {i for i, tag in enumerate(tags) if tag != "O"}
    assert all(split_tag(tags[i])[1] == s.label for s in spans for i in range(*s[:2]))


@pytest.mark.parametrize("tag", ["", "B", "B-", "PER", "X-PER", "O-PER", "b-PER"])
def test_strings_that_are_no_tags_are_invalid_in_every_scheme(tag: str) -> None:
    assert not is_tag(tag)
    for scheme in SCHEMES.values():
        assert invalid_positions(["O", tag, "O"], scheme) == [1, 2]


def test_what_is_no_tag_is_read_without_losing_what_is_one() -> None:
    assert decode_tags(["B-PER", "O-PER", "I-PER"]) == [(0, 1, "PER"), (2, 3, "PER")]
    assert decode_tags(["B", "B-PER", "I", ""]) == [(1, 2, "PER")]
    assert decode_tags(["B-PER", "M-PER", "E-PER"]) == [(0, 3, "PER")]


def test_invalid_positions_name_the_step_and_the_unfinished_end() -> None:
    bioes = SCHEMES["BIOES"]
    assert invalid_positions(["O", "I-PER", "E-PER"], bioes) == [1]
    assert invalid_positions(["O", "B-PER"], bioes) == [2]
    assert invalid_positions([], bioes) == []


def test_overlapping_or_outlying_spans_cannot_be_encoded() -> None:
    iob2 = SCHEMES["IOB2"]
    with pytest.raises(LabelError, match=r"may not overlap.*--task span"):
        encode_spans([Span(0, 2, "PER"), Span(1, 3, "LOC")], 3, iob2)
    with pytest.raises(LabelError, match="lies outside 3 words"):
        encode_spans([Span(2, 4, "PER")], 3, iob2)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("bio", "IOB2"), ("IOBES", "BIOES"), ("iob", "IOB1"), ("Bilou", "BILOU")],
)
def test_schemes_are_found_by_alias_and_in_any_case(name: str, scheme: str) -> None:
    assert find_scheme(name).name == scheme


def test_an_unknown_scheme_names_the_nearest() -> None:
    with pytest.raises(LabelError, match=r"'BILUO'; did you mean 'BILOU'\? Known: "):
        find_scheme("BILUO")


def test_transitions_of_iob2() -> None:
    table = LabelSet(["PER", "LOC"]).transitions
    #    O     B-PER I-PER  B-LOC I-LOC
    assert table == [
        [True, True, False, True, False],  # O
        [True, True, True, True, False],  # B-PER
        [True, True, True, True, False],  # I-PER
        [True, True, False, True, True],  # B-LOC
        [True, True, False, True, True],  # I-LOC
    ]


def test_transitions_of_bioes_leave_no_span_open() -> None:
    labels = LabelSet(["PER"], scheme="BIOES")
    assert labels.tags == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    allowed = {
        (a, b)
        for a, row in zip(labels.tags, labels.transitions, strict=True)
        for b, ok in zip(labels.tags, row, strict=True)
        if ok
    }
    closed, opening = ("O", "E-PER", "S-PER"), ("O", "B-PER", "S-PER")
    within = {(a, b) for a in ("B-PER", "I-PER") for b in ("I-PER", "E-PER")}
    assert allowed == {(a, b) for a in closed for b in opening} | within


@EVERY_SCHEME
@given(sentence=sentences())
def test_a_label_set_decodes_the_ids_that_it_encoded(
    scheme: Scheme, sentence: tuple[list[Span], int]
) -> None:
    labels = LabelSet(LABELS, scheme=scheme.name)
    spans, length = sentence
    assert labels.decode(labels.encode(spans, length)) == spans
    assert [labels.label2id[tag] for tag in labels.tags] == list(labels.id2label)


def test_an_unknown_label_is_refused_by_name() -> None:
    with pytest.raises(LabelError, match=r"unknown to the model: B-ORG. Known: PER."):
        LabelSet(["PER"]).encode([Span(0, 1, "ORG")], 2)


@pytest.mark.parametrize(
    ("tags", "scheme", "labels"),
    [
        (["I-LOC", "O", "B-LOC", "B-a-b", "I-a-b"], "IOB2", ("LOC", "a-b")),
        (["O", "B-X"], "IOB2", ("X",)),
        (["O", "I-X"], "IOB1", ("X",)),
        (["O", "I-X", "E-X"], "IOE2", ("X",)),
        (["O", "B-X", "I-X", "E-X", "S-X"], "BIOES", ("X",)),
        (["U-X", "O", "B-X", "L-X"], "BILOU", ("X",)),
    ],
)
def test_a_label_set_from_tags_keeps_their_order_and_finds_the_scheme(
    tags: list[str], scheme: str, labels: tuple[str, ...]
) -> None:
    found = LabelSet.from_tags(tags)
    assert (found.tags, found.scheme.name, found.labels) == (
        tuple(tags),
        scheme,
        labels,
    )
    assert found.tags[found.outside_id] == "O"


def test_a_scheme_that_is_named_is_not_guessed() -> None:
    assert LabelSet.from_tags(["O", "B-X", "I-X"], scheme="IOB1").scheme.name == "IOB1"


@pytest.mark.parametrize(
    ("labels", "tags", "message"),
    [
        ([], None, "at least one label"),
        (["PER", ""], None, "none empty"),
        (["PER", "PER"], None, "labels repeat"),
        (["PER"], ["O", "B-PER", "B-PER"], "tags repeat"),
        (["PER"], ["O", "B-LOC"], "of the labels"),
        (["PER"], ["B-PER", "I-PER"], "must be O and"),
    ],
)
def test_label_sets_that_make_no_sense_are_refused(
    labels: list[str], tags: list[str] | None, message: str
) -> None:
    with pytest.raises(LabelError, match=message):
        LabelSet(labels, tags=tags)


@pytest.mark.parametrize("labels", [{"PER", "LOC"}, frozenset({"PER"}), "PER"])
def test_labels_without_an_order_are_refused(labels: object) -> None:
    with pytest.raises(TypeError, match="need an order"):
        LabelSet(labels)  # type: ignore[arg-type]


def test_the_digest_is_that_of_the_ordered_tags() -> None:
    labels = LabelSet(["PER", "LOC"])
    assert labels.digest == LabelSet(["PER", "LOC"], scheme="bio").digest
    assert labels == LabelSet.from_tags(labels.tags)
    others = [
        LabelSet(["LOC", "PER"]),
        LabelSet(["PER", "LOC"], scheme="IOB1"),
        LabelSet(["PER", "LOC"], tags=labels.tags[::-1]),
    ]
    assert len({labels, *others}) == 4


def test_the_digest_is_the_same_in_processes_that_order_sets_differently() -> None:
    code = (
        "from tfner.schemes import LabelSet;"
        "print(LabelSet(sorted({'PER', 'LOC', 'ORG', 'MISC'}), scheme='BIOES').digest)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_json_brings_a_label_set_back() -> None:
    labels = LabelSet(["b", "a"], scheme="BILOU", tags=["U-a", "O", "B-b", "L-b"])
    again = LabelSet.from_json(labels.to_json())
    assert again == labels
    assert again.labels == ("b", "a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tags": ["O", "I-PER", "B-PER"]}, "labels.json was changed"),
        ({"scheme": "IOB1"}, "labels.json was changed"),
        ({"digest": "0"}, "labels.json was changed"),
        ({"labels": 3}, "`labels` must be a list"),
        ({"tags": [1, 2]}, r"`tags\[1\]` must be a text"),
    ],
)
def test_json_that_was_changed_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(LabelError, match=message):
        LabelSet.from_json({**LabelSet(["PER"]).to_json(), **change})


def test_json_that_lacks_keys_names_them() -> None:
    with pytest.raises(LabelError, match=r"(?s)`scheme` is missing.*`tags` is missing"):
        LabelSet.from_json({"labels": ["PER"]})


def test_reading_a_large_corpus_takes_seconds_not_minutes() -> None:
    generator = random.Random(0)
    tags = [*["O"] * 8, "B-PER", "I-PER", "B-LOC", "I-LOC"]
    corpus = [generator.choices(tags, k=25) for _ in range(5_000)]
    began = time.process_time()
    for sentence in corpus:
        decode_tags(sentence)
        invalid_positions(sentence, SCHEMES["IOB2"])
    assert time.process_time() - began < 2  # measured: 0.1 s
