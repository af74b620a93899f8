"""The parts that all benchmarks share: arguments, turns, processes, result files."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from benchmarks.environment import environment

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

Result = TypeVar("Result")

ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Settings of glibc with which a process keeps the memory that it has got."""
MATRIX = 2048
"""Rows and columns of the matrices whose product tells the peak of a processor."""
TRAINING = ("epochs", "batch_size", "learning_rate", "max_length", "limit")
"""The settings that `add_training` adds and `training_flags` passes on."""


class Late(BaseException):
    """What has taken too long; no `except OSError` within takes it for its own."""


@contextmanager
def within(seconds: float, timer: int = signal.ITIMER_PROF) -> Iterator[None]:
    """Raise `Late` in what takes longer than this many seconds, of the processor's.

    Args:
        seconds: that it may take.
        timer: `signal.ITIMER_REAL` counts those of the wall.
    """
    number = signal.SIGALRM if timer == signal.ITIMER_REAL else signal.SIGPROF
    before = signal.signal(number, _late)
    try:
        signal.setitimer(timer, seconds)
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)


def _late(number: int, frame: Any) -> None:
    raise Late


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser described by a docstring's first line, with `--output`."""
    made = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    made.add_argument("--output", type=Path, help="JSON file for the result")
    return made


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of benchmarks that train taggers seed by seed."""
    parser.add_argument("encoder")
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--limit", type=int, help="training sentences; all by default")


def values(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the named arguments, for the `settings` of a result."""
    return {name: getattr(args, name) for name in names}


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as flags of a command line, without those that are not set."""
    words = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            words += [f"--{flag}", str(value)]
    return words


def training_flags(args: argparse.Namespace, seed: int) -> list[str]:
    """Return the flags that `tfner train` and the other programs take alike."""
    return flags({"seed": seed, **values(args, *TRAINING)})


def output_of(command: Sequence[object], **variables: str) -> str:
    """Run a command and return its standard output; its errors go to ours."""
    done = subprocess.run(
        list(map(str, command)),
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def tfner(*arguments: object) -> str:
    """Run a command of `tfner` in a process of its own and return its output."""
    return output_of([sys.executable, "-m", "tfner.cli.main", *arguments])


def train_tagger(
    args: argparse.Namespace, seed: int, output: str | Path, *more: object
) -> dict[str, Any]:
    """Train on all sentences, without a dev part, and return the report.

    Args:
        args: has the arguments of `add_training`.
        seed: of the run.
        output: directory of the model.
        *more: further flags of `tfner train`.
    """
    files = ("--train", args.train, "--encoder", args.encoder, "--output", output)
    report: dict[str, Any] = json.loads(
        tfner(
            *("train", *files, "--recipe", "published", "--dev-fraction", 0, "--json"),
            *(*training_flags(args, seed), *more),
        )
    )
    return report


def side_of(
    module: str, arguments: Sequence[object], variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run one side of a benchmark by itself; its last line is a JSON object.

    Args:
        module: the benchmark, by its dotted name.
        arguments: of its command line.
        variables: of its environment.
    """
    command = [sys.executable, "-m", module, *arguments]
    side: dict[str, Any] = json.loads(
        output_of(command, **(variables or {})).splitlines()[-1]
    )
    return side


def start(
    module: str, arguments: Sequence[object], variables: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start one side of a benchmark, which waits for its turns.

    Args:
        module: the benchmark, by its dotted name; it calls `answer`.
        arguments: of its command line.
        variables: of its environment.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=os.environ | (variables or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(side: subprocess.Popen[str], question: object) -> dict[str, Any]:
    """Let a side take its turn, and return its answer."""
    asked, answered = cast("IO[str]", side.stdin), cast("IO[str]", side.stdout)
    asked.write(f"{question}\n")
    asked.flush()
    line = answered.readline()
    if not line:
        sys.exit(f"a side has ended: {side.args!r}")
    return dict(json.loads(line))


def answer(reply: Callable[[str], dict[str, Any]]) -> None:
    """Be a side: answer every line of standard input, until it ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(reply(line.strip())) + "\n")
        sys.stdout.flush()


def measured(command: Sequence[object]) -> tuple[str, float, int]:
    """Run a command; return its output, its seconds and its peak memory in MB."""
    output, usage = _run(command)
    return output, usage["seconds"], usage["peak_mb"]


def usage_of(command: Sequence[object]) -> dict[str, Any]:
    """Run a command; return its seconds, processor seconds and peak memory in MB."""
    return _run(command)[1]


def _run(command: Sequence[object]) -> tuple[str, dict[str, Any]]:
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(map(str, command))} failed")
    return output, {
        "seconds": round(seconds, 3),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def save_random_encoder(vocabulary: Path, folder: Path, **sizes: Any) -> Path:
    """Write an encoder with random weights, and its tokenizer, for transformers.

    Args:
        vocabulary: a tokenizer directory.
        folder: of the encoder.
        **sizes: of `tfner.models.encoders.bert.Encoder`.
    """
    import keras

    from tfner import load_tokenizer
    from tfner.checkpoints.huggingface import save_encoder
    from tfner.models.encoders.bert import Encoder

    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(vocabulary)
    encoder = Encoder(vocab_size=tokenizer.vocab_size, **sizes)
    encoder.build()
    save_encoder(encoder, folder)
    tokenizer.save(folder)
    return folder


def in_turn(
    ways: Mapping[str, Callable[[], Result]], repeats: int
) -> dict[str, list[Result]]:
    """Call every way once a round, so that other load on the machine meets them all."""
    results: dict[str, list[Result]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, call in ways.items():
            results[name].append(call())
    return results


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the wall-clock seconds of a call."""
    start = time.perf_counter()
    call()
    return round(time.perf_counter() - start, 3)


def float32_peak() -> float:
    """Return the operations of a processor second in products of large matrices.

    That of the library that is fastest: numpy, TensorFlow or PyTorch.
    """
    import numpy as np
    import tensorflow as tf
    import torch

    rows = np.random.default_rng(0).normal(size=(MATRIX, MATRIX)).astype(np.float32)
    tensor, other = tf.constant(rows), torch.from_numpy(rows)
    products: tuple[Callable[[], Any], ...] = (
        lambda: rows @ rows,
        lambda: tf.matmul(tensor, tensor).numpy(),
        lambda: other @ other,
    )
    return max(matrix_flops(multiply, time.process_time) for multiply in products)


def matrix_flops(
    multiply: Callable[[], Any], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the operations a second of the best of twenty products.

    Args:
        multiply: two matrices of `MATRIX` rows and columns.
        clock: whose seconds are taken.
    """
    seconds = []
    for _ in range(20):
        before = clock()
        multiply()
        seconds.append(clock() - before)
    return float(2 * MATRIX**3 / min(seconds))


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of every way."""
    return {name: statistics.median(values) for name, values in results.items()}


def sd(values: Sequence[float]) -> float:
    """Return the standard deviation of the sample, 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def shown(values: Sequence[float]) -> str:
    """Write a mean, and of several values their standard deviation."""
    spread = f" ± {sd(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def held(output: Path | None, **fresh: Any) -> dict[str, Any]:
    """Read the record that a run goes on with, or begin one with some entries."""
    if output and output.is_file():
        record: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return record
    return {**fresh, "runs": []}


def is_held(record: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    """Tell whether a record has a run of these settings."""
    return any(key.items() <= run.items() for run in record["runs"])


def seed_by_seed(
    args: argparse.Namespace,
    record: dict[str, Any],
    measure: Callable[[int], dict[str, Any]],
    summarize: Callable[[list[dict[str, Any]]], dict[str, Any]],
) -> None:
    """Measure every seed, write the result after each, and print it.

    Args:
        args: has `seeds` and `output`.
        record: what the result says beside `runs` and `summary`.
        measure: the figures of a seed.
        summarize: the figures of all runs so far.
    """
    runs = record["runs"] = []
    for seed in args.seeds:
        runs.append({"seed": seed, **measure(seed)})
        record["summary"] = summarize(runs)
        write(record, args.output)
    show(record)


def show(record: Mapping[str, Any]) -> None:
    """Print figures as JSON."""
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


def write(record: Mapping[str, Any], output: Path | None) -> None:
    """Write a result with hardware, versions and commit, where an output is named."""
    if output:
        text = json.dumps({**record, **environment()}, indent=2) + "\n"
        output.write_text(text, encoding="utf-8")
