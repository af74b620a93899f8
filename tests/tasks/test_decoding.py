"""Viterbi against all paths tried one by one."""

from __future__ import annotations

import cProfile
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document
from tfner.errors import ConfigError
from tfner.schemes import SCHEMES, LabelSet, Span, decode_tags, invalid_positions
from tfner.tasks.decoding import allowed_steps, best_tags, viterbi
from tfner.tasks.reading_tags import spans_of
from tfner.tasks.token_classification import TokenClassification
from tfner.tasks.unread_words import gold_ids, narrowed, tagged, within_read

MakeTask = Callable[..., TokenClassification]


def valid_paths(labels: LabelSet, words: int) -> list[tuple[int, ...]]:
    return [
        path
        for path in itertools.product(range(len(labels.tags)), repeat=words)
        if not invalid_positions([labels.tags[i] for i in path], labels.scheme)
    ]


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("words", [0, 1, 2, 4])
def test_the_path_is_the_best_of_all_valid_ones(scheme: str, words: int) -> None:
    labels = LabelSet(["X", "Y"] if words < 4 else ["X"], scheme=scheme)
    steps = allowed_steps(labels)
    paths = valid_paths(labels, words)
    random = np.random.default_rng(0)
    for _ in range(30):
        scores = random.normal(0, 2, (words, len(labels.tags))).astype("float32")
        best = max(paths, key=lambda path: scores[range(words), path].sum())
        found = viterbi(
            *(scores[None], steps), lengths=np.array([words]), outside=labels.outside_id
        )
        assert tuple(found[0].tolist()) == best


@given(st.sampled_from(list(SCHEMES)), st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_no_step_start_or_end_is_forbidden(scheme: str, seed: int, words: int) -> None:
    labels = LabelSet(["X", "Y", "Z"], scheme=scheme)
    random = np.random.default_rng(seed)
    probs = random.dirichlet(np.full(len(labels.tags), 0.1), words).astype("float32")
    probs[random.random(words) < 0.1] = 0  # words without a piece
    ids = best_tags(probs, steps=allowed_steps(labels), outside=labels.outside_id)
    read = probs.any(axis=1)
    tags, spans = tagged(ids, read, labels)
    assert invalid_positions(tags, labels.scheme) == []
    assert decode_tags(tags) == spans
    assert all(read[start] and read[end - 1] for start, end, _ in spans)
    inside = {word for start, end, _ in spans for word in range(start, end)}
    assert all((tag == "O") == (n not in inside) for n, tag in enumerate(tags))


@given(st.sampled_from(list(SCHEMES)), st.data())
def test_words_without_pieces_leave_the_entities_of_any_tags_as_they_are(
    scheme: str, data: st.DataObject
) -> None:
    labels = LabelSet(["X", "Y"], scheme=scheme)
    ids = data.draw(st.lists(st.integers(0, len(labels.tags) - 1), max_size=12))
    read = np.array(data.draw(st.lists(st.booleans(), min_size=12, max_size=12)), bool)
    read = read[: len(ids)]
    tags, spans = tagged(np.where(read, ids, 0).astype(np.int64), read, labels)
    alone = decode_tags([labels.tags[i] for i in np.array(ids, int)[read]])
    assert within_read(spans, np.flatnonzero(read).astype(np.int32)) == alone
    assert decode_tags(tags) == spans


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_gold_tags_are_those_of_the_words_with_pieces(scheme: str) -> None:
    labels = LabelSet(["X"], scheme=scheme)
    read = np.array([1, 2, 4, 6], np.int32)
    spans = [Span(0, 2, "X"), Span(2, 6, "X"), Span(5, 6, "X")]
    ids, lost = gold_ids(spans, read, labels)
    assert lost == 1
    assert ids.tolist() == labels.encode([Span(0, 1, "X"), Span(1, 3, "X")], 4)
    assert narrowed(spans, read) == [Span(1, 2, "X"), Span(2, 5, "X")]


def test_likeliest_tags_that_form_a_valid_sequence_are_kept() -> None:
    labels = LabelSet(["X", "Y"])
    ids = [0, 1, 2, 2, 0, 3, 1]
    probs = (0.9 * np.eye(5) + 0.02).astype("float32")[ids]
    steps = allowed_steps(labels)
    assert best_tags(probs, steps=steps, outside=0).tolist() == ids
    assert best_tags(probs, steps=None, outside=0).tolist() == ids


def test_of_equal_paths_the_lower_ids_win() -> None:
    labels = LabelSet(["X", "Y"])
    even = np.full((4, 5), 0.2, np.float32)
    found = best_tags(even, steps=allowed_steps(labels), outside=0)
    assert found.tolist() == [0, 0, 0, 0]


def test_long_documents_lose_no_digits() -> None:
    labels = LabelSet(["X"])
    probs = np.tile(np.array([1e-9, 0.49999, 0.50001], np.float32), (20_000, 1))
    found = best_tags(probs, steps=allowed_steps(labels), outside=0)
    assert found.tolist() == [1, *[2] * 19_999]


def test_certain_mistakes_of_a_model_are_repaired() -> None:
    labels = LabelSet(["X"], scheme="BIOES")
    wrong = [labels.label2id[tag] for tag in ("I-X", "O", "B-X")]
    probs = np.eye(5, dtype=np.float32)[wrong]
    ids = best_tags(probs, steps=allowed_steps(labels), outside=0)
    tags = [labels.tags[i] for i in ids]
    assert invalid_positions(tags, labels.scheme) == []
    assert tags[1] == "O"


@pytest.mark.parametrize(
    ("tags", "scheme", "lost"),
    [
        (["O", "I-X", "B-Y", "I-Y"], "IOB2", "I-X"),
        (["O", "B-X", "S-X"], "BIOES", "B-X"),
        (["O", "S-X"], "IOB2", "S-X"),
    ],
)
def test_tags_that_no_valid_sequence_holds_are_refused(
    make_task: MakeTask, tags: list[str], scheme: str, lost: str
) -> None:
    labels = LabelSet.from_tags(tags, scheme=scheme)
    with pytest.raises(ConfigError, match=f"Received: {lost}, which"):
        make_task(labels, decode="viterbi")
    with pytest.raises(ConfigError, match="valid sequences"):
        make_task(labels, head="crf")
    assert make_task(labels).steps is None


def test_the_decoder_follows_the_head_and_is_stored(make_task: MakeTask) -> None:
    assert make_task().settings()["decode"] == "argmax"
    assert make_task(head="crf").settings()["decode"] == "viterbi"
    assert make_task(head="crf", decode="argmax").settings()["decode"] == "argmax"
    settings = make_task(decode="viterbi").settings()
    assert (
        make_task(**{k: v for k, v in settings.items() if k != "name"}).steps
        is not None
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decode": "viterby"}, "did you mean 'viterbi'"),
        ({"head": "crff"}, "did you mean 'crf'"),
        ({"head": "crf", "label_pieces": "all"}, "contradict"),
        ({"context": -1}, "at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    make_task: MakeTask, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_task(**settings)


def test_documents_are_decoded_once_over_all_their_windows(make_task: MakeTask) -> None:
    """An entity across two windows stays whole; a start there would be forbidden."""
    task = make_task(("X",), decode="viterbi")
    document = Document("1", " ".join(["anna"] * 20))
    windows = task.encode(document).windows
    assert len(windows) > 1
    ids = np.full(20, 2)  # I-X, but for the first word
    ids[0] = 1
    probs = (0.7 * np.eye(3) + 0.1).astype("float32")[ids]
    found = task.decode(
        document, windows, [{"probs": probs[w.word_index]} for w in windows]
    )
    assert [(e.start, e.end) for e in found.entities] == [(0, len(document.text))]


@given(st.sampled_from(list(SCHEMES)), st.integers(0, 2**32 - 1), st.booleans())
def test_documents_decoded_together_are_what_each_is_alone(
    scheme: str, seed: int, constrained: bool
) -> None:
    labels = LabelSet(["X", "Y"], scheme=scheme)
    random = np.random.default_rng(seed)
    limits = np.append(0, random.integers(0, 9, 12).cumsum())
    probs = random.dirichlet(np.full(len(labels.tags), 0.2), limits[-1])
    probs = probs.astype("float32")
    probs[random.random(limits[-1]) < 0.2] = 0  # words without a piece
    steps = allowed_steps(labels) if constrained else None
    outside = labels.outside_id
    found = best_tags(probs, steps=steps, outside=outside, limits=limits)
    for start, end in itertools.pairwise(limits.tolist()):
        alone = best_tags(probs[start:end], steps=steps, outside=outside)
        assert found[start:end].tolist() == alone.tolist()


@given(st.sampled_from(list(SCHEMES)), st.data())
def test_spans_of_many_documents_are_those_of_their_tags(
    scheme: str, data: st.DataObject
) -> None:
    labels = LabelSet(["X", "Y"], scheme=scheme)
    tags = st.lists(st.sampled_from(labels.tags), max_size=6)
    documents = data.draw(st.lists(tags, max_size=5))
    limits = np.append(0, np.cumsum([*map(len, documents)], dtype=np.int64))
    ids = np.array([labels.label2id[t] for d in documents for t in d], np.int64)
    firsts, ends = spans_of(ids, limits, labels)
    expected = [
        (start + offset, end + offset)
        for tags, offset in zip(documents, limits.tolist(), strict=False)
        for start, end, _ in decode_tags(tags)
    ]
    assert [*zip(firsts.tolist(), ends.tolist(), strict=True)] == expected


def test_steps_in_python_do_not_grow_with_words(make_task: MakeTask) -> None:
    """Python's calls of decoding are counted: a loop over words would double them."""

    def calls(words: int) -> int:
        task = make_task(("X",), decode="viterbi", max_length=512)
        documents = [Document(str(n), " ".join(["anna"] * words)) for n in range(8)]
        windows = [task.encode(document).windows for document in documents]
        probs = np.tile(np.array([0.1, 0.1, 0.8], np.float32), (words, 1))
        probs[0] = (0.1, 0.8, 0.1)
        profile = cProfile.Profile()
        profile.enable()
        found = list(task.decode_all(documents, windows, [[{"probs": probs}]] * 8))
        profile.disable()
        assert [len(d.entities) for d in found] == [1] * 8
        return sum(entry.callcount for entry in profile.getstats())

    calls(10)
    assert calls(200) <= 1.1 * calls(10)
