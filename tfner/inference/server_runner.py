"""Runners of models on servers: they send features and read outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfner.clients.client import AsyncServingClient, Outputs, ServingClient
from tfner.clients.signatures import DEFAULT
from tfner.data.features import LABELED_POSITIONS, to_wire
from tfner.data.windows import Ints
from tfner.errors import ServingError
from tfner.inference.batching import SPANS, Floats
from tfner.tasks import Task
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification

LABELS = (
    "Give the assets of the model that the server runs with --assets, or the address "
    "of the model that they belong to."
)


class Reader(Protocol):
    """Reads what a server answers for models of one kind.

    Attributes:
        signature: that is asked.
    """

    signature: str

    def __call__(
        self, outputs: Outputs, features: Mapping[str, Ints]
    ) -> dict[str, Floats]:
        """Turn outputs of the signature into those of a runner.

        Args:
            outputs: by their names on the wire.
            features: that were sent, by their names inside tfner.

        Raises:
            ValueError: the answer is none to these features.
        """
        ...


class TagReader:
    """Reads probabilities of tags.

    Args:
        task: its labels say how many tags there are.
    """

    signature = DEFAULT

    def __init__(self, task: Task) -> None:
        self._num_tags = len(task.label_set.tags)

    def __call__(
        self, outputs: Outputs, features: Mapping[str, Ints]
    ) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T), W the words of the longest row.

        Raises:
            ValueError: there are no probabilities, or they are of other tags, rows or
                words.
        """
        names = [name for name in outputs if name.endswith("_probs")]
        if len(names) != 1:
            raise ValueError(
                f"it gives {', '.join(sorted(outputs))}, and no probabilities of tags. "
                f"{LABELS}"
            )
        probs = outputs[names[0]].astype(np.float32, copy=False)
        positions = features[LABELED_POSITIONS.name]
        words = int(np.count_nonzero(positions, axis=1).max(initial=0))
        if words == 0 and probs.size == 0:
            return {"probs": np.zeros((len(positions), 0, self._num_tags), np.float32)}
        if probs.ndim != 3 or probs.shape[2] != self._num_tags:
            given = probs.shape[-1] if probs.ndim == 3 else "no"
            raise ValueError(
                f"the model predicts {given} tags, that of the assets {self._num_tags}."
                f" {LABELS}"
            )
        if probs.shape[0] != len(positions) or probs.shape[1] < words:
            raise ValueError(
                f"it answered {probs.shape[0]} rows of {probs.shape[1]} words to "
                f"{len(positions)} rows of up to {words} words. Do not set "
                "enable_large_batch_splitting in its batching_parameters.txt."
            )
        # More columns are those of the batch's longest row, of another client perhaps.
        return {"probs": probs[:, :words]}


class SpanReader:
    """Reads spans.

    Args:
        task: of the model.
    """

    signature = SPANS

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(
        self, outputs: Outputs, features: Mapping[str, Ints]
    ) -> dict[str, Floats]:
        """Outputs `spans` (N, 3), row, first and last piece, and `scores` (N,).

        Raises:
            ValueError: there are none.
        """
        wanted = ("rows", "starts", "ends", "scores")
        if not outputs.keys() >= {*wanted}:
            raise ValueError(
                f"it gives {', '.join(sorted(outputs))}, and no spans. {LABELS}"
            )
        *places, scores = (outputs[name] for name in wanted)
        if len({array.shape for array in (*places, scores)}) > 1:
            raise ValueError("its spans have no score each.")
        return {
            SPANS: np.stack(places, axis=1).astype(np.int32, copy=False),
            "scores": scores.astype(np.float32, copy=False),
        }


READERS: dict[tuple[str, ...], type[TagReader] | type[SpanReader]] = {
    TokenClassification.outputs: TagReader,
    SpanExtraction.outputs: SpanReader,
}
"""By `Task.outputs`, as `tfner.inference.loading.RUNNERS`."""


class _ServerRunner:
    """Shared by both runners.

    Args:
        client: asks the server.
        task: of the assets.
        packs: whether the graph takes several windows in a row.
        row_length: pieces of a row; None for rows of any length.
    """

    def __init__(
        self, client: Any, task: Task, *, packs: bool, row_length: int | None
    ) -> None:
        self.client, self.packs, self.row_length = client, packs, row_length
        self._read: Reader = READERS[tuple(task.outputs)](task)

    def _outputs(
        self, outputs: Outputs, features: Mapping[str, Ints]
    ) -> dict[str, Floats]:
        try:
            return self._read(outputs, features)
        except ValueError as error:
            place = self.client.address.text
            raise ServingError(f"{place}: the answer does not fit: {error}") from error


class ServerRunner(_ServerRunner):
    """Runs the model on a server; several threads may run it at once."""

    client: ServingClient

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs as of `SavedModelRunner` or `SpanRunner`.

        Raises:
            ServingError: the server does not answer as it should.
        """
        sent = to_wire(features)
        outputs = self.client.predict(sent, signature=self._read.signature)
        return self._outputs(outputs, features)


class AsyncServerRunner(_ServerRunner):
    """Runs the model on a server without blocking; see `ServerRunner`."""

    client: AsyncServingClient

    async def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs as of `ServerRunner`."""
        sent = to_wire(features)
        outputs = await self.client.predict(sent, signature=self._read.signature)
        return self._outputs(outputs, features)
