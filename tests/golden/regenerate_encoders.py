"""Rebuild encoder_*.npz: `python -m tests.golden.regenerate_encoders`.

Each file holds the smallest model of one family (its config.json, its tensors by name
as in transformers), a batch, and what transformers' PyTorch model makes of it.
Made with transformers 5.23.0 and 5.24.0 and torch 2.13.0.
Names after the command make those files alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from benchmarks.random_models import make_batch, make_model, run
from tfner.checkpoints.families import FAMILIES

FOLDER = Path(__file__).parent


def record(family: str) -> dict[str, Any]:
    """What the file of a family holds."""
    model = make_model(family, seed=0)
    batch = make_batch(model.config, seed=1)
    config = {**model.config.to_dict(), "architectures": [type(model).__name__]}
    with tempfile.TemporaryDirectory() as folder:  # names as they are in files
        model.save_pretrained(folder)
        stored = load_file(Path(folder) / "model.safetensors")
    tensors = {f"tensor/{name}": array for name, array in stored.items()}
    return {
        "config": np.array(json.dumps(config)),
        **tensors,
        **batch,
        "output": run(model, batch),
    }


if __name__ == "__main__":
    for name in sys.argv[1:] or FAMILIES:
        np.savez_compressed(FOLDER / f"encoder_{name}.npz", **record(name))
