"""What `TokenClassification.encode` makes of documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.data.windows import Window
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, LabelError
from tfner.tasks.context import Neighbours
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer

MakeTask = Callable[..., TokenClassification]

TEXT = "anna lives in paris and zorg works for acme in xyzzy"
GOLD = (Entity(0, 4, "PER"), Entity(14, 19, "LOC"), Entity(24, 28, "PER"))
OTHERS = (
    (),
    GOLD[:1],
    (Entity(1, 3, "LOC"), Entity(25, 27, "PER")),
    (Entity(0, 19, "PER"), Entity(14, 19, "LOC")),
    (Entity(0, 4, "NO SUCH LABEL"),),
)
GIVEN = (Word(0, 4), Word(5, 19), Word(20, 23), Word(24, 28), Word(29, 52))


def assert_equal_windows(left: list[Window], right: list[Window]) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert (one.pieces, one.core, one.words) == (
            other.pieces,
            other.core,
            other.words,
        )
        assert one.targets is None
        assert other.targets is None
        np.testing.assert_array_equal(one.word_index, other.word_index)
        assert one.features.keys() == other.features.keys()
        for name in one.features:
            np.testing.assert_array_equal(one.features[name], other.features[name])


@pytest.mark.parametrize("entities", OTHERS)
@pytest.mark.parametrize("words", ["gold", "own"])
@pytest.mark.parametrize("given_words", [None, GIVEN])
def test_entities_never_reach_the_features(
    make_task: MakeTask, words: str, given_words: Any, entities: Any
) -> None:
    task = make_task(words=words)
    expected = task.encode(Document("1", TEXT, GOLD, given_words)).windows
    assert_equal_windows(
        task.encode(Document("1", TEXT, entities, given_words)).windows, expected
    )


def test_tags_and_metadata_never_reach_the_features(make_task: MakeTask) -> None:
    tags = ("B-PER", "I-LOC", "O", "B-PER", "O")
    told = Document("1", TEXT, GOLD, GIVEN, tags, {"columns": [["x"]] * 5})
    task = make_task()
    assert_equal_windows(
        task.encode(told).windows, task.encode(Document("1", TEXT, (), GIVEN)).windows
    )


def test_words_are_those_given_or_the_tokenizers_own(make_task: MakeTask) -> None:
    document = Document("1", TEXT, words=GIVEN)
    assert make_task(words="gold").encode(document).windows[0].words == GIVEN
    own = make_task(words="own").encode(document).windows[0].words
    assert [TEXT[a:b] for a, b in own] == TEXT.split()


@given(st.lists(st.text("abcxyz", min_size=1, max_size=25), max_size=25))
def test_every_word_is_read_once_and_at_its_first_piece(
    make_task: MakeTask, tokenizer: Tokenizer, words: list[str]
) -> None:
    task, text = make_task(), " ".join(words)
    encoding, read = tokenizer.encode(text), []
    for window in task.encode(Document("1", text)).windows:
        ids = window.features["input_ids"]
        assert ids.dtype == np.int32
        assert len(window) == window.pieces[1] - window.pieces[0] + 2 <= 12
        assert ids[0] == tokenizer.prefix_ids[0]
        assert ids[-1] == tokenizer.suffix_ids[0]
        np.testing.assert_array_equal(ids[1:-1], encoding.ids[slice(*window.pieces)])
        for position, word in zip(
            window.features["labeled_positions"], window.word_index, strict=True
        ):
            piece = window.pieces[0] + position - 1
            assert encoding.word_index[piece] == word
            assert piece == 0 or encoding.word_index[piece - 1] < word
            read.append(word)
    assert read == list(range(len(words)))


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_a_text_without_words_gives_no_window(make_task: MakeTask, text: str) -> None:
    for settings in ({}, {"with_targets": True}):
        assert make_task().encode(Document("1", text), **settings).windows == []


def test_words_without_pieces_are_counted_and_keep_their_numbers(
    make_task: MakeTask,
) -> None:
    task = make_task()
    document = Document(
        "1", "anna \u200b paris", words=(Word(0, 4), Word(5, 6), Word(7, 12))
    )
    (window,), counts = task.encode(document)
    assert window.word_index.tolist() == [0, 2]
    assert counts["words_without_pieces"] == 1


def test_targets_are_the_tags_of_the_words(make_task: MakeTask) -> None:
    task = make_task()
    windows, counts = task.encode(Document("1", TEXT, GOLD), with_targets=True)
    ids = np.concatenate([w.targets["labels"] for w in windows if w.targets])
    tags = [task.label_set.tags[i] for i in ids]
    assert tags == ["B-PER", "O", "O", "B-LOC", "O", "B-PER", *"OOOOO"]
    assert len(windows) > 1
    assert counts["entities"] == 3


@pytest.mark.parametrize(
    ("misaligned", "words", "tags", "count"),
    [
        ("split", ["xy", "zzy", "anna"], ["O", "B-LOC", "O"], "words_split"),
        ("expand", ["xyzzy", "anna"], ["B-LOC", "O"], "entities_expanded"),
        ("drop", ["xyzzy", "anna"], ["O", "O"], "entities_dropped"),
    ],
)
def test_an_entity_that_begins_inside_a_word_is_treated_as_told(
    make_task: MakeTask, misaligned: str, words: list[str], tags: list[str], count: str
) -> None:
    task, text = make_task(misaligned=misaligned), "xyzzy anna"
    document = Document("1", text, (Entity(2, 5, "LOC"),))
    (window,), counts = task.encode(document, with_targets=True)
    assert window.targets is not None
    assert [text[a:b] for a, b in window.words] == words
    assert [task.label_set.tags[i] for i in window.targets["labels"]] == tags
    assert counts[count] == counts["entities_misaligned"] == 1
    (plain,) = task.encode(document).windows
    assert [text[a:b] for a, b in plain.words] == ["xyzzy", "anna"]


def test_all_pieces_carry_labels_in_training_alone(make_task: MakeTask) -> None:
    document = Document("1", "zorg in xyzzy", (Entity(8, 13, "LOC"),))
    first, every = make_task(label_pieces="first"), make_task(label_pieces="all")
    (window,) = every.encode(document, with_targets=True).windows
    assert window.targets is not None
    assert window.targets["labels"].tolist() == [0] * 5 + [3] * 5
    assert window.features["labeled_positions"].tolist() == list(range(1, 11))
    (window,) = first.encode(document, with_targets=True).windows
    assert window.features["labeled_positions"].tolist() == [1, 5, 6]
    assert_equal_windows(every.encode(document).windows, first.encode(document).windows)


def test_all_pieces_of_a_long_document_carry_a_label_once(make_task: MakeTask) -> None:
    windows = (
        make_task(label_pieces="all")
        .encode(Document("1", "xyzzyxyzzyxyzzy zorg " * 3), with_targets=True)
        .windows
    )
    assert sum(len(window.word_index) for window in windows) == 57


def lengths_of(window: Window) -> list[int]:
    return window.features["word_lengths"].tolist()


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_tasks_that_pool_know_how_many_pieces_a_word_has(
    make_task: MakeTask, pool: str
) -> None:
    # The tokenizer spells unknown words letter by letter; the mark gives no piece.
    words = (Word(0, 4), Word(5, 6), Word(7, 9), Word(10, 13))
    gold = (Entity(10, 13, "LOC"),)
    document = Document("1", "zorg \u200b in xyz", gold, words=words)
    plain, pooled = make_task(), make_task(pool=pool)
    for with_targets in (False, True):
        (window,), counts = pooled.encode(document, with_targets=with_targets)
        assert lengths_of(window) == [4, 1, 3]
        assert counts["words_without_pieces"] == 1
        (other,) = plain.encode(document, with_targets=with_targets).windows
        assert "word_lengths" not in other.features
        for name, values in other.features.items():
            np.testing.assert_array_equal(window.features[name], values)


@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=12),
    st.sampled_from(["softmax", "crf"]),
    st.booleans(),
)
def test_lengths_of_words_end_where_the_word_or_the_window_ends(
    make_task: MakeTask, sizes: list[int], head: str, with_targets: bool
) -> None:
    # Longer words than windows hold, and than they overlap, are cut inside.
    document = Document("1", " ".join("z" * size for size in sizes))
    task = make_task(pool="mean", head=head)
    piece_sizes = np.bincount(task.tokenizer.encode(document.text).word_index)
    starts = np.cumsum(piece_sizes) - piece_sizes
    for window in task.encode(document, with_targets=with_targets).windows:
        for at, word, length in zip(
            window.features["labeled_positions"],
            window.word_index,
            window.features["word_lengths"],
            strict=True,
        ):
            first = window.pieces[0] + at - 1  # [CLS] stands before
            assert first == starts[word]
            assert length == min(piece_sizes[word], window.pieces[1] - first) > 0


def test_lengths_do_not_count_the_pieces_of_neighbours(make_task: MakeTask) -> None:
    task = make_task(pool="mean", context=1)
    around = Neighbours((Document("0", "in"),), (Document("2", "xyz"),))
    (window,) = task.encode(Document("1", "zorg in"), neighbours=around).windows
    assert lengths_of(window) == [4, 1]
    assert window.features["labeled_positions"].tolist() == [2, 6]


def test_long_documents_are_cut_into_windows(make_task: MakeTask) -> None:
    windows = make_task().encode(Document("1", "xyz " * 20)).windows
    assert len(windows) > 5
    assert max(map(len, windows)) <= 12


def test_long_documents_are_refused_on_request(make_task: MakeTask) -> None:
    task = make_task(on_overflow="error")
    assert len(task.encode(Document("short", "xyz " * 3)).windows) == 1
    with pytest.raises(CorpusError, match=r"document 'long' has 12 pieces.* holds 10"):
        task.encode(Document("long", "xyz " * 4))


def test_truncated_words_are_counted(make_task: MakeTask) -> None:
    task = make_task(on_overflow="truncate")
    (window,), counts = task.encode(Document("1", "xyz " * 20))
    assert window.word_index.tolist() == [0, 1, 2, 3]
    assert counts["words_cut_off"] == 16


def test_nested_and_unknown_entities_are_refused_in_training_by_name(
    make_task: MakeTask,
) -> None:
    nested = Document("d7", TEXT, (Entity(0, 19, "PER"), Entity(14, 19, "LOC")))
    with pytest.raises(LabelError, match=r"document 'd7': .*--task span"):
        make_task().encode(nested, with_targets=True)
    strange = Document("d8", TEXT, (Entity(0, 4, "GOD"),))
    with pytest.raises(LabelError, match=r"document 'd8': .*unknown.*GOD"):
        make_task().encode(strange, with_targets=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 2}, "max_length=2"),
        ({"overlap": 10}, "overlap=10, max_length=12"),
        ({"overlap": -1}, "overlap=-1"),
        ({"words": "golden"}, "`words` 'golden'; did you mean 'gold'"),
        ({"label_pieces": "last"}, "`label_pieces` 'last'"),
        ({"pool": "mena"}, "`pool` 'mena'; did you mean 'mean'"),
        ({"pool": "mean", "label_pieces": "all"}, "`pool` mean and `label_pieces` all"),
        ({"misaligned": "splt"}, "did you mean 'split'"),
        ({"on_overflow": "windows"}, "did you mean 'window'"),
        ({"segment_id": 2}, "segment_id=2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    make_task: MakeTask, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_task(**settings)


def test_settings_make_the_same_task_again(make_task: MakeTask) -> None:
    task = make_task(words="own", label_pieces="all", misaligned="drop", segment_id=1)
    settings = task.settings()
    assert settings.pop("name") == "token"
    again = TokenClassification(task.tokenizer, task.label_set, **settings)
    assert again.settings() == task.settings()
