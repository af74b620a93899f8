"""The signature that takes raw text and gives entities.

    text             string   (-1)      UTF-8

    start, end       int32    (-1, -1)  characters of the text; -1 past the last entity
    label            string   (-1, -1)  "" past the last entity
    score            float32  (-1, -1)  0 past the last entity

What the Predictor does in Python stands in the graph: words, pieces, windows, rows, the
decoder. Columns are the entities of the batch's richest text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import known_in_serving
from tfner.errors import ExportError
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.words.splitters import find_splitter
from tfner_export.saved_model.text.characters import characters
from tfner_export.saved_model.text.entities import decode
from tfner_export.saved_model.text.pieces import WordPiece, find_pieces
from tfner_export.saved_model.text.rows import Frame, predict
from tfner_export.saved_model.text.vocabulary import piece_tree
from tfner_export.saved_model.text.windows import cut
from tfner_export.saved_model.text.words import Texts, find_words, look_up, read_texts

if TYPE_CHECKING:
    from tfner.tasks import Task
    from tfner_export.exporter import Source

SERVING_TEXT = "serving_text"
TEXT = "text"
PIPELINE = {
    "model": "WordPiece",
    "normalizer": "BertNormalizer",
    "pre_tokenizer": "BertPreTokenizer",
}
"""The parts of a `tokenizer.json` that the graph knows, and their types."""


def check_text(source: Source) -> None:
    """Refuse what cannot take raw text in its graph.

    Raises:
        ExportError: the tokenizer, or a setting of the task, is none that the graph
            knows.
    """
    reason = next(_reasons(source.bundle.task), None)
    if reason:
        raise ExportError(
            f"the signature {SERVING_TEXT} is for taggers with BERT's WordPiece, words "
            f"cut at white space and punctuation. {source.bundle.directory}: {reason}. "
            "Leave out --serving-text."
        )


def _reasons(task: Task) -> Iterator[str]:
    """What the graph cannot do, the gravest first."""
    if not isinstance(task, TokenClassification):
        yield f"a model of task {task.name} has no tags"
        return
    tokenizer = task.tokenizer
    if not isinstance(tokenizer, FastTokenizer):
        yield f"words and pieces are those of {tokenizer!r}"
        return
    definition = tokenizer.definition
    for part, known in PIPELINE.items():
        kind = (definition[part] or {}).get("type")
        if kind != known:
            yield f"the {part} of its tokenizer is {kind}, not {known}"
    if tokenizer.splitter != "punctuation":
        yield f"its words are cut by the word splitter {tokenizer.splitter}"
    special = [token["content"] for token in definition["added_tokens"]]
    found = tokenizer.settings.added or [piece for piece in special if _in_word(piece)]
    if found:
        yield f"its tokenizer looks for added pieces such as {found[0]!r} in the text"
    if task.context:
        yield "it reads the sentences before and after each, which a text does not have"
    if task.windowing.on_overflow == "error":
        yield "it refuses texts longer than a window, and with them all of a request"


def _in_word(piece: str) -> bool:
    """Whether an added piece may be found in a single word, or be one."""
    split = find_splitter("punctuation")
    return any(
        start <= len(side) and len(side) + len(piece) <= end
        for side in ("", "x", "1")
        for start, end in split(f"{side}{piece}{side}")
    )


def text_signatures(source: Source) -> dict[str, Any]:
    """The signature by its name, where the export is to have it."""
    if not source.serving.serving_text:
        return {}
    function = tf.function(serving_text(source))
    text = tf.TensorSpec([None], tf.string, TEXT)
    return {SERVING_TEXT: function.get_concrete_function(text=text)}


def serving_text(source: Source) -> Callable[..., dict[str, Any]]:
    """Make the function of the signature, for a model that `check_text` lets pass."""
    task: Any = source.bundle.task  # a `TokenClassification`
    model = source.model
    arrays, frame = tables_of(task.tokenizer), _frame(source)
    names = [feature.name for feature in known_in_serving(task.features)]
    labels = task.label_set

    def run(features: dict[str, Any]) -> Any:
        inputs = {name: features[name] for name in names}
        return tf.nn.softmax(model(inputs, training=False))

    def entities(text: Any) -> dict[str, Any]:
        tables = arrays.in_graph()
        texts = read_texts(text)
        classes = look_up(tables.table, texts.codes)[:, 0]
        words = find_words(texts.codes, classes)
        row = tf.gather(texts.rows, words.starts)  # the text of each word
        pieces = find_pieces(tables, texts.codes, words)
        windows = cut(pieces.words, tf.gather(row, pieces.words), **_cutting(task))
        found = predict(run, pieces, windows, frame, num_tags=len(labels.tags))
        spans = decode(found, tf.gather(row, found.words), labels, task.steps)
        rows = tf.gather(row, spans.starts)
        return _by_text(
            texts,
            rows,
            start=tf.gather(words.starts, spans.starts) - tf.gather(texts.starts, rows),
            end=tf.gather(words.ends, spans.ends) - tf.gather(texts.starts, rows),
            label=tf.gather(tf.constant(labels.labels), spans.labels),
            score=spans.scores,
        )

    return entities


def _by_text(texts: Texts, rows: Any, **values: Any) -> dict[str, Any]:
    """Values (E,) of entities as tensors with a row for each text."""
    fill = {"start": -1, "end": -1, "label": "", "score": 0.0}
    num_texts = tf.shape(texts.starts)[0]
    return {
        name: tf.RaggedTensor.from_value_rowids(
            column, rows, num_texts, validate=False
        ).to_tensor(fill[name])
        for name, column in values.items()
    }


def tables_of(tokenizer: FastTokenizer) -> WordPiece:
    """The tables of a tokenizer with BERT's WordPiece."""
    definition = tokenizer.definition
    model = definition["model"]
    return WordPiece(
        table=characters(definition),
        tree=piece_tree(model["vocab"], prefix=model["continuing_subword_prefix"]),
        unknown=model["vocab"][model["unk_token"]],
        longest=model["max_input_chars_per_word"],
    )


def _frame(source: Source) -> Frame:
    task: Any = source.bundle.task
    return Frame(
        prefix=task.tokenizer.prefix_ids,
        suffix=task.tokenizer.suffix_ids,
        pad=task.tokenizer.pad_id,
        segment=task.segment_id,
        packs=bool(getattr(source.model.encoder, "packs", False)),
        edges=task.head == "crf",
    )


def _cutting(task: TokenClassification) -> dict[str, Any]:
    return {
        "capacity": task.room,
        "overlap": task.windowing.overlap_of(task.room),
        "truncate": task.windowing.on_overflow == "truncate",
    }
