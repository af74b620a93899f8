"""Full disks, places that cannot be written, strangers, signals, and two runs at once.

Each command is run whole once, for its time and its result. Then its output meets each
trouble some times. What stood there before must be whole, the command must end in one
sentence or a whole result and leave no temporary files, and once the trouble is over
the same command, with `--resume` where work was left to go on with, must give the
result of the whole run. As root, who alone may mount small disks:

    python -m benchmarks.robustness.troubles MODEL ENCODER train.bio --trials 3 \
        --output troubles.json
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import harness, outputs
from benchmarks.outputs import (
    Case,
    at_a_moment,
    content,
    finish,
    hidden,
    names,
    start,
)

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
STRANGER = "mine"
"""Content of a file of somebody else's."""
STOPPED = "error: stopped as asked after"
"""What training says that a signal has ended."""
SECOND = ("is in use", "exists", "has appeared here meanwhile", "holds a")
"""What the second of two runs is told."""


def main() -> None:
    """Trouble and write."""
    parser = outputs.parser(__doc__)
    parser.add_argument("--trials", type=int, default=3, help="of each trouble")
    parser.add_argument(
        "--troubles", nargs="+", choices=TROUBLES, default=list(TROUBLES)
    )
    args = parser.parse_args()
    chance = random.Random(args.seed)
    record = harness.values(args, "trials", "seed")
    outputs.each_command(args, record, lambda case: troubled(case, args, chance))


def troubled(
    case: Case, args: argparse.Namespace, chance: random.Random
) -> dict[str, Any]:
    """Let a command meet every trouble, and look at what is left."""
    trials, found = Trials(case, chance), {}
    for name in args.troubles:
        case.counts.clear()
        for number in range(args.trials):
            trials.case = case
            trials.begin()
            known = len(case.faults)
            TROUBLES[name](trials, number)
            case.faults[known:] = [f"{name}: {fault}" for fault in case.faults[known:]]
        found[name] = dict(case.counts)
    seconds = round(min(case.runs), 2)
    return {"seconds_of_the_fastest_run": seconds, **found, "faults": case.faults}


class Trials:
    """A command, its whole result, and the checks after each trouble.

    Args:
        case: the command; its output lies in a directory of its own, which is made.
        chance: decides the moments and sizes.
    """

    def __init__(self, case: Case, chance: random.Random) -> None:
        self.case, self.chance, self.folder = case, chance, case.output.parent
        self.folder.mkdir()
        finish(case, case.command)
        self.whole = content(case.output)
        self.before = self.folder.with_name("before")
        shutil.move(case.output, self.before)
        files = [self.before, *self.before.rglob("*")]
        self.bytes = sum(file.stat().st_size for file in files)

    def begin(self) -> None:
        """Leave nothing but what stands at the output of a command that replaces it."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.case.overwrites:
            copy = shutil.copytree if self.before.is_dir() else shutil.copy2
            copy(self.before, self.case.output)

    def start_and_wait(self, number: int) -> subprocess.Popen[str]:
        """Start it, and wait for a moment, every other time after its first write."""
        return at_a_moment(self.case, self.chance.uniform(0.1, 0.9), bool(number % 2))

    def count(self, name: str, seen: bool = True) -> None:
        """Count what was seen."""
        self.case.counts[name] += seen

    def check(self, good: bool, fault: str) -> None:
        """Note what should not be."""
        if not good:
            self.case.faults.append(fault)

    def check_told(self, code: int, told: str) -> None:
        """A refusal must be one sentence, the last line, with exit code 1."""
        lines = told.strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        good = code == 1 and errors == lines[-1:] and "Traceback" not in told
        self.check(good, f"exit code {code}, and no sentence: {told[-500:]}")

    def check_left(self) -> None:
        """What stood before must be whole, and no temporary files be left."""
        if self.case.overwrites:
            there = self.case.output.exists() and content(self.case.output)
            self.check(there == self.whole, "what stood before is not whole")
        left = [path.name for path in hidden(self.folder)]
        self.check(not left, f"left behind: {left}")

    def check_goes_on(self) -> None:
        """The command must give the whole result now, and leave nothing else."""
        self.count("went_on", "--resume" in self.case.goes_on())
        finish(self.case, self.case.goes_on())
        self.check_whole(self.case.output)
        rest = names(self.folder) - {self.case.output.name}
        self.check(not rest, f"left behind: {sorted(rest)}")

    def check_whole(self, path: Path) -> None:
        """The result must be that of the first run."""
        good = path.exists() and content(path) == self.whole
        self.check(good, f"{path.name}: another result than without the trouble")


def full_disk(trials: Trials, number: int) -> None:
    """Less room than the result takes."""
    room = int(trials.chance.uniform(0.02, 0.8) * trials.bytes) + 4096
    with disk(trials, room + trials.bytes * trials.case.overwrites):
        code, told = end(start(trials.case.begins()))
        trials.count("refused" if code else "had_room")
        if code:
            trials.check_told(code, told)
            trials.check_left()
            mount(trials.folder, f"remount,size={50 * trials.bytes + 2**26}")
            trials.check_goes_on()


def read_only(trials: Trials, number: int) -> None:
    """A file system that cannot be written."""
    with disk(trials, 2 * trials.bytes + 2**20):
        mount(trials.folder, "remount,ro")
        begin = time.perf_counter()
        code, told = end(start(trials.case.begins()))
        late = time.perf_counter() - begin > 0.8 * min(trials.case.runs)
        trials.count("told_at_the_end" if late else "told_at_the_beginning")
        trials.check_told(code, told)
        trials.check_left()


def stranger(trials: Trials, number: int) -> None:
    """A file of somebody else's that appears at the output of a run."""
    trials.case = replace(trials.case, overwrites=False)
    trials.begin()
    output = trials.case.output
    child = trials.start_and_wait(number)
    try:
        with output.open("x") as file:
            file.write(STRANGER)
    except OSError:  # the result is there, or the run works there
        trials.count("too_late")
        trials.check(not end(child)[0], "failed")
        return
    trials.check_told(*end(child))
    there = output.is_file() and output.read_text()
    trials.check(there == STRANGER, "the file of somebody else's is gone")
    beside = output.with_name(f"{output.name}.new")
    trials.count("kept_beside" if beside.exists() else "told_at_the_beginning")
    if beside.exists():
        trials.check_whole(beside)


def signalled(trials: Trials, number: int) -> None:
    """A signal that asks for the end."""
    asked = SIGNALS[number % len(SIGNALS)]
    child = trials.start_and_wait(number)
    child.send_signal(asked)
    code, told = end(child)
    trials.count({0: "had_ended", -asked: "had_not_begun"}.get(code, "stopped"))
    good = code in (0, -asked, 128 + asked) and "Traceback" not in told
    good |= STOPPED in told  # of training, which has saved its work
    trials.check(good, f"exit code {code} after {asked.name}: {told[-500:]}")
    trials.check_left()
    if code:
        trials.check_goes_on()


def two_runs(trials: Trials, number: int) -> None:
    """The same command a second time, while it runs."""
    first, second = trials.start_and_wait(number), start(trials.case.begins())
    ends = [end(first), end(second)]
    codes = [code for code, _ in ends]
    trials.count("both" if codes == [0, 0] else "one")
    trials.check(0 in codes, f"neither has won: {ends}")
    for code, told in ends:
        if code:
            trials.check_told(code, told)
            named = any(words in told for words in SECOND)
            trials.check(named, f"does not name the other run: {told[-300:]}")
    trials.check_whole(trials.case.output)
    trials.count("kept_beside", bool(names(trials.folder) - {trials.case.output.name}))
    trials.check_left()


def end(child: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a process, and what it says."""
    _, told = child.communicate()
    return child.returncode, told


@contextmanager
def disk(trials: Trials, size: int) -> Iterator[None]:
    """A small disk in the place of the directory of the output."""
    mount(trials.folder, f"size={size}")
    try:
        trials.begin()
        yield
    finally:
        subprocess.run(["umount", str(trials.folder)], check=True)


def mount(folder: Path, options: str) -> None:
    """Mount a file system in memory, or change it."""
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(words, check=True)


TROUBLES: dict[str, Callable[[Trials, int], None]] = {
    "full_disk": full_disk,
    "read_only": read_only,
    "stranger": stranger,
    "signal": signalled,
    "two_runs": two_runs,
}


if __name__ == "__main__":
    main()
