"""The runner of an exported model of span extraction: spans, not scores of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tfner.data.features import ENCODER_INPUTS, INPUT_IDS, Feature, to_wire
from tfner.data.windows import Ints
from tfner.errors import BundleError
from tfner.inference.batching import SPANS, Floats
from tfner.inference.runners import call_signature, load_signature, unreadable


class SpanRunner:
    """Runs the signature `spans` of an exported SavedModel.

    Args:
        directory: holds `saved_model.pb`.
        packs: whether its graph takes several windows in a row.
        inputs: what it is fed with.
        trust_graph: see `load_signature`.

    Raises:
        BundleError: it cannot be loaded, or its signature gives no spans.
    """

    def __init__(
        self,
        directory: Path,
        *,
        packs: bool,
        inputs: Iterable[Feature] = ENCODER_INPUTS,
        trust_graph: bool = False,
    ) -> None:
        self.packs, self._directory = packs, directory
        self._loaded, self._run = load_signature(
            directory, SPANS, trust_graph=trust_graph
        )
        taken = self._run.structured_input_signature[1]
        outputs = set(self._run.structured_outputs)
        wanted = {"rows", "starts", "ends", "scores"}
        if set(taken) != {f.wire for f in inputs} or outputs != wanted:
            raise BundleError(
                f"{directory} gives no spans: its signature takes {sorted(taken)} and "
                f"gives {sorted(outputs)}."
            )
        self.row_length: int | None = taken[INPUT_IDS.wire].shape[1]

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `spans` (N, 3), row, first and last piece, and `scores` (N,).

        Raises:
            BundleError: the graph cannot take the features.
        """
        found = call_signature(self._run, to_wire(features), self._directory)
        places = [np.asarray(found[name]) for name in ("rows", "starts", "ends")]
        if (places[1] < 0).any():
            raise unreadable(self._directory)
        return {
            SPANS: np.stack(places, axis=1),
            "scores": np.asarray(found["scores"]),
        }
