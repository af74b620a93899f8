"""Families of Hugging Face models, one module each."""

from __future__ import annotations

from typing import Any

from tfner.checkpoints.arguments import ARGUMENTS, OTHER_KEYS
from tfner.checkpoints.families.albert import ALBERT
from tfner.checkpoints.families.base import Family
from tfner.checkpoints.families.bert import BERT
from tfner.checkpoints.families.convbert import CONVBERT
from tfner.checkpoints.families.deberta import DEBERTA_V2
from tfner.checkpoints.families.distilbert import DISTILBERT
from tfner.checkpoints.families.electra import ELECTRA
from tfner.checkpoints.families.mpnet import MPNET
from tfner.checkpoints.families.rembert import REMBERT
from tfner.checkpoints.families.roberta import CAMEMBERT, ROBERTA, XLM_ROBERTA
from tfner.checkpoints.families.rotary import EUROBERT, MODERNBERT, NOMIC_BERT
from tfner.errors import CheckpointError

FAMILIES = {
    "bert": BERT,
    "electra": ELECTRA,
    "distilbert": DISTILBERT,
    "roberta": ROBERTA,
    "xlm-roberta": XLM_ROBERTA,
    "camembert": CAMEMBERT,
    "deberta-v2": DEBERTA_V2,
    "modernbert": MODERNBERT,
    "albert": ALBERT,
    "mpnet": MPNET,
    "rembert": REMBERT,
    "convbert": CONVBERT,
    "eurobert": EUROBERT,
    "nomic_bert": NOMIC_BERT,
}
"""The `model_type` of a config.json -> what it means."""

KEYS: dict[str, Any] = {
    **{
        key: ARGUMENTS[argument]
        for family in FAMILIES.values()
        for argument, key in family.settings.items()
        if argument in ARGUMENTS
    },
    **OTHER_KEYS,
}
"""Key of a config.json -> what it may be, in whichever family it has a meaning."""

__all__ = ["FAMILIES", "KEYS", "Family", "family_named", "family_of"]


def family_named(name: object, *, place: object) -> Family:
    """The family of a `model_type`.

    Raises:
        CheckpointError: there is none of that name.
    """
    known = ", ".join(sorted(FAMILIES))
    if name is None:
        raise CheckpointError(
            f"{place} has no `model_type`, which tells the kind of a model. Add the "
            f"right one of these: {known}."
        )
    if name not in FAMILIES:
        raise CheckpointError(
            f"{place}: the family {name!r} (`model_type`) is none that tfner knows. "
            f"Take a model of one of these: {known}."
        )
    return FAMILIES[str(name)]


def family_of(encoder: Any) -> Family:
    """The family in whose format an encoder is written.

    Raises:
        CheckpointError: it has none.
    """
    if not hasattr(encoder, "family"):
        raise CheckpointError(
            "only an encoder that names its `family` can be written in the Hugging "
            f"Face format. Received: encoder={type(encoder).__name__}"
        )
    return family_named(encoder.family, place="the encoder's family")
