"""`tfner demo`: from corpus to served prediction, on bundled data."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.cli.options import Json, Overwrite
from tfner.cli.output import (
    print_json,
    print_text,
)
from tfner.samples import minilm
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.remote import import_tensorflow

logger = logging.getLogger(__name__)

DEMO = Kind("demo", {"model/config.json": b'"tfner_schema"'})
SENTENCE = (
    "Last Tuesday Ingrid Halvorsen left Barclays in London to edit The Quiet Harbour."
)
SETTINGS: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 8,
    "learning_rate": 1e-4,
    "seed": 0,
    "recipe": "published",
}


def command(
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Encoder, named as `tfner train --encoder` takes it; MiniLM if not "
            "set.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Directory for the model and its export."),
    ] = Path("tfner-demo"),
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Train, export, evaluate and predict on bundled English data.

    Scores and predictions are those of the exported SavedModel. Needs no network once
    an encoder is installed; takes under three minutes on two cores.
    """
    started = time.perf_counter()
    chosen = encoder or minilm()
    OutputPolicy(output, overwrite).check(DEMO)
    import_tensorflow()
    result = run(chosen, output)
    result["seconds"] = round(time.perf_counter() - started, 1)
    if json:
        result.pop("report")
        print_json(result)
    else:
        print_text(summary(result))


def run(encoder: str, output: Path) -> dict[str, Any]:
    """Run every step of the demo; return the record that the command prints."""
    from tfner.config.train import TrainConfig
    from tfner.corpus import read_corpus
    from tfner.evaluation import score
    from tfner.finetuning.train import train
    from tfner.inference.predictor import Predictor
    from tfner.reports.predictions import record
    from tfner.reports.text import render_text
    from tfner.samples import english
    from tfner_export.publish import export_saved_model

    logger.info("1. train on %s", english("train"))
    config = TrainConfig(
        train=str(english("train")),
        dev=str(english("dev")),
        encoder=encoder,
        output=str(output / "model"),
        overwrite=True,
        **SETTINGS,
    )
    bundle = train(config)
    logger.info("2. export, load with TensorFlow's two loaders, compare")
    exported = export_saved_model(bundle, output / "export")
    logger.info("   largest difference %.1e", exported.max_abs_difference)
    logger.info("3. score the SavedModel on the test part")
    predictor = Predictor.load(exported.saved_model)
    gold = list(read_corpus(str(english("test"))))
    counts = Counter[str]()
    scores = score(gold, predictor.predict(gold, counts=counts), counts=counts)
    logger.info("4. predict a sentence through the SavedModel")
    (document,) = predictor.predict([SENTENCE])
    return {
        "f1": scores.f1,
        "bundle": str(bundle.directory),
        "saved_model": str(exported.saved_model),
        "entities": record(document)["entities"],
        "report": render_text(scores),
    }


def summary(result: dict[str, Any]) -> str:
    """Render the report, the entities of the sentence, and the next command."""
    entities: Sequence[dict[str, Any]] = result["entities"]
    rows = [
        f"  {e['start']:>3}-{e['end']:<3} {e['label']:<5} {e['text']}" for e in entities
    ]
    lines = [
        result["report"].rstrip("\n"),
        "",
        SENTENCE,
        *rows,
        "",
        f"{result['seconds']:.0f} seconds",
        f"model:       {result['bundle']}",
        f"SavedModel:  {result['saved_model']}",
        f'next: tfner predict {result["bundle"]} --text "your sentence"',
    ]
    return "\n".join(lines)
