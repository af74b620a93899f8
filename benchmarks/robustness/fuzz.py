"""Readers of corpora and tokenizers, fuzzed with a view to the code that is reached.

Atheris changes inputs and keeps those that reach new code. Every input must be read or
refused, soon; what was read must come back the same after it was written, and pieces
must lie in their words and words in the text. Needs `pip install atheris coverage`, in
an environment of its own. Write how many inputs were tried, how much of the code they
reach, and what went wrong, as JSON:

    python -m benchmarks.robustness.fuzz conll --minutes 10 --output fuzz_conll.json
    python -m benchmarks.robustness.fuzz alignment --minutes 10 --output align.json \
        --tokenizers WORDPIECE_DIR SENTENCEPIECE_DIR MECAB_DIR

Targets: conll, json, brat, rasa, alignment. Minutes are those of the processor.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from benchmarks import harness
from benchmarks.fuzz_targets import FORMATS, UNICODE, Try, Wrong, seeds, target
from benchmarks.mutations import SIGNS

SECONDS = 5
"""Processor seconds that one input may take."""
LONGEST = 1 << 13
"""Bytes of an input."""
CODE = {
    "alignment": "tfner/tokenization",
    **dict.fromkeys(FORMATS, "tfner/corpus"),
}
"""Target -> the code whose lines are counted."""


def main() -> None:
    """Fuzz in a process of its own, and write what came of it."""
    parser = harness.parser(__doc__)
    parser.add_argument("target", choices=list(CODE))
    parser.add_argument("--minutes", type=float, default=10, help="of the processor")
    parser.add_argument("--tokenizers", type=Path, nargs="*", default=[])
    parser.add_argument("--work", type=Path, help="where inputs and findings are kept")
    parser.add_argument("--only", type=Path, help="try this file, and no other")
    parser.add_argument("--is-child", action="store_true", help="do the fuzzing")
    args = parser.parse_args()
    logging.disable()
    if args.only is not None:
        target(args.target, args.tokenizers)(args.only.read_bytes())
        return
    if args.is_child:
        fuzz(args.target, args.tokenizers, args.work, args.minutes * 60)
    work = args.work or Path(tempfile.mkdtemp(prefix="tfner-fuzz-"))
    inputs = work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    first = list(seeds(args.target))
    for number, content in enumerate(first):
        (inputs / f"seed{number:03d}").write_bytes(content)
    command = [sys.executable, "-m", "benchmarks.robustness.fuzz", *sys.argv[1:]]
    done = subprocess.run(
        [*command, "--is-child", "--work", str(work)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    (work / "log").write_text(done.stderr, encoding="utf-8")
    kept = [path.read_bytes() for path in sorted(inputs.iterdir())]
    record = {
        "target": args.target,
        "seeds": len(first),
        "exit_code": done.returncode,
        **edges(done.stderr),
        **json.loads((work / "result.json").read_text(encoding="utf-8")),
        "inputs_kept": len(kept),
        "lines_of_seeds": lines_reached(args.target, args.tokenizers, first),
        "lines": lines_reached(args.target, args.tokenizers, kept),
    }
    harness.write(record, args.output)
    harness.show(record)


def fuzz(name: str, tokenizers: list[Path], work: Path, seconds: float) -> None:
    """Fuzz until the time is up, which ends the process.

    Args:
        name: of the target.
        tokenizers: for the target `alignment`.
        work: a folder; `inputs` in it holds the seeds and gets what reaches new code.
        seconds: of the processor.
    """
    import atheris

    with atheris.instrument_imports(include=["tfner"]):
        attempt = target(name, tokenizers)
        for seed in seeds(name):  # what is imported late is instrumented, too
            outcome_of(attempt, seed)
    results = Results(work)

    def once(content: bytes) -> None:
        if time.process_time() > seconds:
            results.write()
            os._exit(0)
        if content:
            results.add(attempt, content)

    def change(content: bytes, largest: int, seed: int) -> bytes:
        draw = random.Random(seed)
        if draw.random() < 0.5:
            return bytes(atheris.Mutate(content, largest))
        signs = [c.encode() for c in UNICODE] if draw.random() < 0.5 else SIGNS
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(1, len(content) + 1) if content else 0
            gone = draw.choice((0, 0, 1, 3))
            content = content[:at] + draw.choice(signs) + content[at + gone :]
        return content[:largest]

    flags = [f"-max_len={LONGEST}", f"-artifact_prefix={work}/", "-timeout=300"]
    arguments = ["fuzz", *flags, "-rss_limit_mb=3000", str(work / "inputs")]
    atheris.Setup(arguments, once, custom_mutator=change)
    atheris.Fuzz()


class Results:
    """Counts of what came of the inputs, in `result.json`.

    Args:
        work: the folder for it, and for inputs with which something is wrong.
    """

    def __init__(self, work: Path) -> None:
        self._work, self._slowest, self._next = work, 0.0, 0.0
        self._outcomes: Counter[str] = Counter()
        self._findings: dict[str, str] = {}

    def add(self, attempt: Try, content: bytes) -> None:
        """Try an input and count it; write now and then, for a run may be ended."""
        begin = time.process_time()
        outcome, finding = outcome_of(attempt, content)
        now = time.process_time()
        self._slowest = max(self._slowest, now - begin)
        self._outcomes[outcome] += 1
        if finding and finding not in self._findings:
            file = self._work / f"finding{len(self._findings):03d}"
            file.write_bytes(content)
            self._findings[finding] = file.name
        if now > self._next:
            self._next = now + 5
            self.write()

    def write(self) -> None:
        """Write what is known so far."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        result = {
            "processor_seconds": round(time.process_time()),
            "executions": self._outcomes.total(),
            "outcomes": dict(self._outcomes),
            "findings": self._findings,
            "slowest_seconds": round(self._slowest, 2),
            "peak_megabytes": usage.ru_maxrss >> 10,
        }
        file = self._work / "result.json"
        file.write_text(json.dumps(result), encoding="utf-8")


def outcome_of(attempt: Try, content: bytes) -> tuple[str, str]:
    """Try an input; return how it ends, and where and what is wrong with that."""
    from tfner.errors import TfnerError

    try:
        with harness.within(SECONDS):
            attempt(content)
        return "read", ""
    except TfnerError:
        return "refused", ""
    except harness.Late:
        return "hangs", f"longer than {SECONDS} s"
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/tfner/" in f.filename] or list(frames)
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        said = re.sub(r"[0-9]+", "N", str(error)[:100])
        if isinstance(error, Wrong):
            return "wrong", said
        return "traceback", f"{place}: {type(error).__name__}: {said[:60]}"


def edges(log: str) -> dict[str, int]:
    """Return the edges of the code that the seeds reach, and all inputs."""
    found = [int(number) for number in re.findall(r" cov: ([0-9]+) ", log)]
    begin = re.search(r"INITED cov: ([0-9]+)", log)
    return {
        "edges_of_seeds": int(begin[1]) if begin else 0,
        "edges": max(found, default=0),
    }


def lines_reached(
    name: str, tokenizers: list[Path], contents: list[bytes]
) -> dict[str, str]:
    """Return the lines of functions that inputs reach, and all, by file."""
    import coverage

    import tfner

    root = Path(tfner.__file__).parents[1]
    attempt = target(name, tokenizers)
    meter = coverage.Coverage(include=[f"{root}/{CODE[name]}/*"], data_file=None)
    with meter.collect():
        for content in contents:
            outcome_of(attempt, content)
    reached = {}
    for file in sorted(meter.get_data().measured_files()):
        lines = lines_within(Path(file).read_text(encoding="utf-8"))
        found = lines.intersection(meter.get_data().lines(file) or ())
        reached[os.path.relpath(file, root)] = f"{len(found)} of {len(lines)}"
    return reached


def lines_within(source: str) -> set[int]:
    """Return the lines at which statements in functions begin, docstrings aside."""
    functions = [
        f for f in ast.walk(ast.parse(source)) if isinstance(f, ast.FunctionDef)
    ]
    return {
        statement.lineno
        for function in functions
        for statement in ast.walk(function)
        if isinstance(statement, ast.stmt) and statement is not function
        if not (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
        )
    }


if __name__ == "__main__":
    main()
