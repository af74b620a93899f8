"""Which questions are worth asking: a cheap look at the pieces of a window."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.data.windows import Ints

PREFILTER = "prefilter.npz"


@dataclass(frozen=True)
class Prefilter:
    """A linear model per label over the set of a window's pieces.

    Args:
        labels: in the order of the columns.
        weights: (V, L), how much a piece speaks for a label.
        bias: (L,); a question is asked if the sum of both is not negative.

    Raises:
        ValueError: the shapes do not fit.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        size = len(self.labels)
        if self.weights.shape[1:] != (size,) or self.bias.shape != (size,):
            raise ValueError(
                f"{size} labels, weights {self.weights.shape}, bias {self.bias.shape}"
            )

    def fits(self, labels: Sequence[str], vocab_size: int) -> bool:
        """Whether it can be asked about these labels and pieces."""
        return set(labels) <= set(self.labels) and len(self.weights) == vocab_size

    def score(self, label: str, ids: Ints) -> np.float32:
        """How much a window speaks for a label.

        Args:
            label: one of `labels`.
            ids: pieces of the window's context, (S,).
        """
        found: np.float32 = self.weights[np.unique(ids), self.labels.index(label)].sum()
        return found

    def asks(self, label: str, ids: Ints) -> bool:
        """Whether a label may occur; arguments as those of `score`."""
        return bool(self.score(label, ids) + self.bias[self.labels.index(label)] >= 0)

    def save(self, path: Path) -> None:
        """Write it to a file of arrays."""
        np.savez_compressed(
            path, labels=np.array(self.labels), weights=self.weights, bias=self.bias
        )

    @classmethod
    def load(cls, path: Path) -> Prefilter:
        """Read what `save` wrote; nothing in it is run.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is damaged.
            KeyError: an array is missing.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays: dict[str, Any] = dict(file)
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error
        labels = tuple(str(label) for label in arrays["labels"])
        return cls(labels, arrays["weights"], arrays["bias"])
