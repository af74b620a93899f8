"""Neighbouring sentences are read, never labelled, and never across documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfner.data.windows import Window
from tfner.document import Document, Entity
from tfner.tasks.context import Neighbours, encode_in_order, with_neighbours
from tfner.tasks.token_classification import TokenClassification

MakeTask = Callable[..., TokenClassification]


def sentence(text: str, document: str | None = None, *entities: Entity) -> Document:
    metadata = {} if document is None else {"document": document}
    return Document(text, text, entities, metadata=metadata)


def ids_of(neighbours: Neighbours) -> tuple[str, str]:
    before, after = ("".join(d.id for d in side) for side in neighbours)
    return before, after


def around(documents: list[Document], reach: int) -> list[tuple[str, str]]:
    return [ids_of(found) for _, found in with_neighbours(documents, reach)]


def test_documents_end_the_reach_of_context() -> None:
    names = [sentence("a", "1"), sentence("b", "1"), sentence("c", "2")]
    names += [sentence("d", "2"), sentence("e", "2")]
    assert around(names, 1) == [("", "b"), ("a", ""), ("", "d"), ("c", "e"), ("d", "")]
    assert around(names, 3)[2:] == [("", "de"), ("c", "e"), ("cd", "")]
    assert around(names, 0) == [("", "")] * 5


def test_where_no_document_is_named_the_file_is_one() -> None:
    assert around([sentence("a"), sentence("b")], 2) == [("", "b"), ("a", "")]


def test_texts_are_read_alone() -> None:
    found = list(with_neighbours(["x", "y"], 2))
    assert [(d.id, d.text) for d, _ in found] == [("1", "x"), ("2", "y")]
    assert [ids_of(n) for _, n in found] == [("", "")] * 2


@given(st.lists(st.sampled_from("12"), max_size=8), st.integers(0, 3))
def test_neighbours_are_what_a_list_says(keys: list[str], reach: int) -> None:
    documents = [sentence(str(n), key) for n, key in enumerate(keys)]
    for number, (document, found) in enumerate(with_neighbours(documents, reach)):
        assert document is documents[number]
        before = documents[max(0, number - reach) : number]
        after = documents[number + 1 : number + 1 + reach]
        same = document.metadata
        assert found.before == tuple(d for d in before if d.metadata == same)
        assert found.after == tuple(d for d in after if d.metadata == same)


def test_no_more_is_read_ahead_than_the_reach() -> None:
    taken = []

    def source() -> Iterator[Document]:
        for name in "abcdef":
            taken.append(name)
            yield sentence(name)

    for reach in (0, 2):
        taken.clear()
        next(with_neighbours(source(), reach))
        assert len(taken) == reach + 1


def windows_of(task: TokenClassification, documents: list[Document]) -> list[Window]:
    """The one window of each document, with targets."""
    found = encode_in_order(task, documents, with_targets=True)
    return [window for _, encoded in found for window in encoded.windows]


def test_context_surrounds_the_words_and_is_not_labelled(make_task: MakeTask) -> None:
    task = make_task(max_length=12, context=1)
    documents = [sentence("we flew"), sentence("anna", None, Entity(0, 4, "PER"))]
    documents.append(sentence("to rome"))
    window = windows_of(task, documents)[1]
    before, own, after = (task.tokenizer.encode(d.text).ids for d in documents)
    prefix, suffix = task.tokenizer.prefix_ids, task.tokenizer.suffix_ids
    expected = [*prefix, *before, *own, *after, *suffix]
    assert window.features["input_ids"].tolist() == expected
    at = len(prefix) + len(before)
    assert window.features["labeled_positions"].tolist() == [at]
    assert window.targets is not None
    assert window.targets["labels"].tolist() == [task.label_set.label2id["B-PER"]]
    assert window.core == window.pieces == (0, len(own))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 3))
def test_context_takes_the_room_that_is_left_and_no_more(
    make_task: MakeTask, sizes: list[int], reach: int
) -> None:
    with_context, alone = make_task(context=reach), make_task()
    documents = [sentence(" ".join(["in"] * size)) for size in sizes]
    for number, (document, encoded) in enumerate(
        encode_in_order(with_context, documents)
    ):
        windows = encoded.windows
        plain = alone.encode(document).windows
        assert len(windows) == len(plain)
        nearby = sizes[max(0, number - reach) : number + reach + 1]
        for window, lone in zip(windows, plain, strict=True):
            assert (window.pieces, window.core) == (lone.pieces, lone.core)
            assert len(window) == min(12, sum(nearby) + 2)
            at = window.features["labeled_positions"]
            ids = window.features["input_ids"][at]
            own = lone.features["input_ids"][lone.features["labeled_positions"]]
            np.testing.assert_array_equal(ids, own)


def test_the_nearest_pieces_are_taken_where_room_is_short(make_task: MakeTask) -> None:
    task = make_task(max_length=7, context=1)  # 5 pieces, 4 of them for context
    documents = [sentence("we flew to"), sentence("anna"), sentence("rome in oslo")]
    ids = windows_of(task, documents)[1].features["input_ids"]
    kept = task.tokenizer.encode("flew to anna rome in").ids
    np.testing.assert_array_equal(ids[1:-1], kept)
    task = make_task(max_length=7, context=1)
    ids = windows_of(task, [*documents[:2], sentence("in")])[1].features["input_ids"]
    np.testing.assert_array_equal(
        ids[1:-1], task.tokenizer.encode("we flew to anna in").ids
    )


def test_a_long_document_is_context_enough(make_task: MakeTask) -> None:
    task = make_task(context=1)
    long = sentence(" ".join(["anna"] * 30))
    found = windows_of(task, [sentence("to"), long, sentence("to")])
    alone = make_task().encode(long).windows
    for window, expected in zip(found[1:-1], alone, strict=True):
        np.testing.assert_array_equal(
            window.features["input_ids"], expected.features["input_ids"]
        )


def test_entities_of_neighbours_never_reach_the_features(make_task: MakeTask) -> None:
    task = make_task(context=1)
    plain = [sentence("anna"), sentence("in"), sentence("rome")]
    marked = [
        sentence("anna", None, Entity(1, 3, "PER")),
        sentence("in"),
        sentence("rome", None, Entity(0, 2, "LOC")),
    ]
    for left, right in zip(
        encode_in_order(task, plain), encode_in_order(task, marked), strict=True
    ):
        for one, other in zip(left[1].windows, right[1].windows, strict=True):
            for name, values in one.features.items():
                np.testing.assert_array_equal(values, other.features[name])
    # In training an entity that ends inside a word splits it, but only in its own text.
    assert (
        windows_of(task, marked)[1].features["input_ids"].tolist()
        == windows_of(task, plain)[1].features["input_ids"].tolist()
    )
