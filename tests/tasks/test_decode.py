"""What `TokenClassification` makes of a model's probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.corpus.formats.conll import entities_of
from tfner.corpus.joining import join_words
from tfner.data.windows import Window
from tfner.document import Document, Entity, Word
from tfner.schemes import SCHEMES, LabelSet, Span, decode_tags
from tfner.tasks.token_classification import TokenClassification

MakeTask = Callable[..., TokenClassification]
Outputs = list[dict[str, np.ndarray]]


def one_hot(windows: Sequence[Window], num_tags: int) -> Outputs:
    """What a model that knows the targets gives."""
    eye = np.eye(num_tags, dtype=np.float32)
    return [{"probs": eye[w.targets["labels"]]} for w in windows if w.targets]


def softmax(random: np.random.Generator, windows: list[Window], tags: int) -> Outputs:
    scores = [np.exp(random.normal(0, 3, (len(w.word_index), tags))) for w in windows]
    return [{"probs": (s / s.sum(1, keepdims=True)).astype("f4")} for s in scores]


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, LabelSet]:
    """Words of odd characters between odd spaces, entities over some of them."""
    names = draw(st.lists(st.text("AB-é", min_size=1), min_size=1, unique=True))
    labels = LabelSet(names, scheme=draw(st.sampled_from(list(SCHEMES))))
    word = st.text("abxyZ9é東ﬁ㈱😀.", min_size=1, max_size=14)
    text, words, entities, start = "", [], [], None
    for surface in draw(st.lists(word, max_size=20)):
        text += draw(st.sampled_from(["", " ", "\u3000", "\n "]))
        words.append(Word(len(text), len(text) + len(surface)))
        text += surface
        if start is None and draw(st.booleans()):
            start = words[-1].start
        if start is not None and draw(st.booleans()):
            label = draw(st.sampled_from(labels.labels))
            entities.append(Entity(start, len(text), label))
            start = None
    return Document("1", text, tuple(entities), tuple(words)), labels


@given(documents())
def test_a_model_that_knows_the_targets_gives_the_gold_entities(
    make_task: MakeTask, drawn: tuple[Document, LabelSet]
) -> None:
    document, labels = drawn
    task = make_task(labels)
    windows = task.encode(document, with_targets=True).windows
    outputs = one_hot(windows, len(labels.tags))
    found = task.decode(document, windows, outputs)
    assert found.entities == document.entities
    assert found.words == document.words
    assert found.text == document.text


@given(documents())
def test_documents_come_back_with_words_tags_and_scheme(
    make_task: MakeTask, drawn: tuple[Document, LabelSet]
) -> None:
    document, labels = drawn
    task = make_task(labels)
    windows = task.encode(document).windows
    random = np.random.default_rng(0)
    found = task.decode(document, windows, softmax(random, windows, len(labels.tags)))
    assert found.id == document.id
    assert found.words == document.words
    assert found.tags is not None
    assert set(found.tags) <= set(labels.tags)
    assert found.metadata["scheme"] == labels.scheme.name
    borders = {word.start for word in found.words or ()}
    for entity in found.entities:
        assert entity.score is not None
        assert 0 < entity.score <= 1
        assert entity.start in borders
        assert entity.label in labels.labels


def test_the_score_is_the_mean_probability_of_the_words(make_task: MakeTask) -> None:
    task, document = make_task(), Document("1", "anna zorg in")
    windows = task.encode(document).windows
    probs = np.full((3, 5), 0.05, np.float32)
    probs[0, 1], probs[1, 2], probs[2, 0] = 0.8, 0.6, 0.9  # B-PER I-PER O
    (entity,) = task.decode(document, windows, [{"probs": probs}]).entities
    assert (entity.start, entity.end, entity.label) == (0, 9, "PER")
    assert entity.score == pytest.approx(0.7)


def test_invalid_tags_are_kept_and_read_as_conlleval_does(make_task: MakeTask) -> None:
    task, document = make_task(), Document("1", "anna zorg in")
    windows = task.encode(document).windows
    probs = np.eye(5, dtype=np.float32)[[0, 2, 4]]
    found = task.decode(document, windows, [{"probs": probs}])
    assert found.tags == ("O", "I-PER", "I-LOC")
    assert [(e.start, e.end, e.label) for e in found.entities] == [
        (5, 9, "PER"),
        (10, 12, "LOC"),
    ]


def test_gold_entities_and_tags_are_replaced_and_metadata_kept(
    make_task: MakeTask,
) -> None:
    task = make_task()
    document = Document(
        "1",
        "anna",
        (Entity(0, 4, "LOC"),),
        (Word(0, 4),),
        ("B-LOC",),
        {"source": "x", "scheme": "IOB1"},
    )
    windows = task.encode(document).windows
    outside = [{"probs": np.eye(5, dtype=np.float32)[:1]}]
    found = task.decode(document, windows, outside)
    assert found.entities == ()
    assert found.tags == ("O",)
    assert found.metadata == {"source": "x", "scheme": "IOB2"}


@pytest.mark.parametrize("words", ["gold", "own"])
@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), (" \n", 0), ("\u200b", 0), ("\x07", 1), ("\x07 \x07", 2)],
)
def test_texts_without_pieces_come_back_whole(
    make_task: MakeTask, words: str, text: str, count: int
) -> None:
    task = make_task(words=words)
    found = task.decode(Document("1", text), [], [])
    assert found.text == text
    assert found.entities == ()
    assert found.words is not None
    assert len(found.words) == count
    assert found.tags == ("O",) * count


BLANKS = [" ", "\u00ad", "\x07", ""]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("decode", ["argmax", "viterbi"])
def test_words_without_pieces_follow_their_neighbours(
    make_task: MakeTask, blank: str, decode: str
) -> None:
    task = make_task(decode=decode, max_length=64)
    surfaces = [blank, "anna", blank, blank, "zorg", blank, "in", blank, "paris", blank]
    text, words = join_words(surfaces, "none")
    document = Document("1", text, words=tuple(words))
    (window,) = task.encode(document).windows
    probs = np.full((4, 5), 0.05, np.float32)
    probs[[0, 1, 2, 3], [1, 2, 0, 3]] = [0.8, 0.6, 0.9, 0.8]
    found = task.decode(document, [window], [{"probs": probs}])
    assert found.tags == ("O", "B-PER", *["I-PER"] * 3, "O", "O", "O", "B-LOC", "O")
    person, place = found.entities
    assert found.surface(person) == f"anna{blank}{blank}zorg"
    assert found.surface(place) == "paris"
    assert person.score == pytest.approx(0.7)


@pytest.mark.parametrize("scheme", ["IOB2", "IOB1", "BIOES"])
@pytest.mark.parametrize("blank", BLANKS)
def test_targets_come_back_whatever_words_have_no_pieces(
    make_task: MakeTask, blank: str, scheme: str
) -> None:
    """Entities that begin and end with such words, and such words between two."""
    surfaces = [blank, "anna", blank, "zorg", blank, "anna", "zorg", blank, "in"]
    text, words = join_words(surfaces, "none")
    entities = entities_of(
        ["B-PER", "I-PER", "I-PER", "I-PER", "O", "B-PER", "B-PER", "I-PER", "O"], words
    )
    labels = LabelSet(["PER", "LOC"], scheme=scheme)
    task = make_task(labels, max_length=64)
    document = Document("1", text, entities, tuple(words))
    windows = task.encode(document, with_targets=True).windows
    ids = np.concatenate([w.targets["labels"] for w in windows if w.targets])
    spans = [Span(0, 2, "PER"), Span(2, 3, "PER"), Span(3, 4, "PER")]
    assert ids.tolist() == labels.encode(spans, 5)
    outputs: Outputs = [{"probs": np.eye(len(labels.tags), dtype=np.float32)[ids]}]
    found = task.decode(document, windows, outputs)
    assert decode_tags(found.tags or ()) == [
        Span(1, 4, "PER"), Span(5, 6, "PER"), Span(6, 7, "PER")
    ]  # fmt: skip
    surfaces = [found.surface(entity) for entity in found.entities]
    assert surfaces == [f"anna{blank}zorg", "anna", "zorg"]
    assert task.word_losses(document, windows, outputs).sum() == 0


def test_entities_without_a_piece_are_counted(make_task: MakeTask) -> None:
    words = (Word(0, 4), Word(5, 6), Word(7, 12))
    entities = (Entity(5, 6, "PER"), Entity(7, 12, "LOC"))
    document = Document("1", "anna \x07 paris", entities, words)
    _, counts = make_task().encode(document, with_targets=True)
    assert counts["entities_without_pieces"] == 1


def test_marks_that_nobody_sees_are_no_part_of_a_predicted_entity(
    make_task: MakeTask,
) -> None:
    task, text = make_task(), "\ufeffanna \u200eparis\u200e ."
    words = (Word(0, 5), Word(6, 13), Word(14, 15))
    document = Document("1", text, words=words)
    probs = np.eye(5, dtype=np.float32)[[1, 3, 0]]
    found = task.decode(document, task.encode(document).windows, [{"probs": probs}])
    assert [found.surface(entity) for entity in found.entities] == ["anna", "paris"]


def test_a_document_that_says_it_has_no_words_gets_none(make_task: MakeTask) -> None:
    task, document = make_task(), Document("1", "anna", words=())
    for with_targets in (False, True):
        assert task.encode(document, with_targets=with_targets).windows == []
    assert task.decode(document, [], []).words == ()


@given(st.lists(st.sampled_from(["in", "anna", "xyz", "zorgzorgzorg"]), max_size=30))
def test_each_word_gets_the_probabilities_of_its_own_window(
    make_task: MakeTask, words: list[str]
) -> None:
    task, document = make_task(), Document("1", " ".join(words))
    windows = task.encode(document).windows
    marked: Outputs = [
        {"probs": np.full((len(w.word_index), 5), 1 + number, np.float32)}
        for number, w in enumerate(windows)
    ]
    merged = task.merge([document], [windows], [marked])[1].probs
    assert merged.shape == (len(words), 5)
    for number, window in enumerate(windows):
        assert (merged[window.word_index] == 1 + number).all()
    assert (merged > 0).all()


@given(st.lists(st.sampled_from(["in", "anna", "xyz", "zorgzorgzorg"]), max_size=30))
def test_a_crf_reads_all_words_of_a_window_and_those_of_its_core_count(
    make_task: MakeTask, words: list[str]
) -> None:
    document = Document("1", " ".join(words))
    merged = []
    for task in (make_task(), make_task(head="crf")):
        windows = task.encode(document).windows
        marked: Outputs = [
            {"probs": np.full((len(w.word_index), 5), 1 + number, np.float32)}
            for number, w in enumerate(windows)
        ]
        merged.append(task.merge([document], [windows], [marked])[1].probs)
    np.testing.assert_array_equal(merged[0], merged[1])
    firsts = np.flatnonzero(
        np.diff(task.tokenizer.encode(document.text).word_index, prepend=-1)
    )
    for window in windows:
        start, end = window.pieces
        assert len(window.word_index) == ((firsts >= start) & (firsts < end)).sum()
    for one, other in zip(
        make_task().encode(document, with_targets=True).windows,
        task.encode(document, with_targets=True).windows,
        strict=True,
    ):
        np.testing.assert_array_equal(one.word_index, other.word_index)


def test_offsets_are_into_the_text_of_the_user(make_task: MakeTask) -> None:
    text = "\u3000㈱ ﾊﾟﾘ😀 Ａｎｎａ\u00a0Ångström…"
    task, document = make_task(("X",), max_length=64), Document("1", text)
    (window,) = task.encode(document).windows
    probs = np.eye(3, dtype=np.float32)[[1] * len(window.word_index)]
    found = task.decode(document, [window], [{"probs": probs}])
    surfaces = [found.surface(entity) for entity in found.entities]
    assert surfaces == ["㈱", "ﾊﾟ", "ﾘ", "😀", "Ａｎｎａ", "Ångström", "…"]


def test_word_losses_are_the_cross_entropy_of_the_gold_tags(
    make_task: MakeTask,
) -> None:
    text = "anna xyz in paris \x07 zorg"
    gold = (Entity(0, 8, "PER"), Entity(12, 17, "LOC"))
    document = Document("1", text, gold)
    task = make_task(max_length=9, overlap=2)
    windows = task.encode(document).windows
    outputs = softmax(np.random.default_rng(3), windows, 5)
    merged = task.merge([document], [windows], [outputs])[1].probs
    names = ("B-PER", "I-PER", "O", "B-LOC", None, "O")
    expected = [
        -math.log(merged[word, task.label_set.label2id[name]])
        for word, name in enumerate(names)
        if name is not None
    ]
    assert len(windows) > 1
    np.testing.assert_allclose(
        task.word_losses(document, windows, outputs), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("entities", "tags"),
    [
        ((Entity(0, 2, "PER"),), ["O", "O"]),
        ((Entity(0, 8, "GOD"),), ["O", "O"]),
        ((Entity(0, 8, "PER"), Entity(5, 8, "LOC")), ["B-PER", "I-PER"]),
    ],
    ids=["inside a word", "unknown label", "nested"],
)
def test_what_tags_cannot_say_counts_as_outside_in_the_losses(
    make_task: MakeTask, entities: tuple[Entity, ...], tags: list[str]
) -> None:
    task, document = make_task(), Document("1", "anna xyz", entities)
    windows = task.encode(document).windows
    outputs = softmax(np.random.default_rng(3), windows, 5)
    expected = [
        -math.log(outputs[0]["probs"][word, task.label_set.label2id[tag]])
        for word, tag in enumerate(tags)
    ]
    losses = task.word_losses(document, windows, outputs)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_a_certain_mistake_has_a_finite_loss_and_no_text_has_none(
    make_task: MakeTask,
) -> None:
    task, document = make_task(), Document("1", "anna", (Entity(0, 4, "PER"),))
    windows = task.encode(document).windows
    certain: Outputs = [{"probs": np.eye(5, dtype=np.float32)[:1]}]
    assert np.isfinite(task.word_losses(document, windows, certain)).all()
    assert task.word_losses(Document("2", ""), [], []).shape == (0,)
