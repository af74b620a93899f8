"""Kills of commands at random moments: what stood before, and what becomes of the rest.

Each command is run whole once, for its time and its result. Then it is started again
and again and killed with SIGKILL, every other time at a moment of the whole run and
every other time at one after it has begun to write. After each kill what stood at the
output must be whole, and the same command, with `--resume` where work was left to go on
with, must give the result of the run that was not killed, name what the killed one
left, and leave nothing else:

    python -m benchmarks.robustness.kills MODEL ENCODER train.bio --kills 30 \
        --output kills.json
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
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
COUNTED = ("had_ended", "whole", "absent", "put_back", "left_hidden", "left_work")
"""Of the kills: those that came too late; after which the output was whole, absent or
had to be put back; after which temporary files or work to go on with were left."""
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

    def goes_on(self) -> Command:
        """The command that follows a kill."""
        if self.work is not None and self.work.exists():
            return (*self.command, "--resume")
        return (*self.command, "--overwrite") if self.overwrites else self.command


def main() -> None:
    """Kill and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model", type=Path, help="a bundle")
    parser.add_argument(
        "encoder", help="as tfner train --encoder takes it; a small one"
    )
    parser.add_argument("corpus", type=Path, help="column file")
    parser.add_argument("--kills", type=int, default=30, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", nargs="+", help="all by default")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    record: dict[str, Any] = {"kills": args.kills, "seed": args.seed, "commands": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in CASES.items():
            if args.commands is None or name in args.commands:
                place = Path(folder) / name.replace(" ", "_")
                place.mkdir()
                found = killed(make(args, place), args.kills, chance)
                record["commands"][name] = found
                harness.write(record, args.output)  # the rest takes its time
    harness.show(record)
    sys.exit(any(found["faults"] for found in record["commands"].values()))


def killed(case: Case, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill a command again and again, and look at what is left.

    Args:
        case: the command; its output lies in a directory of its own.
        kills: how many.
        chance: decides the moments.
    """
    case.output.parent.mkdir()
    finish(case, case.command)
    whole = content(case.output)
    for number in range(kills):
        if not case.overwrites:
            clear(case.output.parent)
        from_first_write = bool(number % 2)
        kill(case, chance.random(), min(case.runs), from_first_write)
        after_kill(case, whole)
    return {
        "seconds_of_the_fastest_run": round(min(case.runs), 2),
        "moments": sorted(round(second, 2) for second in case.seconds),
        **{name: case.counts[name] for name in COUNTED},
        "faults": case.faults,
    }


def kill(case: Case, share: float, seconds: float, from_first_write: bool) -> None:
    """Start the command, and kill it at a share of its time."""
    before = names(case.output.parent)
    command = (*case.command, "--overwrite") if case.overwrites else case.command
    child = start(command)
    begin = time.perf_counter()
    while from_first_write and child.poll() is None:
        if names(case.output.parent) != before:
            seconds -= time.perf_counter() - begin
            break
        time.sleep(0.001)
    with suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, share * seconds))
    case.seconds.append(time.perf_counter() - begin)
    ended = child.poll() is not None
    child.send_signal(signal.SIGKILL)
    child.communicate()
    case.counts["had_ended"] += ended


def after_kill(case: Case, whole: dict[str, str]) -> None:
    """Check what a kill has left, go on, and check what there is then."""
    there = content(case.output) if case.output.exists() else None
    if case.work == case.output and there != whole:
        there = None  # the run itself, unfinished
    if there is None and case.overwrites and not olds(case.output):
        case.faults.append("what stood before is gone")
    elif there is not None and there != whole:
        differing = sorted(set(there.items()) ^ set(whole.items()))
        case.faults.append(f"not whole: {differing}")
    else:
        gone = "put_back" if case.overwrites else "absent"
        case.counts["whole" if there else gone] += 1
    if there is not None and not case.overwrites:
        return
    left = hidden(case.output.parent)
    resumed = case.work is not None and case.work.exists()
    case.counts["left_work"] += resumed
    case.counts["left_hidden"] += bool(left)
    told = finish(case, case.goes_on())
    if content(case.output) != whole:
        case.faults.append("another result than without the kill")
    unnamed = [path.name for path in left if path.name not in told]
    if unnamed:
        case.faults.append(f"not named: {unnamed}")
    rest = names(case.output.parent) - {case.output.name}
    if rest:
        case.faults.append(f"left behind: {sorted(rest)}")


def finish(case: Case, command: Command) -> str:
    """Run a command to its end; returns what it says."""
    begin, child = time.perf_counter(), start(command)
    _, told = child.communicate()
    if "--resume" not in command:
        case.runs.append(time.perf_counter() - begin)
    if child.returncode:
        case.faults.append(f"{' '.join(map(str, command[:2]))}: {told[-300:]}")
    return told


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


def olds(output: Path) -> list[Path]:
    """What was being replaced, where that takes two steps."""
    return list(output.parent.glob(f".{output.name}.*.old"))


def clear(folder: Path) -> None:
    """Empty a directory."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir()


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
    """The digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


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


CASES: dict[str, Callable[[argparse.Namespace, Path], Case]] = {
    "train": lambda args, place: training(args, place, overwrites=False),
    "train --overwrite": lambda args, place: training(args, place, overwrites=True),
    "export": exporting,
    "predict": predicting,
    "convert": converting,
    "pretrain": pretraining,
}


if __name__ == "__main__":
    main()
