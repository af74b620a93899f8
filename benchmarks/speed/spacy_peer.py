"""Trains the pipeline of spaCy that engines.py measures beside tfner.

    python -m benchmarks.speed.spacy_peer engtrain.bio SPACY

Writes SPACY/model-best: spaCy's own settings for named entities on a CPU, a small
convolutional network without pretrained vectors, and so another kind of model, which is
faster and less exact. A tenth of the corpus chooses the best step. Takes ten minutes
with MIT Movie on a core.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import harness


def main() -> None:
    """Split the corpus, write the settings and train."""
    parser = harness.parser(__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    parts, folder = args.directory / "parts", args.directory
    fractions = ("--fractions", "0.9,0.1", "--seed", args.seed)
    harness.tfner("corpus", "split", args.train, parts, *fractions)
    for name in ("train", "dev"):
        (source,) = parts.glob(f"{name}.*")
        harness.tfner("corpus", "convert", source, folder / f"{name}.spacy")
    settings = folder / "config.cfg"
    spacy = (sys.executable, "-m", "spacy")
    kind = ("--lang", args.language, "--pipeline", "ner", "--optimize", "efficiency")
    harness.output_of([*spacy, "init", "config", settings, *kind])
    files = (f"--paths.{name}={folder / name}.spacy" for name in ("train", "dev"))
    run = ("train", settings, "--output", folder, f"--system.seed={args.seed}")
    told = harness.output_of([*spacy, *run, *files])
    sys.stdout.write(told)


if __name__ == "__main__":
    main()
