"""Thousands of requests that no client would send: never a 500, never a hang."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SEED, COUNT = 0, 1500
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


@pytest.mark.slow
def test_no_request_is_answered_by_a_failure(serve, packing) -> None:
    chance = random.Random(SEED)
    statuses: dict[int, int] = {}
    with serve({"tiny": packing}, max_characters=2000) as running:
        for _ in range(COUNT):
            path, kind = chance.choice(PATHS), chance.choice(TYPES)
            headers = {"content-type": kind}
            if chance.random() < 0.1:
                headers["inference-header-content-length"] = chance.choice(
                    ["7", "-1", "x"]
                )
            content = body(chance)
            answer = running.client.post(path, content=content, headers=headers)
            assert answer.status_code < 500, (path, headers, content, answer.text)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert running.client.get("/healthz").status_code == 200
        assert not running.gateway.registry.find(None).newest.users
    assert {200, 400, 404} <= set(statuses)


@pytest.mark.slow
def test_the_document_of_the_interface_is_true(serve, packing, tmp_path: Path) -> None:
    """Schemathesis asks all that the document allows, and some that it does not."""
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists() and shutil.which("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    with serve({"tiny": packing}) as running:
        done = subprocess.run(
            [
                *(program, "run", f"{running.url}/openapi.json"),
                *("--max-examples", "3", "--phases", "coverage", "--seed", "1"),
                # Words must lie in their text and bytes fit their length, which no
                # schema can say.
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:]
