"""Pretrained models with their heads, as transformers reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfner.checkpoints.families import Family, family_of, write_settings
from tfner.checkpoints.huggingface import SUFFIXES, encoder_slots, write_model
from tfner.checkpoints.slots import Slot, layer_slots
from tfner.models.electra import Electra, MaskedLanguageModel, MaskedPieceHead
from tfner.models.encoder import Encoder

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
DISCRIMINATOR = "discriminator_predictions."


def save_discriminator(model: Electra, directory: str | Path) -> None:
    """Write an ELECTRA's encoder and its last layers: `ElectraForPreTraining`.

    Args:
        model: built.
        directory: made if it is not there; files of the same names are replaced.

    Raises:
        CheckpointError: a file cannot be written.
    """
    layers = ((model.dense, "dense"), (model.verdict, "dense_prediction"))
    slots = [
        slot
        for layer, name in layers
        for slot in layer_slots(layer, [DISCRIMINATOR + name], SUFFIXES)
    ]
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
    slots = list(_head_slots(model.head, HEADS[model.encoder.family]))
    _save(model.encoder, slots, "ForMaskedLM", directory)


def _head_slots(head: MaskedPieceHead, names: tuple[str, str, str]) -> Iterator[Slot]:
    dense, norm, bias = names
    yield from layer_slots(head.dense, [dense], SUFFIXES)
    yield from layer_slots(head.norm, [norm], SUFFIXES)
    yield Slot(head.output_bias, (bias,))


def _save(encoder: Encoder, head: list[Slot], kind: str, directory: str | Path) -> None:
    family: Family = family_of(encoder.family, place="the encoder's family")
    config: dict[str, Any] = write_settings(encoder, family)
    config["architectures"] = [family.architecture + kind]
    write_model(
        config,
        encoder_slots(encoder, family),
        head,
        family=family,
        directory=Path(directory),
    )
