"""The pieces of words as a graph, as BERT's tokenizer cuts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import tensorflow as tf

from tfner_export.saved_model.text.characters import (
    GONE,
    KIND_BITS,
    NONE,
    RANK_SHIFT,
    Characters,
    Class,
    Kind,
)
from tfner_export.saved_model.text.jumps import (
    ahead,
    behind,
    changes,
    next_where,
    places,
    reach,
)
from tfner_export.saved_model.text.vocabulary import (
    CODE_BITS,
    INNER_ROOT,
    ROOT,
    PieceTree,
)
from tfner_export.saved_model.text.words import Words, is_in, look_up


@dataclass(frozen=True)
class WordPiece:
    """A tokenizer's tables.

    Args:
        table: of all characters.
        tree: of the pieces.
        unknown: id of the piece of words that the pieces do not spell.
        longest: characters of the longest word that is spelled.
    """

    table: Characters
    tree: PieceTree
    unknown: int
    longest: int

    def in_graph(self) -> WordPiece:
        """The tables as constants of the graph, which would else hold copies."""
        return replace(
            self,
            table=Characters(*map(tf.constant, self.table)),
            tree=PieceTree(*map(tf.constant, self.tree)),
        )


class Pieces(NamedTuple):
    """The pieces of a batch, in order.

    Args:
        ids: (P,) int32.
        words: (P,) int32, the word of each.
    """

    ids: Any
    words: Any


class _Normalised(NamedTuple):
    """Normalised characters with their kinds, and the word of each: three (M,)."""

    codes: Any
    kinds: Any
    words: Any


def find_pieces(tables: WordPiece, codes: Any, words: Words) -> Pieces:
    """Cut words into pieces.

    Args:
        tables: of the tokenizer.
        codes: (N,) the characters of the batch.
        words: of these.
    """
    text = _normalised(tables.table, codes, words)
    # A token is what the pre-tokenizer cuts: a mark of punctuation, or what is between.
    outer = text.kinds != Kind.INNER
    first = changes(text.words) | outer | behind(outer, False)
    kept = text.kinds != Kind.SPACE
    characters, owners, first = (
        tf.boolean_mask(values, kept) for values in (text.codes, text.words, first)
    )
    ids = _spelled(tables, characters, first)
    kept = ids >= 0
    return Pieces(tf.boolean_mask(ids, kept), tf.boolean_mask(owners, kept))


def _normalised(table: Characters, codes: Any, words: Words) -> _Normalised:
    ranges = tf.ragged.range(words.starts, words.ends)
    owners = tf.cast(ranges.value_rowids(), tf.int32)
    codes = tf.gather(codes, ranges.flat_values)
    classes, first, row = tf.unstack(look_up(table, codes), axis=1)
    first = tf.where(first == GONE, NONE, first + codes * (1 << KIND_BITS))
    parts = tf.concat([first[:, tf.newaxis], tf.gather(table.more, row)], 1)
    there = parts != NONE
    # Every character's stretch of marks that are sorted.
    stretch = tf.cumsum(
        tf.cast(is_in(classes, Class.STARTER) | changes(owners), tf.int32)
    )
    spread = tf.zeros_like(parts)
    values, owners, stretch = (
        tf.boolean_mask(array, there)
        for array in (parts, spread + owners[:, None], spread + stretch[:, None])
    )
    values = tf.cond(
        tf.reduce_any(is_in(classes, Class.SORTED)),
        lambda: _sorted(table, values, stretch),
        lambda: values,
    )
    return _Normalised(values // (1 << KIND_BITS), values % (1 << KIND_BITS), owners)


def _sorted(table: Characters, values: Any, stretch: Any) -> Any:
    """Normalised characters with the marks of each stretch in canonical order."""
    classes = look_up(table, values // (1 << KIND_BITS))[:, 0]
    ranks = tf.bitwise.right_shift(classes, RANK_SHIFT)
    keys = tf.cast(stretch, tf.int64) * (1 << 8) + tf.cast(ranks, tf.int64)
    return tf.gather(values, tf.argsort(keys, stable=True))


def _spelled(tables: WordPiece, codes: Any, first: Any) -> Any:
    """The id (M,) of the piece that begins at each character, or -1.

    Args:
        tables: of the tokenizer.
        codes: (M,) normalised characters.
        first: (M,) where tokens begin.
    """
    at = tf.range(tf.shape(codes)[0])
    ends = ahead(next_where(first), tf.shape(codes)[0])
    lengths, ids = _longest_pieces(tables.tree, codes, first, ends - at)
    behind_it = at + lengths
    met = reach(first, tf.where(behind_it < ends, behind_it, at))
    token = tf.cumsum(tf.cast(first, tf.int32)) - 1
    too_long = first & (ends - at > tables.longest)
    failed = places(too_long | met & (lengths == 0))
    tokens = tf.reduce_sum(tf.cast(first, tf.int32))
    unknown = tf.math.unsorted_segment_max(
        tf.ones_like(failed), tf.gather(token, failed), tokens
    )
    unknown = tf.gather(unknown, token) > 0
    spelled = tf.where(met & ~unknown, ids, -1)
    return tf.where(unknown & first, tables.unknown, spelled)


def _longest_pieces(tree: PieceTree, codes: Any, first: Any, room: Any) -> Any:
    """The longest piece at each character: its length and its id, two (M,).

    Args:
        tree: of the vocabulary.
        codes: (M,).
        first: (M,) where a piece is not one inside a word.
        room: (M,) characters up to the end of the token.
    """

    def step(depth: Any, at: Any, nodes: Any, lengths: Any, ids: Any) -> Any:
        code = tf.cast(tf.gather(codes, at + depth), tf.int64)
        keys = tf.bitwise.left_shift(nodes, tf.constant(CODE_BITS, tf.int64)) + code
        edges = tf.searchsorted(tree.edges, keys)
        edges = tf.minimum(edges, tf.shape(tree.edges)[0] - 1)
        found = tf.gather(tree.edges, edges) == keys
        at, edges = tf.boolean_mask(at, found), tf.boolean_mask(edges, found)
        piece = tf.gather(tree.ids, edges + 2)
        ends = tf.boolean_mask(at, piece >= 0)[:, tf.newaxis]
        ids = tf.tensor_scatter_nd_update(ids, ends, tf.boolean_mask(piece, piece >= 0))
        depth += 1
        lengths = tf.tensor_scatter_nd_update(
            lengths, ends, tf.fill(tf.shape(ends)[:1], depth)
        )
        more = tf.gather(room, at) > depth
        at, edges = tf.boolean_mask(at, more), tf.boolean_mask(edges, more)
        return depth, at, tf.cast(edges + 2, tf.int64), lengths, ids

    at = tf.range(tf.shape(codes)[0])
    nodes = tf.cast(tf.where(first, ROOT, INNER_ROOT), tf.int64)
    nothing = tf.zeros_like(codes)
    vector = tf.TensorShape([None])
    _, _, _, lengths, ids = tf.while_loop(
        lambda depth, at, *_: tf.size(at) > 0,
        step,
        (0, at, nodes, nothing, nothing - 1),
        shape_invariants=(tf.TensorShape([]), *[vector] * 4),
    )
    return lengths, ids
