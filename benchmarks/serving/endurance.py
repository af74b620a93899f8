"""What `tfner serve` does under more load than it bears, for long, and under nonsense.

Three parts, each with a server of its own on loopback:

- `overload`: requests arrive at `--times` the rate that 64 clients reach, whether
  earlier ones are answered or not: how many are answered, refused (how) and lost.
- `mixed`: `--minutes` of requests of all kinds, among them broken ones, streams and
  clients that send a byte in two seconds: the server's memory over time.
- `fuzz`: `--requests` requests that no client would send: none may fail or hang.

    python -m benchmarks.serving.endurance MODEL CORPUS --output FILE

Needs the extra `serve`, and the folder `tests`. Takes `--minutes` and five more.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks import harness
from benchmarks.serving.load import SHARES, answer, load, memory, request, served
from tests.gateway.nonsense import PATHS, TYPES, body
from tfner import read_corpus

NAME = "model"
CLIENTS = 64
"""Clients of the rate that the server bears."""
CONNECTIONS = 1000
"""Connections over which the too many requests come."""
PATIENCE = 60.0
"""Seconds without an answer after which a request counts as lost."""
USUAL_CLIENTS, SLOW_CLIENTS = 8, 20
PAUSE = 2.0
"""Seconds between two bytes of a slow client."""
BETWEEN = 10.0
"""Seconds between two looks at the memory."""


def main() -> None:
    """Run the parts and write."""
    args = arguments()
    texts = [document.text for document in read_corpus(args.corpus)]
    record: dict[str, Any] = {
        "corpus": args.corpus.name,
        "settings": harness.values(args, "times", "seconds", "minutes", "requests"),
    }
    serve = [sys.executable, "-m", "tfner.cli.main", "serve", f"{NAME}={args.model}"]
    for part in args.parts:
        with (
            tempfile.TemporaryDirectory() as folder,
            served([*serve, "--port", "0"], Path(folder) / "log") as server,
        ):
            record[part] = asyncio.run(PARTS[part](*server, texts, args))
        harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--times", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the overload")
    parser.add_argument("--minutes", type=float, default=30.0, help="of mixed load")
    parser.add_argument("--requests", type=int, default=10_000, help="of nonsense")
    return parser.parse_args()


async def overload(process: int, port: int, texts: Sequence[str], args: Any) -> Any:
    """Send requests at a multiple of the rate that the server bears."""
    bears = (await load(port, texts, CLIENTS, args.seconds / 3))["requests_per_second"]
    before = memory(process)
    rate = bears * args.times
    requests = itertools.cycle([request(text) for text in texts])
    statuses: Counter[str] = Counter()
    took: dict[int, list[float]] = {}
    begun = time.perf_counter()
    due = (begun + number / rate for number in itertools.count())

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (at := next(due)) < begun + args.seconds:
            await asyncio.sleep(at - time.perf_counter())
            sent = time.perf_counter()
            writer.write(next(requests))
            try:
                status, stays = await asyncio.wait_for(answer(reader), PATIENCE)
            except (TimeoutError, OSError, EOFError):
                status, stays = 0, False
            statuses[str(status) if status else "lost"] += 1
            took.setdefault(status, []).append(time.perf_counter() - sent)
            if not stays:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - begun
    return {
        "bears_per_second": bears,
        "sent_per_second": round(statuses.total() / seconds, 1),
        "answered_per_second": round(statuses["200"] / seconds, 1),
        "statuses": dict(sorted(statuses.items())),
        "milliseconds": {
            str(status): dict(
                zip(
                    (f"p{share}" for share in SHARES),
                    np.percentile(np.array(found) * 1000, SHARES).round(1).tolist(),
                    strict=True,
                )
            )
            for status, found in sorted(took.items())
        },
        "mib_before": before,
        "mib_after": memory(process),
        "mib_peak": memory(process, "VmHWM"),
    }


async def mixed(process: int, port: int, texts: Sequence[str], args: Any) -> Any:
    """Send requests of all kinds for long, and look at the memory."""
    chance = random.Random(0)
    end = time.perf_counter() + args.minutes * 60
    statuses: dict[str, Counter[str]] = {}
    curve: list[float] = []

    async def client() -> None:
        while time.perf_counter() < end:
            kind = chance.choice([*KINDS])
            content = KINDS[kind](chance, texts)
            status = await once(port, content)
            statuses.setdefault(kind, Counter())[status] += 1

    async def slow_client() -> None:
        while time.perf_counter() < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for at in request(texts[0]):
                    writer.write(bytes([at]))
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
                    if reader.at_eof() or time.perf_counter() > end:
                        break
            except OSError:
                pass
            statuses.setdefault("slow client", Counter())["let go"] += 1
            writer.close()

    async def look() -> None:
        while time.perf_counter() < end:
            await asyncio.sleep(BETWEEN)
            curve.append(memory(process))

    slow = (slow_client() for _ in range(SLOW_CLIENTS))
    await asyncio.gather(*(client() for _ in range(USUAL_CLIENTS)), *slow, look())
    third = max(1, len(curve) // 3)
    return {
        "requests": sum(found.total() for found in statuses.values()),
        "statuses": {kind: dict(found) for kind, found in sorted(statuses.items())},
        "mib_by_thirds": [
            round(float(np.median(curve[at : at + third])), 1)
            for at in range(0, third * 3, third)
        ],
        "mib": curve[:: max(1, len(curve) // 30)],
        "mib_peak": memory(process, "VmHWM"),
    }


async def fuzz(process: int, port: int, texts: Sequence[str], args: Any) -> Any:
    """Send nonsense."""
    chance = random.Random(0)
    statuses: Counter[str] = Counter()
    for _ in range(args.requests):
        path = chance.choice(PATHS).replace("tiny", NAME)
        content = post(path, body(chance), chance.choice(TYPES))
        status = await once(port, content)
        statuses[status] += 1
    return {
        "statuses": dict(sorted(statuses.items())),
        "alive": await once(port, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        "mib_peak": memory(process, "VmHWM"),
    }


PARTS = {"overload": overload, "mixed": mixed, "fuzz": fuzz}


async def once(port: int, content: bytes) -> str:
    """Send one request on a connection of its own; returns the status, or what else."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.write_eof()
        while await asyncio.wait_for(reader.read(2**16), PATIENCE):
            pass
        return line.split(b" ")[1].decode() if line else "closed"
    except TimeoutError:
        return "hangs"
    except OSError:
        return "closed"
    finally:
        writer.close()


def post(path: str, content: bytes, kind: str = "application/json") -> bytes:
    """Return the bytes of a request that closes its connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _texts(chance: random.Random, texts: Sequence[str]) -> bytes:
    chosen = chance.choices(texts, k=chance.choice([1, 1, 4, 50]))
    return post("/v1/entities", orjson.dumps({"texts": chosen}))


def _long(chance: random.Random, texts: Sequence[str]) -> bytes:
    text = " ".join(chance.choices(texts, k=chance.choice([20, 200])))
    return post("/v1/entities", orjson.dumps({"texts": [text]}))


def _stream(chance: random.Random, texts: Sequence[str]) -> bytes:
    lines = [orjson.dumps({"text": text}) for text in chance.choices(texts, k=30)]
    return post("/v1/entities", b"\n".join(lines), "application/x-ndjson")


def _tf_serving(chance: random.Random, texts: Sequence[str]) -> bytes:
    rows = [{"text": text} for text in chance.choices(texts, k=4)]
    return post(f"/v1/models/{NAME}:predict", orjson.dumps({"instances": rows}))


def _kserve(chance: random.Random, texts: Sequence[str]) -> bytes:
    data = chance.choices(texts, k=4)
    tensor = {"name": "text", "shape": [4], "datatype": "BYTES", "data": data}
    return post(f"/v2/models/{NAME}/infer", orjson.dumps({"inputs": [tensor]}))


def _nonsense(chance: random.Random, texts: Sequence[str]) -> bytes:
    return post(chance.choice(PATHS), body(chance), chance.choice(TYPES))


def _large(chance: random.Random, texts: Sequence[str]) -> bytes:
    return post("/v1/entities", b"\x00" * 10 * 2**20)


KINDS = {
    "texts": _texts,
    "long text": _long,
    "stream": _stream,
    "TensorFlow Serving": _tf_serving,
    "KServe V2": _kserve,
    "nonsense": _nonsense,
    "10 MB": _large,
}


if __name__ == "__main__":
    main()
