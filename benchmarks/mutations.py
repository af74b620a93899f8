"""Damaged copies of files: what disks, downloads, editors and attackers leave."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes], bytes]

HUGE, LARGEST = 1 << 20, 4 << 20
"""Bytes of a long line, and of a copy that grows by repetition."""
DEPTH = 100_000
SIGNS = (
    *(b"\0", b"\n", b"\r", b"\t", b'"', b"\\", b"{", b"}", b"[", b"]", b"<"),
    *(b">", b"&", b"|", b"#", b"_", b"-", b",", b":", b"\xff", b"\xe2\x80\x8b"),
    *(b"-1", b"0", b"NaN", b"null", b"1e999", b"9" * 5000, b"\\ud800", b"]]>"),
)
"""What is of importance to some reader."""


def flip_bits(draw: random.Random, content: bytes) -> bytes:
    """One to eight bits are the other way round."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(draw: random.Random, content: bytes) -> bytes:
    """The end is missing."""
    return content[: draw.randrange(len(content))]


def delete(draw: random.Random, content: bytes) -> bytes:
    """A stretch within is missing."""
    start, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + content[end:]


def repeat(draw: random.Random, content: bytes) -> bytes:
    """A stretch stands there many times."""
    start, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    times = min(draw.randint(1, 200), LARGEST // max(1, len(content)))
    return content[:end] + content[start:end] * times + content[end:]


def replace_lines(draw: random.Random, content: bytes) -> bytes:
    """Lines change places, or are gone."""
    lines = content.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines[: draw.randint(1, len(lines))])


def put_characters(draw: random.Random, content: bytes) -> bytes:
    """Signs of importance to a reader stand where they do not belong."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) + 1)
        content = content[:at] + draw.choice(SIGNS) + content[at:]
    return content


def lengthen(draw: random.Random, content: bytes) -> bytes:
    """A line is a megabyte long."""
    at = draw.randrange(len(content) + 1)
    filling = draw.choice([b"a", b" ", b"\t", b"a ", b'"', b"\\", b"<", b"1", b"{}"])
    return content[:at] + filling * (HUGE // len(filling)) + content[at:]


def nest(draw: random.Random, content: bytes) -> bytes:
    """Brackets stand in each other by the hundred thousand."""
    at = draw.randrange(len(content) + 1)
    opening = draw.choice([b"[", b'{"a":', b"(", b"<a>", b"- ", b"[[", b"{", b"(A*"])
    return content[:at] + opening * DEPTH + content[at:]


CHEAP = (flip_bits, cut, delete, repeat, replace_lines, put_characters)
DEAR = (lengthen, nest)


def mutate(content: bytes, seed: int) -> bytes:
    """One damaged copy, the same one for the same seed; every 40th is a large one."""
    draw = random.Random(seed)
    if seed % 40 == 0:
        return draw.choice(DEAR)(draw, content)
    for _ in range(draw.randint(1, 3)):
        content = draw.choice(CHEAP)(draw, content) or b"\n"
    return content
