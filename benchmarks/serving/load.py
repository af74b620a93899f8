"""Requests a second of `tfner serve` beside transformers' pipeline behind FastAPI.

All serve one tagger on loopback, one process each, one after the other, warmed up;
`engine` is `tfner serve --engine auto`.
Clients keep their connections; each sends one text a request, and the next when the
last is answered. Servers and clients share `--cores`; the clients take little.

    python -m benchmarks.serving.load MODEL CORPUS --seconds 20 --output load.json

Needs the extra `serve`, and PyTorch and transformers for the peer. Takes `--seconds`
times six and two minutes.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks import harness
from tfner import read_corpus

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
PATIENCE = 300
"""Seconds within which a server must have started."""
WARM_UP = 3.0
"""Seconds of the same load before each measurement."""
SHARES = (50, 95, 99)
"""Percentiles of the seconds of a request that are given."""


def main() -> None:
    """Measure both servers and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--cores", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", choices=["tfner", "engine", "pipeline"])
    args = parser.parse_args()
    os.sched_setaffinity(0, args.cores)
    texts = [document.text for document in read_corpus(args.corpus)]
    record: dict[str, Any] = {
        "corpus": args.corpus.name,
        "settings": harness.values(args, "seconds", "clients", "cores"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands(args.model, Path(folder)).items():
            if args.only in (None, name):
                with served(command, Path(folder) / f"{name}.log") as server:
                    record[name] = measure(*server, texts, args)
    harness.write(record, args.output)
    harness.show(record)


def commands(model: str, folder: Path) -> dict[str, list[str]]:
    """Return what starts each server, at a port of its own choice."""
    harness.tfner("export", model, folder / "peer", "--format", "huggingface")
    peer = [sys.executable, "-m", "benchmarks.serving.pipeline_peer"]
    serve = [sys.executable, "-m", "tfner.cli.main", "serve", f"model={model}"]
    return {
        "tfner": [*serve, "--port", "0"],
        "engine": [*serve, "--port", "0", "--engine", "auto"],
        "pipeline": [*peer, str(folder / "peer")],
    }


@contextmanager
def served(command: Sequence[str], log: Path) -> Iterator[tuple[int, int]]:
    """Run a server; gives process id and port once its address stands in `log`."""
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        end = time.monotonic() + PATIENCE
        while not (found := ADDRESS.search(log.read_text("utf-8"))):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{command} did not start: {log.read_text('utf-8')[-2000:]}")
            time.sleep(0.1)
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait(60)


def measure(
    process: int, port: int, texts: Sequence[str], args: Any
) -> dict[str, dict[str, Any]]:
    """Return the figures of each number of clients.

    Args:
        process: id of the server.
        port: of the server.
        texts: see `load`.
        args: of the command line.
    """
    found = {}
    for clients in args.clients:
        row, spent = warm_load(process, port, texts, clients, args.seconds)
        row["processor_ms_per_request"] = round(spent * 1000 / row["requests"], 2)
        found[str(clients)] = row
    return found


def warm_load(
    process: int, port: int, texts: Sequence[str], clients: int, seconds: float
) -> tuple[dict[str, Any], float]:
    """Send requests to a server that has been warmed up by the same ones.

    Args:
        process: id of the server.
        port: see `load`.
        texts: see `load`.
        clients: see `load`.
        seconds: see `load`.

    Returns:
        What `load` returns, and the processor seconds that it took the server.
    """
    asyncio.run(load(port, texts, clients, WARM_UP))
    before = processor_seconds(process)
    row = asyncio.run(load(port, texts, clients, seconds))
    return row, processor_seconds(process) - before


def processor_seconds(process: int) -> float:
    """Return the processor seconds of a process so far, which Linux counts."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int, field: str = "VmRSS") -> float:
    """Return the MiB of a process, as Linux counts them."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    found = next(line for line in lines if line.startswith(f"{field}:"))
    return round(int(found.split()[1]) / 1024, 1)


async def load(
    port: int, texts: Sequence[str], clients: int, seconds: float
) -> dict[str, Any]:
    """Send requests for some seconds.

    Args:
        port: of the server.
        texts: are sent in turn, again and again.
        clients: connections at once.
        seconds: from the first request to the last.
    """
    requests = cycle([request(text) for text in texts])
    took: list[float] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < started + seconds:
            writer.write(next(requests))
            status, _ = await answer(reader)
            took.append(time.perf_counter() - begun)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(clients)))
    lasted = time.perf_counter() - started
    milliseconds = np.percentile(np.array(took) * 1000, SHARES).round(1).tolist()
    return {
        "requests": len(took),
        "requests_per_second": round(len(took) / lasted, 1),
        **{f"p{s}_ms": ms for s, ms in zip(SHARES, milliseconds, strict=True)},
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


def request(text: str) -> bytes:
    """Return the bytes of a request, which both servers take."""
    body = orjson.dumps({"texts": [text]})
    head = (
        "POST /v1/entities HTTP/1.1\r\nhost: localhost\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read an answer; returns its status, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split(b" ", 2)[1]), b"connection: close" not in head


if __name__ == "__main__":
    main()
