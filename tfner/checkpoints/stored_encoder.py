"""An encoder in its files, before and after its weights are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.families import Family

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder whose files are open: its settings are read, its weights are not.

    What is wrong with the name of an encoder is known as soon as it is opened, which
    takes no time; loading it may.

    Attributes:
        family: of the encoder.
        settings: arguments of its class.
        place: where they were read.
        match: makes sure that the weights of an encoder of these settings are there,
            and returns what reads them.
    """

    family: Family
    settings: Mapping[str, Any]
    place: Path
    match: Callable[[keras.Model], Callable[[], None]]

    def load(self) -> keras.Model:
        """A new encoder with the stored weights, an `EncoderModel`.

        Raises:
            CheckpointError: files are damaged or do not fit exactly.
        """
        from tfner.models.keras_internals import shapes_first

        with shapes_first():
            encoder = self.family.new_encoder(self.settings, place=self.place)
            fill = self.match(encoder)
        fill()
        return encoder
