"""Damaged corpora that every reader must refuse or read, in bounds of time and memory.

Makes damaged copies of one file a format, reads each by the format's name and by what
it shows, and writes what went wrong as JSON, with the seed that makes the copy again:

    python -m benchmarks.robustness.readers tests/corpus/specimens --files 20000 \
        --output readers.json
"""

from __future__ import annotations

import itertools
import logging
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.mutations import mutate
from tfner import read_corpus
from tfner.corpus import FORMATS
from tfner.errors import TfnerError

SECONDS, MEGABYTES = 5, 500
"""Bounds of one reading: processor seconds, and memory beside that of the process."""
CHUNK = 500


def main() -> None:
    """Read and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("specimens", type=Path, help="a folder of files FORMAT.*")
    parser.add_argument("--files", type=int, default=20_000, help="copies a format")
    parser.add_argument("--formats", nargs="+", help="all by default")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    args = parser.parse_args()
    chosen = args.formats or list(FORMATS)
    found = specimens(args.specimens)
    record: dict[str, Any] = {"files": args.files, "formats": {}}
    with get_context("spawn").Pool(
        args.processes, logging.disable, maxtasksperchild=4
    ) as pool:
        for name in chosen:
            if name not in found:
                record["formats"][name] = "no specimen"
                continue
            starts = range(0, args.files, CHUNK)
            jobs = [(name, str(found[name]), start, args.files) for start in starts]
            results = list(pool.imap_unordered(read_damaged, jobs))
            record["formats"][name] = summary(results)
            print(name, record["formats"][name], file=sys.stderr, flush=True)
    harness.write(record, args.output)
    harness.show(record)


def specimens(folder: Path) -> dict[str, Path]:
    """Return the file of each format, which is named after it."""
    return {path.name.partition(".")[0]: path for path in sorted(folder.iterdir())}


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the results of one format."""
    outcomes: Counter[str] = Counter()
    for result in results:
        outcomes.update(result["outcomes"])
    return {
        "outcomes": dict(outcomes),
        "slowest_seconds": max(result["slowest"] for result in results),
        "most_megabytes": max(result["megabytes"] for result in results),
        "wrong": list(itertools.chain(*(result["wrong"] for result in results)))[:20],
    }


def read_damaged(job: tuple[str, str, int, int]) -> dict[str, Any]:
    """Read some copies of one file and count how they end."""
    name, path, start, files = job
    outcomes: Counter[str] = Counter()
    wrong, slowest = [], 0.0
    before = megabytes()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(start, min(start + CHUNK, files)):
            target = prepare(Path(path), Path(folder), seed)
            begin = time.process_time()
            for format in (name, None):
                outcome, message = read(target, format)
                outcomes[outcome] += 1
                if message:
                    wrong.append(f"seed {seed}, --from {format}: {message}")
            slowest = max(slowest, time.process_time() - begin)
            if megabytes() - before > MEGABYTES:
                wrong.append(f"seed {seed}: {megabytes() - before:.0f} MB")
                before = megabytes()
    return {
        "outcomes": outcomes,
        "wrong": wrong,
        "slowest": slowest,
        "megabytes": megabytes() - before,
    }


def prepare(specimen: Path, folder: Path, seed: int) -> Path:
    """Write a damaged copy: of a file, or of one of a directory's."""
    files = [specimen] if specimen.is_file() else list(_files(specimen))
    damaged = files[seed % len(files)]
    target = folder / specimen.name
    for file in files:
        copy = target if file == specimen else target / file.relative_to(specimen)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes()
        copy.write_bytes(mutate(content, seed) if file == damaged else content)
    return target


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def read(path: Path, format: str | None) -> tuple[str, str]:
    """Read a corpus; return how it ends, and what is wrong with that."""
    try:
        with harness.within(SECONDS):
            for _ in read_corpus(path, format=format):
                pass
        return "read", ""
    except TfnerError:
        return "refused", ""
    except harness.Late:
        return "hangs", f"longer than {SECONDS} s"
    except (Exception, RecursionError) as error:
        return "traceback", f"{type(error).__name__}: {str(error)[:200]}"


def megabytes() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
