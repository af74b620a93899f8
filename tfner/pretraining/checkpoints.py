"""The settings that a checkpoint of pretraining belongs to, and that make its model."""

from __future__ import annotations

from typing import Any

from tfner.config.pretrain import PretrainConfig
from tfner.pretraining.dataset.manifest import Manifest

MAY_CHANGE = (
    *("data", "output", "overwrite", "resume", "steps", "learning_rate"),
    *("warmup_ratio", "warmup_steps", "save_every", "keep_checkpoints", "keep_every"),
    *("log_every", "strategy", "tpu", "steps_per_execution", "recompute"),
    "jit_compile",
)
"""Settings that a resumed run may change."""


def describe(config: PretrainConfig, manifest: Manifest) -> dict[str, Any]:
    """The settings by which the model of a checkpoint is made again."""
    return {
        "settings": fingerprint(config, manifest),
        "pieces": pieces_of(manifest),
        "config": config.to_json(),
    }


def pieces_of(manifest: Manifest) -> dict[str, Any]:
    """Size of the vocabulary and ids of its special pieces, as a model takes them."""
    ids = manifest.special_ids
    return {
        "vocab_size": ids.vocab_size,
        "mask_id": ids.mask,
        "special_ids": [ids.cls, ids.sep, ids.pad, ids.mask],
    }


def fingerprint(config: PretrainConfig, manifest: Manifest) -> dict[str, Any]:
    """Settings that must be equal for a run to be resumed."""
    settings = {n: v for n, v in config.to_json().items() if n not in MAY_CHANGE}
    return {
        **settings,
        "digest of the vocabulary": manifest.vocabulary_digest,
        "number of records": manifest.records,
    }
