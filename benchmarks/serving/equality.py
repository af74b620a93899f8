"""Entities by every way of serving that differ from those of the bundle.

The ways: a server over REST (column and row format), gRPC and KServe V2, its signature
`serving_text` where the export has it, the gateway with the model in its process and in
front of that server, and several processes. The server is the stand-in of the tests,
which batches, pads and splits as TensorFlow Serving's sources say. The texts are the
corpus's, and long documents of several of them, drawn by a seed:

    tfner export BUNDLE EXPORTS --serving-text
    python -m benchmarks.serving.equality BUNDLE EXPORTS/chunk CORPUS --output FILE

Needs the extras `client` and `serve`, and the folder `tests`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.serving.load import served
from tests.clients.stub import StubServer
from tests.clients.stub_batching import Batching
from tfner import Predictor, read_corpus
from tfner_export.client import ServingClient

Found = list[set[tuple[int, int, str]]]
Way = Callable[[Sequence[str]], Found]

NAME = "chunk"
MOST_ROWS = 32
AT_ONCE = 100
"""Texts of a request to the gateway."""
TEXTS_OF_LONG = 20
DEADLINE = "600"
"""Seconds of a request to the gateway: what is measured are its answers alone."""


def main() -> None:
    """Run every way."""
    args = arguments()
    texts = [document.text for document in read_corpus(args.corpus)][: args.limit]
    chosen = random.Random(0)
    long = [" ".join(chosen.sample(texts, TEXTS_OF_LONG)) for _ in range(args.long)]
    texts += long
    expected = by_predictor(Predictor.load(args.bundle))(texts)
    record: dict[str, Any] = {
        "corpus": args.corpus.name,
        "texts": len(texts),
        "long": len(long),
        "entities": sum(map(len, expected)),
        "differing": {},
    }
    for name, way in ways(args):
        found = way(texts)
        differing = [a ^ b for a, b in zip(expected, found, strict=True)]
        record["differing"][name] = sum(map(len, differing))
        harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("exports", type=Path, help="directory of versions")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, help="texts of the corpus; all by default")
    parser.add_argument("--long", type=int, default=200, help="long documents")
    parser.add_argument(
        "--address", nargs="+", default=[], help="models on servers that run already"
    )
    return parser.parse_args()


def ways(args: argparse.Namespace) -> Iterator[tuple[str, Way]]:
    """Give the ways by their names; servers run until the next is asked for."""
    export = max(args.exports.iterdir(), key=lambda path: int(path.name))
    config = json.loads((export / "assets/config.json").read_text("utf-8"))
    load = partial(Predictor.load, assets=export, max_rows=MOST_ROWS)
    for address in args.address:
        yield address, by_predictor(load(address))
    batching = Batching(max_batch_size=MOST_ROWS)
    with StubServer({NAME: export}, batching=batching) as stub:
        rest = f"{stub.rest}/v1/models/{NAME}"
        addresses: dict[str, tuple[str, dict[str, Any]]] = {
            "REST, column format": (rest, {}),
            "REST, row format": (rest, {"format": "row"}),
            "gRPC": (f"grpc://{stub.grpc}/{NAME}", {}),
            "V2 over REST": (f"v2+{stub.rest}/{NAME}", {}),
            "V2 over gRPC": (f"v2+grpc://{stub.grpc}/{NAME}", {}),
        }
        for name, (address, settings) in addresses.items():
            yield name, by_predictor(load(address, **settings))
        if "serving_text" in config["serving"]["signatures"]:
            yield "serving_text", by_signature(f"grpc://{stub.grpc}/{NAME}")
        for kind in ("grpc", "v2+grpc"):
            backend = f"{kind}://{stub.grpc}"
            flags = ("--backend", backend, "--max-rows", str(MOST_ROWS))
            yield f"gateway in front, {kind}", by_gateway(export, *flags)
    yield "gateway in-process", by_gateway(export)
    yield "predict --processes 2", by_processes(args.bundle)


def by_predictor(predictor: Predictor) -> Way:
    """Ask a predictor."""

    def run(texts: Sequence[str]) -> Found:
        return [
            {(e.start, e.end, e.label) for e in document.entities}
            for document in predictor.stream(texts)
        ]

    return run


def by_signature(address: str) -> Way:
    """Ask the signature that takes raw text."""

    def run(texts: Sequence[str]) -> Found:
        found: Found = []
        with ServingClient(address, max_rows=MOST_ROWS, timeout=600) as client:
            for at in range(0, len(texts), MOST_ROWS):
                part = np.array(
                    [t.encode() for t in texts[at : at + MOST_ROWS]], object
                )
                outputs = client.predict({"text": part}, signature="serving_text")
                columns = (outputs[key] for key in ("start", "end", "label"))
                found += [
                    {(int(s), int(e), as_text(x)) for s, e, x in row if s >= 0}
                    for row in (
                        zip(*rows, strict=True) for rows in zip(*columns, strict=True)
                    )
                ]
        return found

    return run


def as_text(value: bytes | str) -> str:
    """Decode a string of a server."""
    return value.decode() if isinstance(value, bytes) else value


def by_gateway(model: Path, *flags: str) -> Way:
    """Ask a gateway of its own."""
    tfner = [sys.executable, "-m", "tfner.cli.main"]
    serve = [*tfner, "serve", f"{NAME}={model}", "--port", "0", "--deadline", DEADLINE]

    def run(texts: Sequence[str]) -> Found:
        found: Found = []
        with (
            tempfile.TemporaryDirectory() as folder,
            served([*serve, *flags], Path(folder) / "log") as (_, port),
        ):
            address = f"http://127.0.0.1:{port}/v1/entities"
            for at in range(0, len(texts), AT_ONCE):
                body = json.dumps({"texts": texts[at : at + AT_ONCE]}).encode()
                with urllib.request.urlopen(address, body) as answer:
                    documents = json.load(answer)["documents"]
                found += map(entities_of, documents)
        return found

    return run


def by_processes(bundle: Path) -> Way:
    """Ask `tfner predict` with two processes."""

    def run(texts: Sequence[str]) -> Found:
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder) / "texts.jsonl", Path(folder) / "out.jsonl"
            lines = (json.dumps({"id": str(n), "text": t}) for n, t in enumerate(texts))
            given.write_text("\n".join(lines) + "\n", encoding="utf-8")
            two = ("--processes", 2, "--to", "jsonl", "--output", made)
            harness.tfner("predict", bundle, given, *two)
            read = made.read_text(encoding="utf-8").split("\n")
        return [entities_of(json.loads(line)) for line in read if line]

    return run


def entities_of(document: dict[str, Any]) -> set[tuple[int, int, str]]:
    """List the entities of a document in JSON."""
    return {(e["start"], e["end"], e["label"]) for e in document["entities"]}


if __name__ == "__main__":
    main()
