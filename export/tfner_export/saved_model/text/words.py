"""The words of texts as a graph, found as `split_punctuation` finds them."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from tfner_export.saved_model.text.characters import END, PAGE, Characters, Class
from tfner_export.saved_model.text.jumps import (
    ahead,
    behind,
    changes,
    follow,
    next_where,
    places,
    reach,
    settle,
)


class Texts(NamedTuple):
    """The characters of a batch, behind each of its texts an `END`.

    Args:
        codes: (N,) int32 code points.
        rows: (N,) int32, the text of each character.
        starts: (B,) int32, where each text begins.
    """

    codes: Any
    rows: Any
    starts: Any


class Words(NamedTuple):
    """The words of a batch, in order.

    Args:
        starts: (W,) int32, the first character of each.
        ends: (W,) int32, one past the last.
    """

    starts: Any
    ends: Any


def read_texts(texts: Any) -> Texts:
    """Read texts (B,) in UTF-8; what is none becomes a replacement character."""
    decoded = tf.strings.unicode_decode(texts, "UTF-8")
    end = tf.fill([tf.shape(texts)[0], 1], END)
    ragged = tf.concat([decoded.with_row_splits_dtype(tf.int32), end], 1)
    return Texts(
        ragged.flat_values,
        tf.cast(ragged.value_rowids(), tf.int32),
        tf.cast(ragged.row_starts(), tf.int32),
    )


def look_up(table: Characters, codes: Any) -> Any:
    """The three columns (N, 3) of the table for characters (N,)."""
    page = tf.gather(table.page_of, codes // PAGE)
    return tf.gather(tf.reshape(table.pages, [-1, 3]), page * PAGE + codes % PAGE)


def is_in(classes: Any, wanted: Class) -> Any:
    """Tell which `Class` bits (N,) have one of those that are wanted."""
    return tf.bitwise.bitwise_and(classes, int(wanted)) != 0


def find_words(codes: Any, classes: Any) -> Words:
    """Find the words, without the marks at their edges that nobody sees.

    Args:
        codes: (N,) of `Texts`.
        classes: (N,) their `Class` bits.
    """
    met = reach(behind(codes, END) == END, _ends(codes, classes))
    return _without_edges(classes, met)


def _ends(codes: Any, classes: Any) -> Any:
    """One past the word (N,) that would begin at each character.

    White space goes on to the next character, an `END` nowhere. The alternatives are
    those of `splitters._pattern`, in its order.
    """
    at = tf.range(tf.shape(codes)[0])
    letter, mark = is_in(classes, Class.LETTER), is_in(classes, Class.MARK)
    possessive = _possessives(classes, letter)
    pair = is_in(classes, Class.FLAG)
    pair &= ahead(pair, False)
    two = possessive & behind(letter, False) | pair
    looks_end = next_where(~is_in(classes, Class.LOOKS))
    # A repeated mark, the last one perhaps with a choice of its looks.
    again = ahead(next_where(changes(codes)), 0)
    marks_end = tf.where(two, at + 2, follow(looks_end, again))
    joined = _joined(classes, mark, pair, looks_end)
    sequence = (joined > at) & ~(possessive & behind(letter, False))
    ends = tf.where(sequence, joined, marks_end)
    ends = tf.where(letter, _letters_end(classes, letter, possessive), ends)
    cjk_end = ahead(next_where(~is_in(classes, Class.CJK_MARK)), 0)
    ends = tf.where(is_in(classes, Class.CJK), cjk_end, ends)
    in_word = letter | mark | is_in(classes, Class.CJK)
    return tf.where(in_word, ends, at + tf.cast(codes != END, tf.int32))


def _possessives(classes: Any, letter: Any) -> Any:
    """Where an apostrophe and an s stand at the end of a word."""
    ess = is_in(classes, Class.ESS) & ~ahead(letter, False)
    return is_in(classes, Class.APOSTROPHE) & ahead(ess, False)


def _letters_end(classes: Any, letter: Any, possessive: Any) -> Any:
    """Where runs of letters end that single marks tie together."""
    digit = is_in(classes, Class.DIGIT)
    comma = is_in(classes, Class.COMMA) & behind(digit, False) & ahead(digit, False)
    tie = is_in(classes, Class.JOINER) & ~possessive | comma
    tie &= behind(letter, False) & ahead(letter, False)
    return next_where(~(letter | tie))


def _joined(classes: Any, mark: Any, pair: Any, looks_end: Any) -> Any:
    """Where a sequence of emoji with joiners between them ends; 0 if there is none."""
    at = tf.range(tf.shape(classes)[0])
    joiner = is_in(classes, Class.ZERO_WIDTH_JOINER) & ahead(mark, False)
    far = settle(tf.where(joiner, follow(looks_end, at + 2), at))
    plain = mark & ~is_in(classes, Class.FLAG)
    first = tf.where(pair, at + 2, ahead(looks_end, 0))
    end = follow(far, first)
    return tf.where((pair | plain) & (end > first), end, 0)


def _without_edges(classes: Any, met: Any) -> Words:
    """Cut words at zero-width spaces, and the marks that nobody sees off their edges.

    Args:
        classes: (N,).
        met: (N,) where words begin, or white space.
    """
    separator = is_in(classes, Class.SEPARATOR)
    part = tf.cumsum(tf.cast(met | behind(separator, False), tf.int32))
    # A joiner that shapes the letter before it is seen.
    shapes = is_in(classes, Class.SHAPER) & behind(is_in(classes, Class.VIRAMA), False)
    seen = is_in(classes, Class.LETTER | Class.MARK | Class.CJK) & (
        ~is_in(classes, Class.INVISIBLE) | shapes
    )
    at = places(seen)
    first = changes(tf.gather(part, at))
    last = ahead(first, True)
    return Words(tf.boolean_mask(at, first), tf.boolean_mask(at, last) + 1)
