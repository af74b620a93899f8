"""Each step from text to entities in the graph is that of Python."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.schemes import LabelSet, decode_tags
from tfner_export.saved_model.text.nasty import FIXED, nasty_texts

CLEANINGS = {
    "uncased": {"lower_case": True},
    "cased": {"lower_case": False},
    "lower-cased with accents": {"lower_case": True, "strip_accents": False},
    "cased without accents": {"lower_case": False, "strip_accents": True},
    "Chinese in words": {"lower_case": True, "split_cjk": False},
}


def test_nasty_texts_are_the_same_every_time_and_of_every_kind() -> None:
    texts = nasty_texts(200, words=("Ada",))
    assert texts == nasty_texts(200, words=("Ada",))
    assert texts != nasty_texts(200, words=("Ada",), seed=1)
    assert texts[: len(FIXED)] == list(FIXED)
    together = "".join(texts)
    for part in ("\x00", "\u200b", "\u200d", "\u00ad", "\u3000", "İ", "ไ", "ש", "🇩🇪"):
        assert part in together
    assert not any("\ud800" <= character <= "\udfff" for character in together)
    assert {unicodedata.is_normalized("NFC", text) for text in texts} == {True, False}


def test_a_tree_spells_every_piece_and_nothing_else() -> None:
    from tfner_export.saved_model.text.vocabulary import CODE_BITS, piece_tree

    vocabulary = {"a": 0, "ab": 1, "abc": 2, "##b": 3, "##bcd": 4, "é": 5, "##": 6}
    tree = piece_tree(vocabulary)
    assert (np.diff(tree.edges) > 0).all()

    def spelled(text: str, node: int) -> int:
        for character in text:
            key = (node << CODE_BITS) + ord(character)
            edge = int(np.searchsorted(tree.edges, key))
            if edge == len(tree.edges) or tree.edges[edge] != key:
                return -1
            node = edge + 2
        return int(tree.ids[node])

    words = {text: spelled(text, 0) for text in ("a", "ab", "abc", "é", "b", "abcd")}
    assert words == {"a": 0, "ab": 1, "abc": 2, "é": 5, "b": -1, "abcd": -1}
    inner = {text: spelled(text, 1) for text in ("b", "bc", "bcd", "a")}
    assert inner == {"b": 3, "bc": -1, "bcd": 4, "a": -1}


@pytest.fixture(scope="module")
def letters() -> list[str]:
    """Every third letter of the nasty texts as a piece, and some longer ones."""
    text = "".join(nasty_texts(300))
    both = unicodedata.normalize("NFD", text + text.lower()) + text
    found = sorted({c for c in both if c.isprintable() and not c.isspace()})
    inner = [f"##{character}" for character in found]
    pieces = [*found[::3], *inner[1::3], *inner[::3], "paris", "##ari", "the", "of"]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(pieces)]


@pytest.mark.slow
@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_words_and_pieces_are_those_of_the_tokenizer(
    cleaning: str, letters: list[str], tmp_path: Path
) -> None:
    tokenizer = _tokenizer(letters, tmp_path, **CLEANINGS[cleaning])
    find = _pieces_of(tokenizer)
    texts = nasty_texts(420, seed=5)
    for start in range(0, len(texts), 70):
        batch = texts[start : start + 70]
        for text, found in zip(batch, find(batch), strict=True):
            encoding = tokenizer.encode(text)
            assert found["words"] == [tuple(w) for w in encoding.words], repr(text)
            assert found["ids"] == encoding.ids.tolist(), repr(text)
            assert found["word_index"] == encoding.word_index.tolist(), repr(text)


@pytest.mark.slow
def test_characters_of_all_planes_are_taken_as_the_tokenizer_takes_them(
    letters: list[str], tmp_path: Path
) -> None:
    tokenizer = _tokenizer(letters, tmp_path, lower_case=True)
    codes = [*range(0xD800), *range(0xE000, 0x20000, 7), *range(0x20000, 0x110000, 97)]
    text = " ".join(f"a{chr(code)}b" for code in codes)
    (found,) = _pieces_of(tokenizer)([text])
    encoding = tokenizer.encode(text)
    assert found["words"] == [tuple(word) for word in encoding.words]
    assert found["ids"] == encoding.ids.tolist()


def _tokenizer(pieces: list[str], folder: Path, **settings: Any) -> Any:
    from tfner.tokenization import load_tokenizer
    from tfner.tokenization.files import write_json
    from tfner.tokenization.vocabularies import wordpiece

    write_json(folder / "tokenizer.json", wordpiece(pieces, **settings))
    return load_tokenizer(folder)


def _pieces_of(tokenizer: Any) -> Callable[[list[str]], list[dict[str, Any]]]:
    """Runs the graph from texts to pieces."""
    import tensorflow as tf

    from tfner_export.saved_model.text import pieces, words
    from tfner_export.saved_model.text_signature import tables_of

    tables = tables_of(tokenizer)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def graph(strings: Any) -> Any:
        texts = words.read_texts(strings)
        classes = words.look_up(tables.table, texts.codes)[:, 0]
        found = words.find_words(texts.codes, classes)
        return texts, found, pieces.find_pieces(tables, texts.codes, found)

    def run(batch: list[str]) -> list[dict[str, Any]]:
        outputs = graph(tf.constant([text.encode() for text in batch]))
        texts, found, cut = tf.nest.map_structure(lambda t: t.numpy(), outputs)
        rows = texts.rows[found.starts]
        results = []
        for number, start in enumerate(texts.starts):
            own = rows == number
            first = int((rows < number).sum())
            of_text = rows[cut.words] == number
            limits = found.starts[own] - start, found.ends[own] - start
            results.append(
                {
                    "words": list(zip(*(x.tolist() for x in limits), strict=True)),
                    "ids": cut.ids[of_text].tolist(),
                    "word_index": (cut.words[of_text] - first).tolist(),
                }
            )
        return results

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("capacity", "overlap"), [(1, 0), (7, 0), (8, 3), (30, 29)])
def test_windows_and_their_cores_are_those_of_python(
    capacity: int, overlap: int
) -> None:
    import tensorflow as tf

    from tfner.data.windows import cores, cut
    from tfner_export.saved_model.text import windows

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)] * 2)
    def graph(words: Any, texts: Any) -> Any:
        return windows.cut(
            words, texts, capacity=capacity, overlap=overlap, truncate=False
        )

    random = np.random.default_rng(capacity)
    for _ in range(60):
        sizes = random.integers(0, 90, random.integers(0, 6))
        words = [np.cumsum(random.random(s) < random.random()) for s in sizes]
        expected, base = [], 0
        for of_text in words:
            starts = np.flatnonzero(np.diff(of_text, prepend=-1)).astype(np.int32)
            ranges = cut(
                len(of_text), capacity=capacity, overlap=overlap, word_starts=starts
            )
            owned = cores(ranges, word_starts=starts)
            expected += [
                (base + a, base + b, base + c, base + d)
                for (a, b), (c, d) in zip(ranges, owned, strict=True)
            ]
            base += len(of_text)
        texts = np.repeat(np.arange(len(sizes)), sizes)
        numbered = [1000 * n + of_text for n, of_text in enumerate(words)]
        flat = np.concatenate([*numbered, []]).astype(np.int32)
        found = graph(flat, texts.astype(np.int32))
        assert list(zip(*(x.numpy().tolist() for x in found), strict=True)) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "decoder"),
    [
        *(("IOB2", "argmax"), ("IOB1", "argmax"), ("IOE1", "argmax")),
        *(("BILOU", "argmax"), ("BIOES", "viterbi"), ("IOB2", "viterbi")),
    ],
)
def test_entities_and_scores_are_those_of_the_decoder(
    scheme: str, decoder: str
) -> None:
    import tensorflow as tf

    from tfner.tasks.decoding import allowed_steps, best_tags
    from tfner_export.saved_model.text import entities
    from tfner_export.saved_model.text.rows import Predictions

    labels = LabelSet(["PER", "LOC"], scheme=scheme)
    steps = allowed_steps(labels) if decoder == "viterbi" else None
    number_of_tags = len(labels.tags)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, number_of_tags]),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def graph(probs: Any, texts: Any) -> Any:
        words = 3 * tf.range(tf.shape(texts)[0])
        return entities.decode(Predictions(words, probs), texts, labels, steps)

    random = np.random.default_rng(0)
    for _ in range(30):
        sizes = random.integers(0, 12, random.integers(0, 5))
        texts = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
        probs = random.dirichlet(np.full(number_of_tags, 0.3), len(texts))
        probs = probs.astype(np.float32).reshape(-1, number_of_tags)
        found = graph(probs, texts)
        expected, scores = [], []
        for number in range(len(sizes)):
            own = np.flatnonzero(texts == number)
            ids = best_tags(probs[own], steps=steps, outside=labels.outside_id)
            for span in decode_tags([labels.tags[i] for i in ids]):
                at = own[span.start : span.end]
                label = labels.labels.index(span.label)
                expected.append((3 * at[0], 3 * at[-1], label))
                chosen = probs[at, ids[span.start : span.end]]
                scores.append(float(chosen.mean()))
        columns = (found.starts, found.ends, found.labels)
        assert list(zip(*(c.numpy() for c in columns), strict=True)) == expected
        assert np.allclose(found.scores.numpy(), scores, atol=1e-6)
