"""`tfner serve` as a process: addresses, workers, signals, wrong settings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

TEXT = "Anna lives in Paris"
ADDRESS = re.compile(r'"url":"(http://[^"]+)"')


class Process:
    """A gateway in a process of its own.

    Args:
        url: where it listens.
        process: that was started.
        log: what it writes.
    """

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def ask(self, texts: Sequence[str] = (TEXT,)) -> httpx.Response:
        return self.client.post("/v1/entities", json={"texts": list(texts)})


@contextmanager
def served(log: Path, *arguments: object, ready: int = 1) -> Iterator[Process]:
    command = [sys.executable, "-m", "tfner.cli.main", "serve", *map(str, arguments)]
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--port", "0"], stdout=file, stderr=file)
    try:
        for _ in range(1200):
            found = ADDRESS.findall(log.read_text("utf-8"))
            if len(found) == ready or process.poll() is not None:
                break
            time.sleep(0.1)
        assert len(found) == ready, log.read_text("utf-8")
        gateway = Process(found[0], process, log)
        with gateway.client:
            yield gateway
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text("utf-8")
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_texts_are_answered_until_the_end(tfner, toy_bundle, tmp_path) -> None:
    wanted = json.loads(tfner("predict", toy_bundle, "--text", TEXT).out)["entities"]
    statuses: list[int] = []
    with served(tmp_path / "log", f"toy={toy_bundle}", "--drain", "0.5") as gateway:
        answer = gateway.ask().json()
        assert (answer["model"], answer["version"]) == ("toy", "1")
        assert answer["documents"] == [{"id": "1", "entities": wanted}]
        assert gateway.client.get("/").status_code == 200

        def ask() -> None:
            for _ in range(200):
                try:
                    answer = gateway.ask(["we flew from Oslo to Rome"] * 20)
                except httpx.ConnectError:
                    return  # it has ended
                statuses.append(answer.status_code)

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(1)
        gateway.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join()
    assert len(statuses) > 4
    assert set(statuses) == {200}
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [record["event"] for record in records[:2]] == ["version loaded", "serving"]
    assert records[-1]["event"] == "ended"


@pytest.mark.slow
def test_workers_share_the_port_and_are_replaced(toy_bundle, tmp_path) -> None:
    log = tmp_path / "log"
    with served(log, toy_bundle, "--workers", 2, ready=2) as gateway:
        url = gateway.client.base_url

        def workers() -> set[int]:
            found = re.findall(r'"event":"serving".*?"process":(\d+)', log.read_text())
            return {int(number) for number in found}

        first = min(workers())
        for _ in range(8):  # each on a connection of its own
            answer = httpx.post(
                f"{url}/v1/entities", json={"texts": [TEXT]}, timeout=60
            )
            assert answer.status_code == 200
        metrics = httpx.get(f"{url}/metrics", timeout=60).text
        assert 'tfner_requests_total{route="/v1/entities",status="200"} 8.0' in metrics
        os.kill(first, signal.SIGKILL)
        until(lambda: len(workers()) == 3)
        assert "worker died" in log.read_text()
        assert gateway.ask().status_code == 200


def until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a=x", "a=y"], "two models have the name a"),
        (["a b=x"], "NAME=DIR"),
        (["x", "--host", "no.such.host.invalid"], "cannot listen at"),
        (["x", "--token-file", "empty"], "holds no token"),
        (["x", "--token-file", "none"], "none: No such file"),
        # These two load TensorFlow.
        pytest.param(["nothing"], "no model at nothing", marks=pytest.mark.slow),
        pytest.param(
            ["x", "--timeout", "3"], "is not on a server", marks=pytest.mark.slow
        ),
        (["x", "--assets", "y"], "leave out --assets"),
        (["x", "--backend", "localhost:8500"], "is no address"),
    ],
)
def test_wrong_settings_are_told_in_one_sentence(
    tfner, tmp_path, monkeypatch, arguments, said
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("\n")
    result = tfner("serve", *arguments, "--port", "0")
    assert result.code == 1
    assert said in result.sentence


@pytest.mark.slow
def test_workers_that_cannot_start_end_all(toy_bundle, tmp_path) -> None:
    command = [sys.executable, "-m", "tfner.cli.main", "serve", str(tmp_path / "none")]
    done = subprocess.run(
        [*command, "--port", "0", "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "error: there is no model at" in done.stderr
    assert "Traceback" not in done.stderr
