"""Pretrained models as others read them, from any checkpoint of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfner.checkpoints.pretrained import save_discriminator, save_masked_lm
from tfner.corpus.files import whole_directory
from tfner.errors import TrainingError
from tfner.models.electra import MaskedLanguageModel
from tfner.pretrain_config import PretrainConfig
from tfner.tokenization import load_tokenizer
from tfner.tokenization.for_transformers import save_for_transformers
from tfner.training.arrays import assign
from tfner.training.pretrain_files import Checkpoints
from tfner.training.pretrain_model import make_model

CHECKPOINTS, TOKENIZER = "checkpoints", "tokenizer"
ENCODER, GENERATOR = "encoder", "generator"


def export(run: Path, step: int, *, suffix: str = "") -> dict[str, Any]:
    """Write the models of a checkpoint as Hugging Face directories, into its run.

    Args:
        run: directory of the run.
        step: after how many steps; its checkpoint must have been kept.
        suffix: of the names of the directories; those there are replaced.

    Returns:
        `encoder` and `masked_lm`: of ELECTRA the discriminator and the generator, of
        BERT's objective one and the same directory.

    Raises:
        TrainingError: there is no such checkpoint, or it is damaged.
        CheckpointError: the directories cannot be written.
    """
    checkpoints = Checkpoints(run / CHECKPOINTS)
    arrays, about = checkpoints.load(step)
    config = PretrainConfig(**about["config"])
    model = make_model(config, **about["pieces"])
    assign(model.weights, arrays[: len(model.weights)], checkpoints.path(step))
    tokenizer = load_tokenizer(run / TOKENIZER)
    encoder, generator = run / (ENCODER + suffix), run / (GENERATOR + suffix)
    with whole_directory(encoder, TrainingError) as stage:
        save_for_transformers(tokenizer, stage, longest=config.max_positions)
        if isinstance(model, MaskedLanguageModel):
            save_masked_lm(model, stage)
        else:
            save_discriminator(model, stage)
    if isinstance(model, MaskedLanguageModel):
        return {"encoder": str(encoder), "masked_lm": str(encoder)}
    with whole_directory(generator, TrainingError) as stage:
        save_for_transformers(tokenizer, stage, longest=config.max_positions)
        save_masked_lm(model.generator, stage)
    return {"encoder": str(encoder), "masked_lm": str(generator)}
