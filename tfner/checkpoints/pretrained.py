"""Pretrained models with their heads, as transformers and google-research read them.

Source: transformers models/electra, models/bert; google-research/electra
run_pretraining.py; google-research/bert run_pretraining.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfner.checkpoints import google_names, huggingface
from tfner.checkpoints.families import family_of
from tfner.checkpoints.google_names import STEP, Scope
from tfner.checkpoints.slots import Slot, Suffixes, encoder_slots, layer_slots
from tfner.checkpoints.tensors import CONFIG
from tfner.checkpoints.tf_checkpoint import write_checkpoint
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel
from tfner.storage.atomic import write_json

Pretrained = Electra | MaskedLanguageModel

# Family -> dense layer, normalisation and bias of a masked language model's head.
HEADS = {
    "electra": (
        "generator_predictions.dense",
        "generator_predictions.LayerNorm",
        "generator_lm_head.bias",
    ),
    "bert": (
        "cls.predictions.transform.dense",
        "cls.predictions.transform.LayerNorm",
        "cls.predictions.bias",
    ),
}
GOOGLE_HEADS = {
    "electra": (
        "generator_predictions/dense",
        "generator_predictions/LayerNorm",
        "generator_predictions/output_bias",
    ),
    "bert": (
        "cls/predictions/transform/dense",
        "cls/predictions/transform/LayerNorm",
        "cls/predictions/output_bias",
    ),
}
_DISCRIMINATOR = "discriminator_predictions"
# Its two last layers.
VERDICT = (f"{_DISCRIMINATOR}.dense", f"{_DISCRIMINATOR}.dense_prediction")
GOOGLE_VERDICT = (f"{_DISCRIMINATOR}/dense", f"{_DISCRIMINATOR}/dense_1")


def save_discriminator(model: Electra, directory: str | Path) -> None:
    """Write an ELECTRA's encoder and its last layers: `ElectraForPreTraining`.

    Args:
        model: built.
        directory: made if it is not there; files of the same names are replaced.

    Raises:
        StorageError: a file cannot be written.
    """
    slots = _verdict_slots(model, VERDICT, huggingface.SUFFIXES)
    _save(model.discriminator, slots, "ForPreTraining", directory)


def save_masked_lm(model: MaskedLanguageModel, directory: str | Path) -> None:
    """Write a masked language model: `ElectraForMaskedLM` or `BertForMaskedLM`.

    Its last layer is the table of its embeddings, which is written once.

    Args:
        model: built, of family electra or bert.
        directory: made if it is not there; files of the same names are replaced.

    Raises:
        CheckpointError: the format cannot express the encoder, or a file cannot be
            written.
    """
    names = HEADS[model.encoder.family]
    slots = _masked_slots(model, names, huggingface.SUFFIXES)
    _save(model.encoder, slots, "ForMaskedLM", directory)


def save_google_pretraining(
    model: Pretrained, directory: str | Path, *, step: int
) -> None:
    """Write a model as google-research/electra and /bert write it when they pretrain.

    That is `checkpoint`, `model.ckpt.*` and `config.json`, without the optimizer.

    Args:
        model: built.
        directory: made if it is not there; files of the same names are replaced.
        step: after how many steps.

    Raises:
        StorageError: a file cannot be written.
    """
    family = family_of(model.encoder)
    slots = Scope(family.name, family.name).encoder_slots(model.encoder)
    masked = model
    if isinstance(model, Electra):
        masked = model.generator
        slots += Scope("generator", "electra").encoder_slots(masked.encoder)
        slots += _verdict_slots(model, GOOGLE_VERDICT, google_names.SUFFIXES)
    slots += _masked_slots(masked, GOOGLE_HEADS[family.name], google_names.SUFFIXES)
    variables = {name: array for slot in slots for name, array in slot.split()}
    variables[STEP] = np.array(step, np.int64)
    write_checkpoint(Path(directory), variables)
    write_json(Path(directory) / CONFIG, family.write_settings(model.encoder))


def _masked_slots(
    model: MaskedLanguageModel, names: tuple[str, str, str], suffixes: Suffixes
) -> Iterator[Slot]:
    dense, norm, bias = names
    yield from layer_slots(model.head.dense, [dense], suffixes)
    yield from layer_slots(model.head.norm, [norm], suffixes)
    yield Slot(model.head.output_bias, (bias,))


def _verdict_slots(
    model: Electra, names: tuple[str, str], suffixes: Suffixes
) -> Iterator[Slot]:
    for layer, name in zip((model.dense, model.verdict), names, strict=True):
        yield from layer_slots(layer, [name], suffixes)


def _save(
    encoder: Encoder, head: Iterator[Slot], kind: str, directory: str | Path
) -> None:
    family = family_of(encoder)
    config: dict[str, Any] = family.write_settings(encoder)
    config["architectures"] = [family.architecture + kind]
    huggingface.write_model(
        config,
        encoder_slots(encoder, family.tensors, huggingface.SUFFIXES),
        head,
        family=family,
        directory=Path(directory),
    )
