"""Damaged models that every reader must refuse or read, in bounds of time and memory.

Makes damaged copies of small models of every kind, reads each in a process that may be
ended, and writes as JSON how the readings end, by kind and file, with the numbers of
the copies that end badly:

    python -m benchmarks.robustness.models --copies 20000 --output models.json

`--kinds KIND --only NUMBER` reads one copy again, and shows what it raises.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import logging
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import harness, small_models
from benchmarks.mutations import mutate
from tfner.errors import ConfigError, TfnerError

SECONDS, MEGABYTES = 20, 2048
"""Bounds of one reading."""
STARTING = 300
"""Seconds in which a process makes itself ready."""
LIFE = 300
"""Readings of a process: TensorFlow keeps something of every model."""
GOOD = ("read", "refused")
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, -2, 1.5, 3, 128.5, 10**9, 10**12, 2**31, 2**63, 10**30),
    *("", "x", "3", "../..", "/dev/zero", "\0", "ſ" * 300, [], {}, [[]], [1], ["x"]),
    *({"a": 1}, [{}], 1e-300, 1e300, float("nan"), float("inf")),
)
"""Values that somebody may have put in place of others."""


def main() -> None:
    """Make, damage, read and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("--copies", type=int, default=20_000, help="of all kinds")
    parser.add_argument("--kinds", nargs="+", default=list(small_models.LOADERS))
    parser.add_argument("--only", type=int, help="read this copy, and no other")
    parser.add_argument("--specimens", type=Path, help="where they are, or are made")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tfner-models-") as folder:
        place = args.specimens or Path(folder) / "specimens"
        if not place.exists():
            small_models.make_all(place)
        for kind in {*args.kinds} & {*small_models.EXPORTS}:
            if not (place / kind).exists():
                with contextlib.suppress(ConfigError):  # its engine is not installed
                    small_models.make_export(place, kind)
        if args.only is not None:
            found = read(args.kinds[0], place / args.kinds[0], args.only, shows=True)
            sys.exit(json.dumps(found, indent=2))
        numbers = range(-(-args.copies // len(args.kinds)))
        record: dict[str, Any] = {"copies": 0, "kinds": {}}
        for kind in args.kinds:
            if (place / kind).is_dir():
                results = list(read_all(kind, place / kind, numbers))
                record["kinds"][kind] = summary(results)
                record["copies"] += len(results)
                print(kind, record["kinds"][kind], file=sys.stderr, flush=True)
    harness.write(record, args.output)
    harness.show(record)


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the results of one kind, file by file."""
    files: dict[str, Counter[str]] = defaultdict(Counter)
    outcomes = Counter(dict.fromkeys(GOOD, 0))
    for result in results:
        files[result["file"]][result["outcome"]] += 1
        outcomes[result["outcome"]] += 1
    bad = [result for result in results if result["outcome"] not in GOOD]
    return {
        "outcomes": dict(outcomes),
        "files": {name: dict(counts) for name, counts in sorted(files.items())},
        "slowest_seconds": max(result["seconds"] for result in results),
        "bad": [[r["number"], r["file"], r["outcome"], r["said"]] for r in bad],
    }


def read_all(kind: str, specimen: Path, numbers: range) -> Iterator[dict[str, Any]]:
    """Read copies in processes that are ended where they must be."""
    rest = list(numbers)
    context = get_context("spawn")
    while rest:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, kind, specimen))
        process.start()
        theirs.close()
        wait_for(ours, process.pid, STARTING)
        for number in rest[:LIFE]:
            ours.send(number)
            start = time.monotonic()
            result = wait_for(ours, process.pid, SECONDS)
            result.setdefault("seconds", round(time.monotonic() - start, 1))
            yield {**result, "number": number, "file": file_of(specimen, number)}
            rest.remove(number)
            if result["outcome"] not in (*GOOD, "traceback", "writes"):
                break
        process.kill()
        process.join()


def work(asked: Any, kind: str, specimen: Path) -> None:
    """Answer numbers of copies by how their readings end."""
    logging.disable()
    from tfner.storage.remote import import_tensorflow

    import_tensorflow()
    import keras  # noqa: F401  (takes seconds that belong to no reading)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    asked.send({"outcome": "ready"})
    while True:
        asked.send(read(kind, specimen, asked.recv()))


def wait_for(
    answered: Connection, process: int | None, seconds: float
) -> dict[str, Any]:
    """Wait for the answer of a process, or say what came in its place.

    Args:
        answered: by which it comes.
        process: its number.
        seconds: how long it may take.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answered.poll(0.2):
                return dict(answered.recv())
        except (EOFError, ConnectionError):
            return {"outcome": "crash", "said": "the process has ended"}
        if megabytes(process) > MEGABYTES:
            return {"outcome": "memory", "said": f"more than {MEGABYTES} MB"}
    return {"outcome": "hangs", "said": f"longer than {seconds} s"}


def megabytes(process: int | None) -> float:
    """Return the memory that a process has now."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1]
    except OSError:
        return 0.0
    return int(pages) * resource.getpagesize() / (1 << 20)


def read(
    kind: str, specimen: Path, number: int, *, shows: bool = False
) -> dict[str, Any]:
    """Read one damaged copy; returns how that ends.

    Args:
        kind: a key of `small_models.LOADERS`.
        specimen: the whole model.
        number: of the copy.
        shows: print what is raised.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        target = prepare(specimen, Path(folder) / specimen.name, number)
        held = listing(Path(folder))
        try:
            with harness.within(SECONDS, signal.ITIMER_REAL):
                small_models.LOADERS[kind](target)
            outcome, said = "read", ""
        except TfnerError as error:
            outcome, said = "refused", str(error)
        except harness.Late:
            outcome, said = "hangs", f"longer than {SECONDS} s"
        except BaseException as error:
            if shows:
                traceback.print_exc()
            outcome, said = "traceback", f"{type(error).__name__}: {str(error)[:200]}"
        if listing(Path(folder)) != held:
            outcome, said = "writes", "files of the model are others than before"
    seconds = round(time.monotonic() - start, 2)
    return {"outcome": outcome, "said": said, "seconds": seconds}


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Return what lies in a folder, with the size and the time of each file."""
    return [
        (str(path), path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    ]


def files_of(specimen: Path) -> list[Path]:
    """Return the files of a model."""
    return [path for path in sorted(specimen.rglob("*")) if path.is_file()]


def file_of(specimen: Path, number: int) -> str:
    """Return the name of the file that a copy is damaged in."""
    files = files_of(specimen)
    return files[number % len(files)].relative_to(specimen).as_posix()


def prepare(specimen: Path, target: Path, number: int) -> Path:
    """Copy a model, and damage one of its files; the same one for the same number."""
    shutil.copytree(specimen, target)
    draw = random.Random(number)
    file = target / file_of(specimen, number)
    content = file.read_bytes()
    way = draw.random()
    if way < 0.05:
        replace(draw, file)
    elif file.suffix == ".json" and way < 0.7:
        file.write_bytes(change_json(draw, content))
    else:
        # Of the numbers that are left, every 40th makes a large copy as well.
        file.write_bytes(mutate(content, number) if content else b"\0")
    return target


def replace(draw: random.Random, file: Path) -> None:
    """Put something else in the place of a file, or nothing."""
    file.unlink()
    match draw.randrange(5):
        case 0:
            file.touch()
        case 1:
            file.symlink_to("/dev/zero")
        case 2:
            file.mkdir()
        case 3:
            os.mkfifo(file)


def change_json(draw: random.Random, content: bytes) -> bytes:
    """Put odd values, keys or lists into a JSON file at one to three places."""
    record = json.loads(content)
    for _ in range(draw.randint(1, 3)):
        places = list(_places(record))
        if not places:
            break
        holder, key = draw.choice(places)
        match draw.randrange(4):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[f"{key}x"] = copy.deepcopy(draw.choice(ODD))
            case 2 if isinstance(holder, list):
                holder.extend([holder[key]] * draw.choice((1, 10, 1000)))
            case _:
                holder[key] = copy.deepcopy(draw.choice(ODD))
    return json.dumps(record).encode()


def _places(record: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value within another; of long lists and objects a few."""
    if isinstance(record, dict | list):
        keys = list(record) if isinstance(record, dict) else range(len(record))
        for key in itertools.islice(keys, 40):
            yield record, key
            yield from _places(record[key])


if __name__ == "__main__":
    main()
