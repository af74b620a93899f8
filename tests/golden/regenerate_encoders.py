"""Rebuild encoder_*.npz: `python tests/golden/regenerate_encoders.py`.

Each file holds a tiny model of one family (its config.json, its tensors by name as in
transformers), a batch, and what transformers' PyTorch model makes of it. Weights have a
standard deviation of 0.3: at the usual 0.02 a wrong activation passes unseen.
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
import torch
import transformers
from safetensors.numpy import load_file

FOLDER = Path(__file__).parent
SIZE = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
}
ROBERTA = {**SIZE, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
DISTILBERT = {
    "vocab_size": 40,
    "dim": 12,
    "n_layers": 2,
    "n_heads": 3,
    "hidden_dim": 20,
    "max_position_embeddings": 16,
}
DEBERTA = {
    **SIZE,
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "position_buckets": 4,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
}
PAD = {"pad_token_id": 1}
CONFIGS = {
    "bert": (transformers.BertConfig, SIZE),
    "electra": (transformers.ElectraConfig, {**SIZE, "embedding_size": 8}),
    "distilbert": (transformers.DistilBertConfig, DISTILBERT),
    "roberta": (transformers.RobertaConfig, ROBERTA),
    "xlm-roberta": (transformers.XLMRobertaConfig, ROBERTA),
    "camembert": (transformers.CamembertConfig, ROBERTA),
    "deberta-v2": (transformers.DebertaV2Config, DEBERTA),
    "modernbert": (
        transformers.ModernBertConfig,
        {**SIZE, "num_hidden_layers": 4, "local_attention": 6, **PAD},
    ),
    "eurobert": (
        transformers.EuroBertConfig,
        {**SIZE, "num_attention_heads": 2, "num_key_value_heads": 1, **PAD},
    ),
    "nomic_bert": (transformers.NomicBertConfig, {**SIZE, "type_vocab_size": 2}),
    "convbert": (
        transformers.ConvBertConfig,
        {**SIZE, "embedding_size": 8, "num_attention_heads": 2, "conv_kernel_size": 3}
        | {"head_ratio": 1},
    ),
    "albert": (
        transformers.AlbertConfig,
        {**SIZE, "embedding_size": 8, "num_hidden_groups": 2, "num_hidden_layers": 4},
    ),
    "mpnet": (transformers.MPNetConfig, {**SIZE, "max_position_embeddings": 18}),
    "rembert": (transformers.RemBertConfig, {**SIZE, "input_embedding_size": 8}),
}
LENGTHS = (13, 6, 1)
DEVIATION = 0.3


def make_model(
    family: str, *, seed: int, head: str = "AutoModel", **settings: Any
) -> transformers.PreTrainedModel:
    """A tiny model of a family with random weights."""
    kind, size = CONFIGS[family]
    config = kind(**size, **settings)
    torch.manual_seed(seed)
    model = getattr(transformers, head).from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = name.lower().endswith("norm.weight")
            parameter.normal_(float(is_scale), DEVIATION)
    return model


def make_batch(model: transformers.PreTrainedModel, *, seed: int) -> dict[str, Any]:
    """Rows of different lengths with two segments where the family has them."""
    rng = np.random.default_rng(seed)
    shape = (len(LENGTHS), max(LENGTHS))
    mask = np.arange(shape[1]) < np.array(LENGTHS)[:, None]
    ids = np.where(mask, rng.integers(5, 40, shape), model.config.pad_token_id)
    segments = getattr(model.config, "type_vocab_size", 0)
    types = (np.arange(shape[1]) >= 4) & mask & (segments > 1)
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: array.astype(np.int32) for name, array in batch.items()}


def run(model: transformers.PreTrainedModel, batch: dict[str, Any]) -> Any:
    """The first output of the PyTorch model.

    Rows of ConvBERT are run one by one: there, convolutions reach into padding.
    """
    lengths = batch["attention_mask"].sum(1)
    if model.config.model_type == "convbert" and len(lengths) > 1:
        rows = [
            run(model, {k: array[n : n + 1, :length] for k, array in batch.items()})[0]
            for n, length in enumerate(lengths)
        ]
        return np.stack([np.pad(r, ((0, max(lengths) - len(r)), (0, 0))) for r in rows])
    inputs = {name: torch.tensor(array).long() for name, array in batch.items()}
    if model.config.model_type in ("distilbert", "modernbert", "eurobert"):
        del inputs["token_type_ids"]
    with torch.no_grad():
        return model(**inputs)[0].numpy()


def record(family: str) -> dict[str, Any]:
    """What the file of a family holds."""
    model = make_model(family, seed=0)
    batch = make_batch(model, seed=1)
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
    for name in sys.argv[1:] or CONFIGS:
        np.savez_compressed(FOLDER / f"encoder_{name}.npz", **record(name))
