"""Requests that no client would send."""

from __future__ import annotations

import json
import random
from typing import Any

TEXTS = [
    "",
    "a",
    "\x00",
    "anna in paris",
    "😀" * 50,
    "x" * 3000,
    "\u202e\u0301",
    "\r\n\t",
]
VALUES: list[Any] = [None, True, -1, 0, 1e308, 2**70, "", "tiny", [], {}, [[]], *TEXTS]
KEYS = [
    *("texts", "documents", "model", "version", "min_score", "labels", "offsets"),
    *("text", "words", "id", "instances", "inputs", "b64", "signature_name"),
    *("name", "shape", "datatype", "data", "outputs", "parameters", ""),
]
PATHS = [
    "/v1/entities",
    "/v1/models/tiny:predict",
    "/v1/models/tiny/versions/1:predict",
    "/v2/models/tiny/infer",
    "/v2/models/%00/infer",
    "/v1/models/%F0%9F%98%80:predict",
    "/v1/entities?offsets=utf16&labels=PER&min_score=%00",
]
TYPES = ["application/json", "application/x-ndjson", "text/plain", ""]


def junk(random: random.Random, depth: int = 0) -> Any:
    """A value that may hold others, with keys that the interfaces know."""
    kind = random.randrange(4 if depth < 4 else 1)
    if kind < 2:
        return random.choice(VALUES)
    if kind == 2:
        return [junk(random, depth + 1) for _ in range(random.randrange(4))]
    return {
        random.choice(KEYS): junk(random, depth + 1) for _ in range(random.randrange(5))
    }


def body(random: random.Random) -> bytes:
    """Nearly a request: its keys, its JSON or its bytes are broken somewhere."""
    start = random.choice(
        [
            {"texts": TEXTS},
            {"documents": [{"text": text, "words": [[0, 1]]} for text in TEXTS[1:]]},
            {"instances": [{"text": "a"}]},
            {
                "inputs": [
                    {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}
                ]
            },
        ]
    )
    if random.random() < 0.7:
        start[random.choice(KEYS)] = junk(random)
    found = bytearray(json.dumps(start).encode())
    for _ in range(random.choice([0, 0, 1, 3])):
        found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found)
