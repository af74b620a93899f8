"""Tensors of a file that do not fit a model: what they are, and what is left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence

from tfner.checkpoints.tensors import Tensors
from tfner.errors import counted, joined

logger = logging.getLogger(__name__)

Shape = tuple[int, ...]

CAUSES = {
    r"\blora_": (
        "weights of LoRA that are not merged into the model's",
        "Merge them with peft's `merge_and_unload`, and give what it saves.",
    ),
    "adapter": (
        "adapters between the layers, which tfner does not compute",
        "Give a model without them.",
    ),
    r"absmax|quant_|qweight|qzeros|g_idx|\.SCB|weight_scale": (
        "quantised weights",
        "Give the whole ones.",
    ),
    "qkv|query_key_value|in_proj_|c_attn": (
        "query, key and value in one tensor, as fused checkpoints have them",
        "Give the model as transformers saves it.",
    ),
}
"""What is in the names of tensors without a place -> what they are; what to do."""
SEQUENCES = ("crf", "loss")
"""Starts of the names of tensors that score sequences of tags, or weigh a loss."""
MOST = 0.9
"""Share of missing tensors from which a file is taken for another model's."""


def describe_misfits(
    expected: Mapping[str, Shape],
    tensors: Tensors,
    names: Mapping[str, str],
    *,
    skips: Callable[[str], bool],
) -> str | None:
    """Say what does not fit; None if every tensor does.

    Args:
        expected: name -> shape, of every tensor that the model needs.
        tensors: of the file.
        names: name as the model has it -> name in the file, of every tensor.
        skips: tells whether a tensor of that name is none of the model's.
    """
    left = [
        n for short, n in names.items() if short not in expected and not skips(short)
    ]
    missing = [name for name in expected if name not in names]
    shapes = {n: tensors.shape(names[n]) for n in expected if n in names}
    others = [name for name, shape in shapes.items() if shape != expected[name]]
    if (cause := _cause(left)) is not None:
        return cause
    if len(missing) > MOST * len(expected) and not others:
        return (
            f"{len(missing)} of the {len(expected)} tensors that a model of this "
            f"configuration needs are missing, such as {missing[0]}; those here are "
            f"named like {tensors.names[0]}. Give the configuration that belongs to "
            "the weights."
        )
    problems = [
        *(f"{names[n]} has shape {shapes[n]}; expected {expected[n]}" for n in others),
        *(f"{n} is missing; expected shape {expected[n]}" for n in missing),
        *(f"{n} of shape {tensors.shape(n)} has no place in the model" for n in left),
    ]
    return joined(problems, what="tensors") if problems else None


def tell_left_out(left_out: Sequence[str], *, tagger: bool, place: object) -> None:
    """Say that tensors of a foreign head are left out, if there are any.

    Args:
        left_out: names in the file.
        tagger: the model predicts without them; else it learns a head of its own.
        place: for messages.
    """
    if left_out and tagger:
        logger.warning(
            "%s: the tag of each word is predicted by itself; what scores sequences or "
            "weighs a loss is left out: %s",
            *(place, named(left_out)),
        )
    elif left_out:
        logger.info("%s: a head is left out: %s", place, named(left_out))


def named(names: Sequence[str]) -> str:
    """Name the first of some tensors, and count the others.

    Example:
        >>> named(["a.weight", "a.bias", "b.weight"])
        'a.weight and 2 other tensors'
    """
    others = len(names) - 1
    return names[0] + (f" and {counted(others, 'other tensor')}" if others else "")


def _cause(left: Sequence[str]) -> str | None:
    """What tensors without a place are, where their names tell."""
    for pattern, (what, remedy) in CAUSES.items():
        if found := [name for name in left if re.search(pattern, name)]:
            return f"{what}: {named(found)}. {remedy}"
    return None
