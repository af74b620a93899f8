"""Texts that are easily cut wrongly, of every script, made from a seed."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from itertools import chain, islice

FIXED = (
    "",
    " ",
    "\u3000\xa0\t\n",
    "\x00",
    "to\x00be \x07or\x1fnot",
    "\ufeffA file of Windows",
    "İstanbul and DİYARBAKIR, ẞ and ß, ſ, ŉ, ǰ, ﬁ, Å",
    "ΟΔΥΣΣΕΥΣ ΜΆΪΟΣ ᾳ ᾼ",
    "café cafe\u0301 CAFÉ a\u0315\u0300\u05ae\u0062 a\u0344",
    "x\U0001d16d\U0001d165\u0323y \U0001d160\u1acf\u1ac1\u1abf",
    "O'Brien's co-op: 3:30, 1,000.5 and U.S.A.'s 'tis rock'n'roll's",
    "'s ''s a's' a's's b’S c-'s d's-e",
    "👩\u200d👩\u200d👧\u200d👦👍🏽👍🏽🏽🇩🇪🇫🇷🇩 ☺\ufe0f\u200d☺ ❤\ufe0f\ufe0f",
    "🏴\u200d☠\ufe0f\u200d🇩🇪",
    "...... ?!?! --- $$ ‥… “Paris” «Rome» 50% c/o @home #1 a_b & R&D",
    "東京都とﾊﾟﾘ、ｶﾞ行\ufe00く㍿\U000e0100々〆ヶ㐂𠮷",
    "ไทย\u200bภาษา ខ្មែរ\u200bភាសា မြန်မာ",
    "नमस्ते क्\u200d क्\u200c ക്\u200d ന്\u200d",
    "\u200eשלום\u200f עולם \u202aمرحبا\u202c بالعالم\u0640\u0640 مُحَمَّد",
    "soft\u00adhyphen\u00ad -\u00ad- zero\u200bwidth\u2060word \u200d\u200c",
    "한국어 각 각 ㄱㅏ",
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101,
    "é" * 100 + " " + "e\u0301" * 101 + " " + "a-" * 99,
    "x" * 700,
    "\u0301" * 80 + "a" + "\u0301" * 80,
)
"""Cases that were once wrong somewhere, or are the first that one thinks of."""

MARKS = (
    "\u0301\u0323\u0327\u0345\u034f\u05bc\u0651\u064e\u093c\u094d\u0d4d\u3099\u309a\u20dd"
    "\ufe00\ufe0e\ufe0f\u200b\u200c\u200d\u2060\u00ad\u061c\u180e\u200e\u202b\ufeff"
    "\U0001d165\U0001d16d\U0001d16e\u302e\u1acd\u0f71\u0f74"
)
SIGNS = "'’-‐‑.·&@_,:;!?()[]{}\"/\\#$%+=<>|~^`…“”«»¿、。・「」٪؟।๏"
SPACES = " \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000"
EMOJI = "👩👨👧👍☺❤🏴☠✈🏽🏿🇩🇪🇫🇷🎬🎥\u200d\u200d\ufe0f"
LENGTHS_CHANGE = "İIıßẞſŉǰΐﬁﬀΣςÅK㍿①ᾼ각각"
BLOCKS = (
    *((0x20, 0x7F), (0xA0, 0x180), (0x370, 0x400), (0x400, 0x500), (0x590, 0x600)),
    *((0x600, 0x700), (0x900, 0x980), (0xD00, 0xD80), (0xE00, 0xE80), (0x1000, 0x10A0)),
    *((0x1780, 0x17F0), (0x1E00, 0x2000), (0x2000, 0x2100), (0x3000, 0x3100)),
    *((0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xFE00, 0xFF00), (0xFF00, 0x10000)),
    *((0x1D100, 0x1D200), (0x1F300, 0x1F700), (0x20000, 0x20100), (0xE0100, 0xE0110)),
    *((0, 0x20), (0x80, 0xA0), (0xE000, 0xE010), (0x300, 0x370), (0x1AB0, 0x1B00)),
)
"""Ranges of code points: of scripts, marks, symbols, and of what is in none."""


ASTRAL = range(0xE000, 0x110000)
"""All code points behind the surrogates, which no text holds."""


def nasty_texts(count: int, *, words: tuple[str, ...] = (), seed: int = 0) -> list[str]:
    """Make texts that are easily cut wrongly.

    Args:
        count: number of texts; the first are always the same.
        words: usual ones, that entities may be found.
        seed: of the others.
    """
    source = random.Random(seed)  # noqa: S311 (made again from its seed)
    made = _texts(source, words or ("Paris", "in", "the"))
    return list(islice(chain(FIXED, made), count))


def _texts(source: random.Random, words: tuple[str, ...]) -> Iterator[str]:
    """Each text as it was made, and decomposed."""
    while True:
        size = source.choice((1, 2, 5, 10, 20, 40))
        if source.random() < 0.02:
            size = 600
        parts = [_part(source, words) for _ in range(size)]
        glue = source.choice(("", " ", " "))
        text = glue.join(parts)
        yield text
        yield unicodedata.normalize("NFD", text)


def _part(source: random.Random, words: tuple[str, ...]) -> str:
    kind = source.random()
    if kind < 0.4:
        word = source.choice(words)
        return source.choice((word, word, word.upper(), word.title()))
    if kind < 0.7:
        return _run(source, source.choice(BLOCKS))
    if kind < 0.97:
        pool = source.choice((MARKS, SIGNS, SPACES, EMOJI, LENGTHS_CHANGE, "aB1s'’,"))
        return "".join(source.choices(pool, k=source.randint(1, 6)))
    if kind < 0.99:
        return source.choice("aéÅ中") * source.randint(95, 105)
    return "".join(map(chr, source.choices(ASTRAL, k=5)))


def _run(source: random.Random, block: tuple[int, int]) -> str:
    codes = source.choices(range(*block), k=source.randint(1, 8))
    return "".join(map(chr, codes))
