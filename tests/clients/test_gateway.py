"""A gateway in front of a server gives what the bundle gives, without TensorFlow."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tfner.inference.predictor import Predictor

TEXTS = [
    "anna met bert in paris",
    "",
    "we met on monday and on sunday 😀",
    "anna and bert met in rome and in paris on monday and on sunday " * 5,
] * 4
MOST_MEGABYTES = 200


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_gateway_in_front_gives_what_the_bundle_gives(
    tagger, tagger_server, tmp_path: Path, protocol: str
) -> None:
    grpc = f"grpc://{tagger_server.grpc}"
    backend = grpc if protocol == "grpc" else tagger_server.rest
    command = [sys.executable, "-m", "tfner.cli.main", "serve"]
    command += [f"chunk={tagger.directory}", "--backend", backend, "--port", "0"]
    command += ["--max-rows", "8"]  # the stand-in takes no more
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        for _ in range(600):
            found = re.search(r'"url":"(http[^"]+)"', log.read_text("utf-8"))
            if found or process.poll() is not None:
                break
            time.sleep(0.1)
        assert found, log.read_text("utf-8")
        answer = httpx.post(
            f"{found[1]}/v1/entities",
            json={"texts": TEXTS},
            timeout=60,
            trust_env=False,
        ).json()
        assert answer["version"] == tagger.directory.name
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
        maps = Path(f"/proc/{process.pid}/maps").read_text("utf-8")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    wanted = Predictor.of(tagger.bundle).predict(TEXTS)
    spans = [
        [(e["start"], e["end"], e["label"]) for e in document["entities"]]
        for document in answer["documents"]
    ]
    assert spans == [[(e.start, e.end, e.label) for e in d.entities] for d in wanted]
    assert any(spans)
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) / 1024 < MOST_MEGABYTES
    assert "tensorflow" not in maps
