"""`python -m tfner_export.beam`: entities in files, by any of Beam's runners."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from typing import get_args

from tfner.config.choices import Engine, EnginePrecision
from tfner.errors import TfnerError
from tfner.storage.beam_files import import_beam

logger = logging.getLogger("tfner_export.beam")

STEP = re.compile(r" \[while running .*\]$")
"""What Beam appends to the message of an error."""
OURS = re.compile(r"^tfner\.errors\.\w+: (.+)$", flags=re.MULTILINE)
"""An error in the traceback that another process has sent."""


def parser() -> argparse.ArgumentParser:
    """Make the parser of all options but Beam's."""
    made = argparse.ArgumentParser(
        prog="python -m tfner_export.beam",
        description="Find entities in files by Apache Beam. The output is that of "
        "`tfner predict`, byte for byte, in the order of the files.",
        epilog="All other options go to Beam, which knows those of its runners.",
        allow_abbrev=False,
    )
    made.add_argument(
        *("--input", "-i"),
        metavar="PATTERN",
        action="append",
        required=True,
        help="Files; may be repeated. Patterns stand for several, read in the order "
        "of their names.",
    )
    made.add_argument("--output", "-o", metavar="FILE", required=True)
    made.add_argument(
        "--model",
        required=True,
        help="SavedModel or bundle that all workers reach: a remote path, or one that "
        "is the same on all.",
    )
    made.add_argument(
        "--from", dest="format", metavar="FORMAT", help="Format of all files."
    )
    made.add_argument("--decode", metavar="NAME", help="argmax or viterbi.")
    made.add_argument(
        "--engine",
        metavar="NAME",
        help="What computes the model; auto is the fastest that is installed on each "
        f"worker. {' | '.join(get_args(Engine))}.",
    )
    made.add_argument(
        "--precision",
        metavar="NAME",
        help=f"Number format of its products. {' | '.join(get_args(EnginePrecision))}.",
    )
    made.add_argument(
        "--trust-graph",
        action="store_true",
        help="Run a SavedModel even if its graph has operators that no tagger needs: "
        "they may read or write files, or run other code.",
    )
    made.add_argument("--overwrite", action="store_true", help="Replace FILE.")
    made.add_argument(
        "--runner", metavar="NAME", default="DirectRunner", help="One of Beam's."
    )
    return made


def main() -> None:
    """Run the pipeline; what the user can put right ends in one sentence and exit 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    given, others = parser().parse_known_args()
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.INFO)
    # Where an error is raised in a worker; it is told below.
    logging.getLogger("apache_beam.runners").setLevel(logging.CRITICAL)
    try:
        _run(given, others)
    except (TfnerError, RuntimeError) as error:  # Beam raises the latter
        sys.stderr.write(f"error: {sentence(error)}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def sentence(error: Exception) -> str:
    """Say why a pipeline failed, without Beam's additions."""
    message = str(error)
    if not isinstance(error, TfnerError):
        ours = OURS.findall(message)
        lines = message.strip().splitlines() or [type(error).__name__]
        message = ours[-1] if ours else f"the pipeline failed: {lines[-1]}"
    return STEP.sub("", message)


def _run(given: argparse.Namespace, others: list[str]) -> None:
    beam = import_beam("python -m tfner_export.beam")
    from tfner_export.beam.files import predict_files

    counts = predict_files(
        *(given.input, given.model, given.output),
        format=given.format,
        overwrite=given.overwrite,
        options=beam.options.pipeline_options.PipelineOptions(
            others, runner=given.runner
        ),
        decode=given.decode,
        engine=given.engine,
        precision=given.precision,
        trust_graph=given.trust_graph,
    )
    lost = [f"{count} {name}" for name, count in counts.items() if count]
    if lost:
        logger.info("not everything could be read: %s", ", ".join(lost))


if __name__ == "__main__":
    main()
