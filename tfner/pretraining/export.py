"""Pretrained models as others read them, from any checkpoint of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfner.checkpoints.pretrained import (
    save_discriminator,
    save_google_pretraining,
    save_masked_lm,
)
from tfner.config.pretrain import PretrainConfig
from tfner.models.pretraining.electra import Electra
from tfner.pretraining.model import make_model
from tfner.storage.atomic import whole_directory
from tfner.storage.digests import write_digests
from tfner.tokenization import load_tokenizer
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.tokenization.for_transformers import save_for_transformers
from tfner.training.arrays import assign_variables
from tfner.training.checkpoints import NumberedCheckpoints

CHECKPOINTS = "checkpoints"
ENCODER, GENERATOR, GOOGLE = "encoder", "generator", "google"


def export(run: Path, step: int, *, suffix: str = "") -> dict[str, Any]:
    """Write the models of a checkpoint into its run, each with the tokenizer.

    `encoder` and, of ELECTRA, `generator` are Hugging Face directories, with the heads
    that were trained; `google` is a checkpoint of google-research's code.

    Args:
        run: directory of the run.
        step: after how many steps; its checkpoint must have been kept.
        suffix: of the names of the directories; those there are replaced.

    Returns:
        The directories: `encoder`, `masked_lm` (of BERT's objective the same as the
        encoder) and `google`.

    Raises:
        TrainingError: there is no such checkpoint, or it is damaged.
        StorageError: a directory cannot be written.
    """
    state = NumberedCheckpoints(run / CHECKPOINTS).load(step)
    config = PretrainConfig.from_record(state.about["config"])
    model = make_model(config, **state.about["pieces"])
    assign_variables(model.weights, state.arrays[: len(model.weights)], state.path)
    tokenizer = load_tokenizer(run / TOKENIZER_FOLDER)
    writers: dict[str, Callable[[Path], None]] = {
        GOOGLE: lambda stage: save_google_pretraining(model, stage, step=step)
    }
    if isinstance(model, Electra):
        writers[ENCODER] = lambda stage: save_discriminator(model, stage)
        writers[GENERATOR] = lambda stage: save_masked_lm(model.generator, stage)
    else:
        writers[ENCODER] = lambda stage: save_masked_lm(model, stage)
    for name, write in writers.items():
        with whole_directory(run / (name + suffix)) as stage:
            write(stage)
            save_for_transformers(tokenizer, stage, longest=config.model.max_positions)
            write_digests(stage)
    masked_lm = GENERATOR if GENERATOR in writers else ENCODER
    return {
        "encoder": str(run / (ENCODER + suffix)),
        "masked_lm": str(run / (masked_lm + suffix)),
        "google": str(run / (GOOGLE + suffix)),
    }
