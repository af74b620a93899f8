"""Slots: the weights of a model with the tensors that fill them, in any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfner.checkpoints.families.base import TensorMap
from tfner.checkpoints.large import set_value
from tfner.checkpoints.misfits import describe_misfits, named
from tfner.checkpoints.tensors import Array, Tensors
from tfner.errors import CheckpointError

Fill = Callable[[], None]
"""Reads the tensors of a file into the weights that they belong to."""


@dataclass(frozen=True)
class Suffixes:
    """Endings that a format appends to the name of a layer, one for each weight.

    Attributes:
        table: ending of an embedding's table.
        scale: ending of a normalisation's scale.
        shift: ending of a normalisation's shift.
        kernel: ending of any other layer's kernel.
        bias: ending of any other layer's bias.
        transposed: whether kernels are (in, out) here and (out, in) there.
    """

    table: str
    scale: str
    shift: str
    kernel: str
    bias: str
    transposed: bool


@dataclass(frozen=True)
class Slot:
    """One weight, and the tensors that fill it, side by side along its last axis.

    Attributes:
        weight: Keras variable.
        sources: names of tensors.
        transposed: whether kernels are (in, out) here and (out, in) there.
    """

    weight: keras.Variable
    sources: tuple[str, ...]
    transposed: bool = False

    @property
    def source_shape(self) -> tuple[int, ...]:
        """The shape that each of the tensors must have."""
        *first, last = self.weight.shape
        shape = (*first, last // len(self.sources))
        return shape[::-1] if self.transposed else shape

    def fill(self, arrays: Sequence[Array]) -> None:
        """Assign the tensors to the weight."""
        parts = [array.T if self.transposed else array for array in arrays]
        value = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        set_value(self.weight, value.astype(np.float32, copy=False))

    def split(self) -> Iterator[tuple[str, Array]]:
        """Split the weight into its tensors again, each with its name."""
        value = self.weight.numpy()
        parts = np.split(value, len(self.sources), axis=-1)
        for name, part in zip(self.sources, parts, strict=True):
            array = part.T if self.transposed else part
            yield name, np.ascontiguousarray(array, np.float32)


def encoder_slots(
    encoder: keras.Model,
    tensors: TensorMap,
    suffixes: Suffixes,
    *,
    renamed: Callable[[str], str] = str,
) -> list[Slot]:
    """Every weight of an encoder, with the tensors that fill it.

    Args:
        encoder: built.
        tensors: of its family.
        suffixes: of the format.
        renamed: the name of a module in the format.

    Raises:
        CheckpointError: the family's map leaves a weight out.
    """
    slots = part_slots(encoder, tensors, suffixes, renamed=renamed)
    filled = {id(slot.weight) for slot in slots}
    for weight in encoder.weights:
        if id(weight) not in filled:
            raise CheckpointError(
                "the tensors of a family must name all weights of its encoder. "
                f"Received: {type(encoder).__name__}, whose {weight.path} has none"
            )
    return slots


def part_slots(
    model: keras.Model,
    tensors: TensorMap,
    suffixes: Suffixes,
    *,
    renamed: Callable[[str], str] = str,
) -> list[Slot]:
    """The weights of a model that a map names, with the tensors that fill them.

    Args:
        model: built.
        tensors: where it has a layer or weight -> modules of the file.
        suffixes: of the format.
        renamed: the name of a module in the format.
    """
    return [
        slot
        for path, modules in tensors.items()
        for part, numbers in _parts(model, path.split("."))
        for slot in layer_slots(
            part, [renamed(module.format(*numbers)) for module in modules], suffixes
        )
    ]


def _parts(
    holder: Any, path: Sequence[str], numbers: tuple[int, ...] = ()
) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The layers or weights at a path of attributes, with the numbers on the way."""
    if holder is None:
        return
    if not path:
        yield holder, numbers
        return
    first, *rest = path
    if first != "{}":
        yield from _parts(getattr(holder, first), rest, numbers)
        return
    for number, item in enumerate(holder):
        yield from _parts(item, rest, (*numbers, number))


def layer_slots(
    layer: keras.layers.Layer | keras.Variable,
    modules: Sequence[str],
    suffixes: Suffixes,
) -> Iterator[Slot]:
    """The weights of a layer, or one weight by itself, with the tensors that fill it.

    Args:
        layer: holds the modules side by side.
        modules: names in the file.
        suffixes: of the format.
    """

    def tensors(suffix: str) -> tuple[str, ...]:
        return tuple(module + suffix for module in modules)

    if isinstance(layer, keras.Variable):
        yield Slot(layer, tuple(modules))
    elif isinstance(layer, keras.layers.Embedding):
        yield Slot(layer.embeddings, tensors(suffixes.table))
    elif isinstance(layer, keras.layers.LayerNormalization):
        yield Slot(layer.gamma, tensors(suffixes.scale))
        if layer.beta is not None:
            yield Slot(layer.beta, tensors(suffixes.shift))
    elif isinstance(layer, keras.layers.RMSNormalization):
        yield Slot(layer.scale, tensors(suffixes.scale))
    else:
        yield Slot(layer.kernel, tensors(suffixes.kernel), suffixes.transposed)
        if layer.bias is not None:
            yield Slot(layer.bias, tensors(suffixes.bias))


def matched(
    slots: Iterable[Slot],
    tensors: Tensors,
    names: Mapping[str, str],
    *,
    skips: Callable[[str], bool],
    place: Path,
) -> Fill:
    """Make sure that every slot is filled by shapes alone; returns what fills them.

    Args:
        slots: all weights of a model, which need no room yet.
        tensors: of the file.
        names: name as slots have it -> name in the file, of every tensor.
        skips: tells whether a tensor of that name is none of the model's.
        place: for messages.

    Raises:
        CheckpointError: tensors are missing, of another shape, or left over; when they
            are read, they hold numbers that are none, or integers.
    """
    needed = list(slots)
    expected = {name: slot.source_shape for slot in needed for name in slot.sources}
    misfits = describe_misfits(expected, tensors, names, skips=skips)
    if misfits is not None:
        raise CheckpointError(f"{place}: {misfits}")
    return partial(_fill, needed, tensors, names, place=place)


def _fill(
    needed: Sequence[Slot], tensors: Tensors, names: Mapping[str, str], *, place: Path
) -> None:
    whole, endless = [], []
    for slot in needed:
        arrays = [tensors.read(names[source]) for source in slot.sources]
        stored = {names[s]: a for s, a in zip(slot.sources, arrays, strict=True)}
        whole += [name for name, array in stored.items() if array.dtype.kind in "iub"]
        endless += [name for name, a in stored.items() if not np.isfinite(a).all()]
        slot.fill(arrays)
    if whole:
        raise CheckpointError(
            f"{place}: integers, as quantised weights are, in {named(whole)}. Give the "
            "whole ones."
        )
    if endless:
        raise CheckpointError(
            f"{place}: numbers that are none (NaN or infinite) in {named(endless)}. "
            "The file is damaged, or its training has diverged. Fetch it again."
        )
