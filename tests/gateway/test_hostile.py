"""Thousands of requests that no client would send: never a 500, never a hang."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.nonsense import PATHS, TYPES, body

SEED, COUNT = 0, 1500


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
