"""Questions about documents, and the entities that answers to them are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus.joining import join_words
from tfner.data.features import IGNORED
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, LabelError
from tfner.schemes import LabelSet
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tokenization import Tokenizer, load_tokenizer

MakeTask = Callable[..., SpanExtraction]
QUERY = (
    "organization entities are limited to companies, corporations, agencies, "
    "institutions and other groups of people."
)
CONTEXT = "BEGALA Well , we ' ll debate that later on in the show ."
NESTED = Document(
    "d",
    "bert Jones met xyzzy in paris",
    (
        Entity(0, 10, "PER"),
        Entity(0, 4, "PER"),
        Entity(15, 29, "PER"),
        Entity(24, 29, "LOC"),
    ),
)


@pytest.fixture(scope="session")
def make_span_task(encoder_directory: Path) -> MakeTask:
    tokenizer = load_tokenizer(encoder_directory)

    def make(labels: Any = ("PER", "LOC"), **given: Any) -> SpanExtraction:
        return SpanExtraction(
            tokenizer, LabelSet(labels), **{"max_length": 64, **given}
        )

    return make


def answer(task: SpanExtraction, document: Document) -> list[dict[str, Any]]:
    """What a model that knows the document's entities would give, window by window."""
    outputs = []
    for window in task.encode(document, with_targets=True).windows:
        assert window.targets is not None
        starts, places = np.nonzero(window.targets["span_labels"] != IGNORED)
        distances = window.targets["span_labels"][starts, places]
        spans = np.stack([starts, starts + distances], axis=1)
        outputs.append({"spans": spans, "scores": np.full(len(spans), 0.75)})
    return outputs


def test_the_published_record_is_encoded_to_its_positions(
    japanese_vocabulary: Path, tokenizer: Tokenizer
) -> None:
    """`[CLS] query [SEP] context [SEP]`; word 3 is "we", first and last piece alike."""
    document = Document("0", CONTEXT, (Entity(14, 16, "ORG"),))
    words = CONTEXT.split(" ")
    task = SpanExtraction(
        tokenizer, LabelSet(["ORG"]), queries={"ORG": QUERY}, max_length=256
    )
    (window,) = task.encode(document, with_targets=True).windows
    query, context = tokenizer.encode(QUERY), tokenizer.encode(CONTEXT)
    expected = [*tokenizer.prefix_ids, *query.ids, *tokenizer.suffix_ids]
    first = len(expected)
    expected += [*context.ids, *tokenizer.suffix_ids]
    assert window.features["input_ids"].tolist() == expected
    types = window.features["token_type_ids"].tolist()
    assert types == [0] * first + [1] * (len(expected) - first)
    pieces_of_we = first + np.flatnonzero(context.word_index == words.index("we"))
    assert window.targets is not None
    starts, ends = (window.targets[f"{n}_labels"] for n in ("start", "end"))
    assert np.flatnonzero(starts == 1).tolist() == [pieces_of_we[0]]
    assert np.flatnonzero(ends == 1).tolist() == [pieces_of_we[-1]]
    assert (starts == 0).sum() == (ends == 0).sum() == len(context.words) - 1
    assert (starts[:first] == IGNORED).all()
    distance = pieces_of_we[-1] - pieces_of_we[0]
    assert window.targets["span_labels"][pieces_of_we[0]].tolist() == [distance]


def test_every_label_is_asked_and_its_entities_may_nest(
    make_span_task: MakeTask,
) -> None:
    task = make_span_task()
    person, place = task.encode(NESTED, with_targets=True).windows
    assert (person.label, place.label) == ("PER", "LOC")
    assert person.targets is not None
    first = int(np.argmax(person.features["token_type_ids"]))
    assert sorted(person.targets["span_labels"][first].tolist()) == [0, 1]
    assert (person.targets["end_labels"] == 1).sum() == 3


def test_what_was_encoded_is_decoded(make_span_task: MakeTask) -> None:
    task = make_span_task()
    windows = task.encode(NESTED).windows
    found = task.decode(NESTED, windows, answer(task, NESTED))
    assert found.entities == NESTED.entities
    assert {entity.score for entity in found.entities} == {0.75}
    assert found.tags is None


def test_features_do_not_know_the_entities(make_span_task: MakeTask) -> None:
    task = make_span_task()
    bare = Document("d", NESTED.text)
    for window, other in zip(
        task.encode(NESTED).windows, task.encode(bare).windows, strict=True
    ):
        assert (
            window.features.keys()
            == other.features.keys()
            == {
                "input_ids",
                "token_type_ids",
            }
        )
        for name, values in window.features.items():
            np.testing.assert_array_equal(values, other.features[name])


@st.composite
def nested_documents(draw: Any) -> Document:
    words = draw(st.lists(st.sampled_from(["anna", "qqq", "Corp", "in"]), min_size=1))
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    ranges = [Word(int(e) - len(w), int(e)) for w, e in zip(words, ends, strict=True)]
    place = st.integers(0, len(words) - 1)
    entities = {
        Entity(ranges[min(a, b)].start, ranges[max(a, b)].end, label)
        for a, b, label in draw(
            st.lists(st.tuples(place, place, st.sampled_from(["PER", "LOC"])))
        )
    }
    return Document("d", " ".join(words), tuple(entities), tuple(ranges))


@settings(max_examples=60, deadline=None)
@given(document=nested_documents())
def test_any_nested_entities_survive_encoding_and_decoding(
    make_span_task: MakeTask, document: Document
) -> None:
    task = make_span_task(max_length=256)
    found = task.decode(document, task.encode(document).windows, answer(task, document))
    assert found.entities == document.entities


def test_a_long_text_is_cut_and_each_entity_counts_once(
    make_span_task: MakeTask,
) -> None:
    text = "anna met bert in paris and " * 12
    entities = tuple(
        Entity(at + start, at + end, label)
        for at in range(0, len(text), 27)
        for start, end, label in ((0, 4, "PER"), (0, 13, "PER"), (17, 22, "LOC"))
    )
    document = Document("d", text.strip(), entities)
    task = make_span_task(max_length=24)
    windows = task.encode(document).windows
    assert max(len(window) for window in windows) <= 24
    assert len(windows) > 6
    found = task.decode(document, windows, answer(task, document))
    assert found.entities == document.entities


def test_an_entity_that_no_window_holds_is_missed_and_keeps_its_borders(
    make_span_task: MakeTask,
) -> None:
    text = "anna met bert in paris and " * 4
    document = Document("d", text.strip(), (Entity(0, 107, "PER"),))
    task = make_span_task(max_length=16, overlap=2)
    windows = [
        w for w in task.encode(document, with_targets=True).windows if w.label == "PER"
    ]
    starts = [int((w.targets["start_labels"] == 1).sum()) for w in windows if w.targets]
    ends = [int((w.targets["end_labels"] == 1).sum()) for w in windows if w.targets]
    assert sum(starts) == starts[0] == 1
    assert sum(ends) == ends[-1] == 1
    found = task.decode(document, task.encode(document).windows, answer(task, document))
    assert found.entities == ()


def test_flat_answers_are_the_best_that_do_not_overlap(
    make_span_task: MakeTask,
) -> None:
    task = make_span_task(nested=False)
    outputs = answer(task, NESTED)
    outputs[0]["scores"] = np.array([0.9, 0.6, 0.55])[: len(outputs[0]["spans"])]
    outputs[1]["scores"] = np.array([0.7])
    found = task.decode(NESTED, task.encode(NESTED).windows, outputs)
    surfaces = [(found.surface(e), e.label) for e in found.entities]
    assert len(surfaces) == 2
    assert surfaces[1] == ("paris", "LOC")


@pytest.mark.parametrize("threshold", ["start", "end", "span"])
def test_thresholds_are_held_against_probabilities(
    make_span_task: MakeTask, threshold: str
) -> None:
    low, high = (make_span_task(**{f"{threshold}_threshold": t}) for t in (0.3, 0.7))
    windows, outputs = low.encode(NESTED).windows, answer(low, NESTED)
    names = {"start": "start_probs", "end": "end_probs", "span": "match_probs"}
    for window, output in zip(windows, outputs, strict=True):
        output |= {
            "start_probs": np.full(len(window), 0.9),
            "end_probs": np.full(len(window), 0.9),
            "match_probs": np.full(len(output["spans"]), 0.9),
        }
        output[names[threshold]] = np.full_like(output[names[threshold]], 0.5)
    assert low.decode(NESTED, windows, outputs).entities == NESTED.entities
    assert high.decode(NESTED, windows, outputs).entities == ()


def test_a_document_without_a_window_is_decoded(make_span_task: MakeTask) -> None:
    found = make_span_task().decode(Document("d", "anna in paris"), [], [])
    assert found.entities == ()
    assert found.words


def test_answers_that_are_no_words_are_passed_over(make_span_task: MakeTask) -> None:
    task = make_span_task(["PER"])
    document = Document("d", "xyzzy met anna")  # five pieces, then one each
    (window,) = task.encode(document).windows
    first = int(np.argmax(window.features["token_type_ids"]))
    bad = [(0, first), (first + 1, first + 4), (first, first + 3)]
    bad += [(first + 6, first + 7), (first + 6, first + 5)]
    good = (first, first + 4)
    output = {"spans": np.array([*bad, good]), "scores": np.full(6, 0.9)}
    found = task.decode(document, [window], [output])
    assert [found.surface(entity) for entity in found.entities] == ["xyzzy"]


def test_a_word_longer_than_the_overlap_is_one_entity(make_span_task: MakeTask) -> None:
    """Each of its windows sees nothing but this word, and takes its part as whole."""
    task = make_span_task(["PER"], max_length=16, overlap=2)
    document = Document("d", "q" * 40)
    windows = task.encode(document).windows
    assert len(windows) > 3
    outputs = []
    for number, window in enumerate(windows):
        first = int(np.argmax(window.features["token_type_ids"]))
        pairs = [(i, j) for i in range(len(window)) for j in range(i, len(window))]
        spans = first + np.array(pairs)
        scores = np.full(len(pairs), 0.5 + number / 100)
        outputs.append({"spans": spans, "scores": scores})
    found = task.decode(document, windows, outputs)
    best = 0.5 + (len(windows) - 1) / 100
    assert [(e.start, e.end, e.score) for e in found.entities] == [(0, 40, best)]


def test_words_that_one_question_cuts_off_are_counted_once(
    make_span_task: MakeTask,
) -> None:
    """Also of a document whose questions training leaves out."""
    document = Document("d", " ".join(["anna"] * 40))
    queries = {"PER": "anna", "LOC": "anna met bert in paris"}
    given = {"queries": queries, "max_length": 16, "on_overflow": "truncate"}
    for more in ({}, {"negative_rate": 0.0}):
        task = make_span_task(**given, **more)
        counts = task.encode(document, with_targets=bool(more)).counts
        room = 16 - 3 - len(task.tokenizer.encode(queries["LOC"]).ids)
        assert counts["words_cut_off"] == 40 - room


def test_a_query_without_a_piece_is_refused(make_span_task: MakeTask) -> None:
    queries = {"PER": "\u200b", "LOC": "paris"}
    with pytest.raises(ConfigError, match=r"query of 'PER' is empty.*'\\u200b'"):
        make_span_task(queries=queries)


def test_questions_without_an_answer_are_sampled_and_counted(
    make_span_task: MakeTask,
) -> None:
    documents = [Document(str(n), "anna met bert") for n in range(200)]
    documents.append(NESTED)
    task = make_span_task(negative_rate=0.25, seed=3)
    encoded = [task.encode(d, with_targets=True) for d in documents]
    windows = [w for found in encoded for w in found.windows]
    assert 70 < len(windows) < 140
    left_out = sum(found.counts["queries_left_out"] for found in encoded)
    assert left_out == 402 - len(windows)
    assert len(windows) == len(
        [w for d in documents for w in task.encode(d, with_targets=True).windows]
    )
    assert sum(len(task.encode(d).windows) for d in documents) == 402


def test_dev_loss_is_the_cross_entropy_of_possible_borders(
    make_span_task: MakeTask,
) -> None:
    task = make_span_task(["LOC"])
    windows = task.encode(NESTED).windows
    probs = np.full(len(windows[0]), 0.25, np.float32)
    outputs = [{"start_probs": probs, "end_probs": probs}]
    losses = task.word_losses(NESTED, windows, outputs)
    words = len(NESTED.text.split())
    expected = [-np.log(0.25)] * 2 + [-np.log(0.75)] * (2 * words - 2)
    np.testing.assert_allclose(np.sort(losses)[::-1], expected, rtol=1e-5)


@pytest.mark.parametrize("blank", [" ", "\u00ad", "\x07", ""])
def test_words_without_pieces_belong_to_the_entities_around_them(
    make_span_task: MakeTask, blank: str
) -> None:
    task = make_span_task()
    surfaces = [blank, "bert", blank, "jones", blank, "in", blank, "paris", blank]
    text, words = join_words(surfaces, "none")
    outer = Entity(words[0].start, words[4].end, "PER")
    entities = (outer, Entity(words[1].start, words[2].end or 1, "PER"))
    place = Entity(words[6].start, words[8].end, "LOC")
    document = Document("1", text, (*entities, place), tuple(words))
    found = task.decode(document, task.encode(document).windows, answer(task, document))
    surfaces = [found.surface(entity) for entity in found.entities]
    assert surfaces == [f"bert{blank}jones", "bert", "paris"]
    windows = task.encode(document, with_targets=True).windows
    outputs = []
    for window in windows:
        assert window.targets is not None
        names = {"start_probs": "start_labels", "end_probs": "end_labels"}
        outputs.append(
            {k: (window.targets[v] == 1).astype("f4") for k, v in names.items()}
        )
    assert task.word_losses(document, windows, outputs).sum() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"queries": {"PER": "a person"}}, "`queries` has no query for LOC"),
        ({"queries": {"PER": " ", "LOC": "x"}}, "the query of 'PER' is empty"),
        ({"queries": {"PER": "a " * 90, "LOC": "x"}}, "the query of 'PER' takes"),
        ({"max_length": 8, "overlap": 7}, "must leave room for the text"),
        ({"span_threshold": 1.0}, "`span_threshold` must be above 0 and below 1"),
        ({"words": "silver"}, "unknown `words` 'silver'"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    make_span_task: MakeTask, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_span_task(**given)
    assert message in str(caught.value)


def test_a_label_that_is_not_asked_for_is_an_error_in_training(
    make_span_task: MakeTask,
) -> None:
    task = make_span_task(["PER"])
    with pytest.raises(LabelError, match="unknown to the model: LOC"):
        task.encode(NESTED, with_targets=True)


def test_a_long_text_may_be_an_error(make_span_task: MakeTask) -> None:
    task = make_span_task(max_length=12, on_overflow="error")
    with pytest.raises(CorpusError, match="a window holds"):
        task.encode(NESTED)


def test_the_settings_make_the_task_again(make_span_task: MakeTask) -> None:
    task = make_span_task(queries={"LOC": "places", "PER": "people"}, nested=False)
    stored = task.settings()
    assert stored.pop("name") == "span"
    again = SpanExtraction(task.tokenizer, task.label_set, **stored)
    assert again.settings() == task.settings()
    assert list(again.queries) == ["PER", "LOC"]
