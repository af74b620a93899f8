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

import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks import harness, outputs
from benchmarks.outputs import Case, at_a_moment, content, finish, hidden, names

COUNTED = ("had_ended", "whole", "absent", "put_back", "left_hidden", "left_work")
"""Of the kills: those that came too late; after which the output was whole, absent or
had to be put back; after which temporary files or work to go on with were left."""


def main() -> None:
    """Kill and write."""
    parser = outputs.parser(__doc__)
    parser.add_argument("--kills", type=int, default=30, help="of each command")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    record = harness.values(args, "seed")
    outputs.each_command(args, record, lambda case: killed(case, args.kills, chance))


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
        kill(case, chance.random(), from_first_write)
        after_kill(case, whole)
    return {
        "kills": kills,
        "seconds_of_the_fastest_run": round(min(case.runs), 2),
        "moments": sorted(round(second, 2) for second in case.seconds),
        **{name: case.counts[name] for name in COUNTED},
        "faults": case.faults,
    }


def kill(case: Case, share: float, from_first_write: bool) -> None:
    """Start the command, and kill it at a share of its time."""
    begin = time.perf_counter()
    child = at_a_moment(case, share, from_first_write)
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
    differing = sorted({*content(case.output).items()} ^ {*whole.items()})
    if differing:
        case.faults.append(f"another result than without the kill: {differing}")
    unnamed = [path.name for path in left if path.name not in told]
    if unnamed:
        case.faults.append(f"not named: {unnamed}")
    rest = names(case.output.parent) - {case.output.name}
    if rest:
        case.faults.append(f"left behind: {sorted(rest)}")


def olds(output: Path) -> list[Path]:
    """What was being replaced, where that takes two steps."""
    return list(output.parent.glob(f".{output.name}.*.old"))


def clear(folder: Path) -> None:
    """Empty a directory."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir()


if __name__ == "__main__":
    main()
