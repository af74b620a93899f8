"""Models of transformers with random weights, one of every family that tfner knows.

Benchmarks and tests compare tfner's encoders with them. A new family needs no line
here, unless its settings have to differ from transformers' defaults beside its sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

from tfner.checkpoints.families import FAMILIES

Batch = dict[str, np.ndarray[Any, np.dtype[np.int32]]]

# Embeddings come first: where they are as wide as the layers, one key holds both.
SMALLEST = {
    "vocab_size": 40,
    "embedding_size": 8,
    "hidden_size": 12,
    "num_layers": 2,
    "num_heads": 3,
    "intermediate_size": 20,
    "max_positions": 16,
}
TINY = {
    "vocab_size": 30_000,
    "embedding_size": 128,
    "hidden_size": 128,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 512,
    "max_positions": 512,
}
BASE = TINY | {
    "embedding_size": 768,
    "hidden_size": 768,
    "num_layers": 12,
    "num_heads": 12,
    "intermediate_size": 3072,
}
SIZES = {"smallest": SMALLEST, "tiny": TINY, "base": BASE}
"""By the arguments of tfner's encoders; "smallest" is that of the golden files."""
PAD = {"pad_token_id": 1}
ROBERTA = {"type_vocab_size": 1, "layer_norm_eps": 1e-5, **PAD}
DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "deberta-v2": DEBERTA,
    "modernbert": PAD,
    "eurobert": PAD,
    "nomic_bert": {"type_vocab_size": 2},
}
"""What a config.json holds beside its sizes."""
SMALLEST_OPTIONS: dict[str, dict[str, Any]] = {
    "deberta-v2": {"position_buckets": 4},
    "modernbert": {"num_hidden_layers": 4, "local_attention": 6},
    "eurobert": {"num_attention_heads": 2, "num_key_value_heads": 1},
    "convbert": {"num_attention_heads": 2, "conv_kernel_size": 3, "head_ratio": 1},
    "albert": {"num_hidden_layers": 4, "num_hidden_groups": 2},
    "mpnet": {"max_position_embeddings": 18},
}
OFFSET = {"max_position_embeddings": 514}
"""512 positions, which begin after the padding id."""
LARGER_OPTIONS: dict[str, dict[str, Any]] = {
    "roberta": OFFSET,
    "xlm-roberta": OFFSET,
    "camembert": OFFSET,
    "mpnet": OFFSET,
    "deberta-v2": {"position_buckets": 256},
}
BASE_OPTIONS: dict[str, dict[str, Any]] = {
    **LARGER_OPTIONS,
    "modernbert": {"intermediate_size": 1152},
    "albert": {"embedding_size": 128},
    "rembert": {"input_embedding_size": 256},
}
"""Of the published models of this size."""
SIZE_OPTIONS = {
    "smallest": SMALLEST_OPTIONS,
    "tiny": LARGER_OPTIONS,
    "base": BASE_OPTIONS,
}
LENGTHS = (13, 6, 1)
"""Pieces of the rows of a batch."""
DEVIATION = 0.3
FIRST_PIECE = 5
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
WITHOUT_SEGMENTS = ("distilbert", "modernbert", "eurobert")
"""Families whose models take no `token_type_ids`."""


def make_config(family: str, size: str = "smallest", **settings: Any) -> Any:
    """The configuration of a model.

    Args:
        family: a `model_type` that tfner knows.
        size: a key of `SIZES`.
        **settings: of its config.json, in place of those of that size.
    """
    keys = FAMILIES[family].settings
    sizes = {keys[name]: n for name, n in SIZES[size].items() if name in keys}
    options = OPTIONS.get(family, {}) | SIZE_OPTIONS[size].get(family, {})
    return transformers.AutoConfig.for_model(family, **sizes | options | settings)


def make_model(
    family: str,
    *,
    seed: int,
    head: str = "AutoModel",
    size: str = "smallest",
    **settings: Any,
) -> transformers.PreTrainedModel:
    """A model with random weights.

    The smallest have a standard deviation of 0.3: at the usual 0.02, which larger ones
    have, a wrong activation passes unseen.

    Args:
        family: as in `make_config`.
        seed: of the weights.
        head: class of transformers that makes it.
        size: as in `make_config`.
        **settings: as in `make_config`.
    """
    config = make_config(family, size, **settings)
    torch.manual_seed(seed)
    model = getattr(transformers, head).from_config(config).eval()
    if size != "smallest":
        return model
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = name.lower().endswith("norm.weight")
            parameter.normal_(float(is_scale), DEVIATION)
    return model


def make_batch(config: Any, *, seed: int, lengths: Sequence[int] = LENGTHS) -> Batch:
    """Rows of different lengths, with two segments where the family has them.

    Args:
        config: of the model.
        seed: of the pieces.
        lengths: pieces of every row.
    """
    rng = np.random.default_rng(seed)
    shape = (len(lengths), max(lengths))
    mask = np.arange(shape[1]) < np.array(lengths)[:, None]
    pieces = rng.integers(FIRST_PIECE, config.vocab_size, shape)
    ids = np.where(mask, pieces, config.pad_token_id)
    segments = getattr(config, "type_vocab_size", 0)
    types = (np.arange(shape[1]) >= 4) & mask & (segments > 1)
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: array.astype(np.int32) for name, array in batch.items()}


def run(model: transformers.PreTrainedModel, batch: Batch) -> Any:
    """The first output of a model.

    Rows of ConvBERT are run one by one: there, convolutions reach into padding.
    """
    lengths = batch["attention_mask"].sum(1)
    if model.config.model_type == "convbert" and len(lengths) > 1:
        rows = [
            run(model, {k: array[n : n + 1, :length] for k, array in batch.items()})[0]
            for n, length in enumerate(lengths)
        ]
        return np.stack([np.pad(r, ((0, max(lengths) - len(r)), (0, 0))) for r in rows])
    with torch.no_grad():
        return model(**inputs_of(model, batch))[0].numpy()


def inputs_of(model: transformers.PreTrainedModel, batch: Batch) -> dict[str, Any]:
    """The arrays of a batch that a model takes, as tensors."""
    inputs = {name: torch.tensor(array).long() for name, array in batch.items()}
    if model.config.model_type in WITHOUT_SEGMENTS:
        del inputs["token_type_ids"]
    return inputs


def save_tagger(
    family: str, folder: Path, *, seed: int, size: str = "smallest"
) -> None:
    """Write a tagger with random weights as transformers does, with a tokenizer.

    Args:
        family: as in `make_config`.
        folder: of the files.
        seed: of the weights.
        size: as in `make_config`.
    """
    model = make_model(
        family,
        seed=seed,
        head="AutoModelForTokenClassification",
        size=size,
        id2label=dict(enumerate(TAGS)),
        label2id={tag: number for number, tag in enumerate(TAGS)},
    )
    model.save_pretrained(folder)
    specials = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    specials.insert(model.config.pad_token_id, "[PAD]")
    pieces = (*specials, *ascii_lowercase)
    tokenizer = tokenizers.BertWordPieceTokenizer(
        {piece: number for number, piece in enumerate(pieces)}
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer,
        **{f"{name[1:-1].lower()}_token": name for name in specials},
    ).save_pretrained(folder)
