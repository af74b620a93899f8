"""Commands and what they write, for benchmarks that trouble their outputs."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import h5py

from benchmarks import harness

LINES = 20_000
"""Lines of the corpus that are converted and predicted."""
PRETRAINING = (
    *("--preset", "tiny", "--steps", 40, "--save-every", 5, "--log-every", 5),
    *("--batch-size", 8, "--no-jit-compile"),
)
DETERMINED = ("*.h5", "*.safetensors", "*.jsonl", "vocab.txt", "labels.json")
"""Files of an output that are the same bytes in every run."""
UNLIKE = ("log", "events.out")
"""Beginnings of names of files that tell of the run, with times in their names."""
Command = tuple[object, ...]


@dataclass
class Case:
    """A command, and what it writes.

    Args:
        command: writes `output`, and replaces what is there if `overwrites`.
        output: a file or a directory.
        overwrites: something stands there before.
        work: what a killed run leaves to go on with, if anything.
        counts: of what was seen after the kills.
        faults: sentences about what should not be.
        seconds: moments of the kills.
        runs: seconds of the whole runs, of which the first is the slowest.
    """

    command: Command
    output: Path
    overwrites: bool = False
    work: Path | None = None
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)

    def begins(self) -> Command:
        """The command, which replaces what stands before."""
        return (*self.command, "--overwrite") if self.overwrites else self.command

    def goes_on(self) -> Command:
        """The command that follows a kill, or another trouble."""
        if self.work is not None and self.work.exists():
            return (*self.command, "--resume")
        return self.begins()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of what the commands work on."""
    made = harness.parser(doc)
    made.add_argument("model", type=Path, help="a bundle")
    made.add_argument("encoder", help="as tfner train --encoder takes it; a small one")
    made.add_argument("corpus", type=Path, help="column file")
    made.add_argument("--seed", type=int, default=0, help="of the moments")
    made.add_argument("--commands", nargs="+", choices=CASES, default=list(CASES))
    return made


def each_command(
    args: argparse.Namespace,
    record: dict[str, Any],
    trouble: Callable[[Case], dict[str, Any]],
) -> None:
    """Trouble every command; ends with 1 if there were faults.

    Args:
        args: from `parser`.
        record: gets what was seen, as `commands`; it is written after each of them.
        trouble: returns what was seen, with `faults`.
    """
    seen = record["commands"] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in args.commands:
            place = Path(folder) / name.replace(" ", "_")
            place.mkdir()
            seen[name] = trouble(CASES[name](args, place))
            harness.write(record, args.output)  # the rest takes its time
    harness.show(record)
    sys.exit(any(found["faults"] for found in seen.values()))


def finish(case: Case, command: Command) -> str:
    """Run a command to its end; returns what it says."""
    begin, child = time.perf_counter(), start(command)
    _, told = child.communicate()
    if "--resume" not in command:
        case.runs.append(time.perf_counter() - begin)
    if child.returncode:
        case.faults.append(f"{' '.join(map(str, command[:2]))}: {told[-300:]}")
    return told


def at_a_moment(
    case: Case, share: float, from_first_write: bool
) -> subprocess.Popen[str]:
    """Start a command, and wait for a share of its time.

    Args:
        case: the command.
        share: of the seconds of the fastest run.
        from_first_write: of those that are left once it has begun to write.
    """
    before, seconds = names(case.output.parent), min(case.runs)
    begin, child = time.perf_counter(), start(case.begins())
    while from_first_write and child.poll() is None:
        if names(case.output.parent) != before:
            seconds -= time.perf_counter() - begin
            break
        time.sleep(0.001)
    with suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, share * seconds))
    return child


def start(command: Command) -> subprocess.Popen[str]:
    """Start `tfner` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "tfner.cli.main", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> set[str]:
    """The names in a directory."""
    return set(os.listdir(folder))


def hidden(folder: Path) -> list[Path]:
    """Temporary files and directories in a directory."""
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def content(output: Path) -> dict[str, str]:
    """The names of an output's files, with digests of those that never differ."""
    if not output.is_dir():
        return {"": digest(output)}
    found = {}
    for path in sorted(output.rglob("*")):
        if path.is_file() and not path.name.startswith(UNLIKE):
            same = any(path.match(pattern) for pattern in DETERMINED)
            found[str(path.relative_to(output))] = digest(path) if same else ""
    return found


def digest(path: Path) -> str:
    """The digest of a file; of HDF5 that of its arrays.

    Keras writes the names of layers beside them, which it numbers by process.
    """
    if path.suffix != ".h5":
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    found = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.update(f"{name} {item.dtype} {item.shape}".encode())
            found.update(item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(add)
    return found.hexdigest()[:12]


def sentences(args: argparse.Namespace, place: Path, lines: int = LINES) -> Path:
    """The first lines of the corpus, in a file of their own."""
    path = place / "some.bio"
    with args.corpus.open(encoding="utf-8") as file:
        path.write_text("".join(islice(file, lines)), "utf-8")
    return path


def training(args: argparse.Namespace, place: Path, *, overwrites: bool) -> Case:
    """`tfner train`, two epochs of 200 sentences."""
    command = (
        *("train", "--train", args.corpus, "--encoder", args.encoder),
        *("--output", place / "out" / "model", "--limit", 200, "--epochs", 2),
        *("--batch-size", 16, "--save-every", 4, "--no-jit-compile"),
        *("--recipe", "published", "--dev-fraction", 0.2),
    )
    output = place / "out" / "model"
    return Case(command, output, overwrites, output.with_name("model.training"))


def exporting(args: argparse.Namespace, place: Path) -> Case:
    """`tfner export --format huggingface --overwrite`."""
    output = place / "out" / "export"
    return Case(("export", args.model, output, "--format", "huggingface"), output, True)


def predicting(args: argparse.Namespace, place: Path) -> Case:
    """`tfner predict` into a file."""
    output = place / "out" / "found.jsonl"
    source = sentences(args, place, 4_000)
    return Case(("predict", args.model, source, "--output", output), output, True)


def converting(args: argparse.Namespace, place: Path) -> Case:
    """`tfner corpus convert`."""
    output = place / "out" / "corpus.jsonl"
    command = ("corpus", "convert", sentences(args, place), output)
    return Case(command, output, True)


def pretraining(args: argparse.Namespace, place: Path) -> Case:
    """`tfner pretrain`, 40 steps of a tiny encoder."""
    text = place / "text.txt"
    harness.tfner("corpus", "convert", sentences(args, place), text, "--to", "text")
    vocabulary, rows = place / "vocabulary", place / "rows"
    harness.tfner("vocab", "--input", text, "--size", 500, "--output", vocabulary)
    harness.tfner(
        *("pretrain-data", "--input", text, "--tokenizer", vocabulary),
        *("--output", rows, "--max-length", 32, "--processes", 1),
    )
    output = place / "out" / "run"
    command = ("pretrain", "--data", rows, "--output", output, *PRETRAINING)
    return Case(command, output, work=output)


def vocabulary(args: argparse.Namespace, place: Path) -> Case:
    """`tfner vocab --overwrite`."""
    output = place / "out" / "vocabulary"
    source = ("--input", sentences(args, place), "--size", 500)
    return Case(("vocab", *source, "--output", output), output, True)


def distilling(args: argparse.Namespace, place: Path) -> Case:
    """`tfner distill`, one epoch of 100 sentences."""
    output = place / "out" / "student"
    command = (
        *("distill", args.model, "--train", args.corpus),
        *("--encoder", args.encoder, "--output", output, "--limit", 100),
        *("--epochs", 1, "--save-every", 4, "--no-jit-compile"),
        *("--recipe", "published", "--dev-fraction", 0.2),
    )
    return Case(command, output, work=output.with_name("student.training"))


CASES: dict[str, Callable[[argparse.Namespace, Path], Case]] = {
    "train": lambda args, place: training(args, place, overwrites=False),
    "train --overwrite": lambda args, place: training(args, place, overwrites=True),
    "export": exporting,
    "predict": predicting,
    "convert": converting,
    "pretrain": pretraining,
    "vocab": vocabulary,
    "distill": distilling,
}
