"""The encoder of ALBERT: a BERT whose layers share their weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import keras

from tfner.errors import ConfigError
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.stack import UNEVEN
from tfner.models.encoders.transformer import TransformerLayer


@keras.saving.register_keras_serializable(package="tfner")
class AlbertEncoder(Encoder):
    """A BERT that runs few layers many times.

    Layers that share their weights are one group to `layer_groups`: with a single
    group of layers, as all published models have it, `--freeze 1` freezes the whole
    encoder, and rates fall but once.

    Args:
        num_groups: groups of layers, each of which is run `num_layers / num_groups`
            times in turn.
        layers_per_group: layers of one group.
        **kwargs: those of `Encoder`; `num_layers` counts runs of a group.

    Source: Lan et al. 2020, "ALBERT", section 3.1.
    """

    arguments: ClassVar[tuple[str, ...]] = (
        *Encoder.arguments,
        "num_groups",
        "layers_per_group",
    )

    def __init__(
        self, *, num_groups: int = 1, layers_per_group: int = 1, **kwargs: Any
    ) -> None:
        self._sharing = (num_groups, layers_per_group)
        super().__init__(**kwargs)
        self.num_groups, self.layers_per_group = num_groups, layers_per_group

    def _new_blocks(self) -> list[TransformerLayer]:
        groups, layers = self._sharing
        return [self._new_block(number) for number in range(groups * layers)]

    def settings_of_layers(self, chosen: Sequence[int]) -> dict[str, Any]:
        """Refuse: the layers share their weights."""
        raise ConfigError(UNEVEN.format(self.family))

    @property
    def groups(self) -> list[list[TransformerLayer]]:
        """The layers by the group that they are in."""
        each = self.layers_per_group
        starts = range(0, len(self.blocks), each)
        return [list(self.blocks[start : start + each]) for start in starts]

    def order(self) -> Iterable[TransformerLayer]:
        """The layers as they are run, those of a group many times."""
        runs = self.num_layers / self.num_groups
        for number in range(self.num_layers):
            yield from self.groups[int(number / runs)]

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings with their projection, then the groups of layers."""
        embeddings, *_ = super().layer_groups()
        return [embeddings, *self.groups]
