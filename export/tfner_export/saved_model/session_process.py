"""Run a SavedModel as servers do: by the session loader, in a process without tfner.

    python session_process.py SAVED_MODEL BATCHES.npz OUTPUTS.npz

An array of BATCHES is named NUMBER/SIGNATURE/INPUT, one of OUTPUTS is
NUMBER/SIGNATURE/OUTPUT. Shapes are not compared with the signature: servers do not.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]


def run_apart(directory: Path, arrays: Mapping[str, Any]) -> Arrays:
    """Run batches of signatures in a process of their own: see the module.

    Args:
        directory: holds `saved_model.pb`.
        arrays: as in a file of batches.

    Returns:
        Arrays as in a file of outputs.

    Raises:
        RuntimeError: a batch fails; the message is that of TensorFlow.
    """
    with tempfile.TemporaryDirectory() as folder:
        batches, outputs = (Path(folder, f"{n}.npz") for n in ("batches", "outputs"))
        np.savez(batches, **arrays)
        files = (directory, batches, outputs)
        # -P: the modules beside this one are not those of others of the same names.
        command = [sys.executable, "-P", __file__, *map(str, files)]
        done = subprocess.run(  # noqa: S603 (this module, with paths of ours)
            command, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit {done.returncode}")
        with np.load(outputs) as found:
            return dict(found)


def run(directory: Path, arrays: Mapping[str, Any]) -> Arrays:
    """Run batches of signatures in this process; arguments as of `run_apart`.

    Raises:
        RuntimeError: a batch fails; the message is that of TensorFlow.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2

    batches: defaultdict[str, Arrays] = defaultdict(dict)
    for key, array in arrays.items():
        batch, _, name = key.rpartition("/")
        batches[batch][name] = array
    outputs: Arrays = {}
    calls: dict[str, Any] = {}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(directory))
        for batch, features in batches.items():
            name = batch.partition("/")[2]
            signature = meta.signature_def[name]
            if name not in calls:
                # Not `session.run`, which compares shapes before it runs.
                calls[name] = session._make_callable_from_options(
                    config_pb2.CallableOptions(
                        feed=[info.name for info in signature.inputs.values()],
                        fetch=[info.name for info in signature.outputs.values()],
                    )
                )
            try:
                found = calls[name](*(features[key] for key in signature.inputs))
            except tf.errors.OpError as error:
                raise RuntimeError(f"{name}: {error.message.splitlines()[0]}") from None
            for key, values in zip(signature.outputs, found, strict=True):
                is_text = values.dtype == object
                outputs[f"{batch}/{key}"] = values.astype("S") if is_text else values
    return outputs


def main(directory: str, batches: str, outputs: str) -> None:
    """Run what one file holds, and write what comes out to another: see `run_apart`."""
    with np.load(batches) as arrays:
        found = run(Path(directory), dict(arrays))
    with Path(outputs).open("wb") as file:
        np.savez(file, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
