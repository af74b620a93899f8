"""A written SavedModel as TensorFlow Serving, Java and C load it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf


class ServedGraph:
    """The graph in a session.

    Args:
        session: holds it, and its weights.
        signatures: SignatureDef protos by name.
    """

    def __init__(self, session: Any, signatures: Mapping[str, Any]) -> None:
        self._session = session
        self.signatures = signatures

    def run(
        self, name: str, arrays: Mapping[str, Any], **settings: Any
    ) -> dict[str, Any]:
        """Run a signature.

        Args:
            name: of the signature.
            arrays: its inputs.
            **settings: of `tf.compat.v1.Session.run`.

        Raises:
            tf.errors.OpError: the graph fails on the inputs.
            ValueError: a shape or a type is not that of the signature.
        """
        signature = self.signatures[name]
        fetches = {key: info.name for key, info in signature.outputs.items()}
        feeds = {signature.inputs[key].name: array for key, array in arrays.items()}
        outputs: dict[str, Any] = self._session.run(fetches, feeds, **settings)
        return outputs

    def peak(self, name: str, arrays: Mapping[str, Any]) -> int:
        """Bytes that are alive at the same time while a signature runs."""
        traced = tf.compat.v1.RunMetadata()
        level = tf.compat.v1.RunOptions.FULL_TRACE
        options = tf.compat.v1.RunOptions(trace_level=level)
        self.run(name, arrays, options=options, run_metadata=traced)
        changes = sorted(
            (record.alloc_micros, record.alloc_bytes)
            for device in traced.step_stats.dev_stats
            for node in device.node_stats
            for memory in node.memory
            for record in memory.allocation_records
        )
        alive = most = 0
        for _, change in changes:
            alive += change
            most = max(most, alive)
        return most


@contextmanager
def served_graph(directory: Path) -> Iterator[ServedGraph]:
    """Load a SavedModel for the time of the block.

    Args:
        directory: holds `saved_model.pb`.
    """
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(directory))
        # The initialization stands among the signatures, as one without inputs.
        signatures = {n: s for n, s in meta.signature_def.items() if s.inputs}
        yield ServedGraph(session, signatures)
