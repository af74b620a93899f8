"""The runner of a graph that an engine other than TensorFlow computes."""

from __future__ import annotations

from collections.abc import Mapping

from tfner.data.features import to_wire
from tfner.data.windows import Ints
from tfner.engines import Run
from tfner.inference.batching import Floats


class GraphRunner:
    """Runs a graph that an engine has loaded.

    Args:
        run: what the engine has made of it.
        packs: whether it takes several windows in a row.
    """

    row_length: int | None = None
    positions = 512
    """Of a batch: what it computes with stays near the processor's core."""

    def __init__(self, run: Run, *, packs: bool) -> None:
        self._run, self.packs = run, packs

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs of the graph: of a tagger `probs` (B, W, T).

        Raises:
            BundleError: the graph cannot take the features.
        """
        return self._run(to_wire(features))
