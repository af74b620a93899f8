"""Checkpoints of pretraining: weights, optimizer, and what they belong to."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfner.config.pretrain import PretrainConfig
from tfner.errors import TrainingError, joined
from tfner.pretraining.dataset.manifest import Manifest
from tfner.training.arrays import load_arrays, save_arrays

logger = logging.getLogger(__name__)

NAME = re.compile(r"step-(\d+)\.npz")

MAY_CHANGE = (
    *("data", "output", "overwrite", "resume", "steps", "learning_rate"),
    *("warmup_ratio", "warmup_steps", "save_every", "keep_checkpoints", "keep_every"),
    *("log_every", "strategy", "tpu", "steps_per_execution", "recompute"),
    "jit_compile",
)
"""Settings that a resumed run may change."""


class Checkpoints:
    """The checkpoints of a run: the newest ones, and some that stay for ever.

    Args:
        directory: where they lie.
        keep: how many of the newest stay.
        keep_every: those of its multiples stay as well.
    """

    def __init__(
        self, directory: Path, *, keep: int = 1, keep_every: int | None = None
    ) -> None:
        self.directory, self.keep, self.keep_every = directory, keep, keep_every

    def path(self, step: int) -> Path:
        """Of the checkpoint after so many steps."""
        return self.directory / f"step-{step:08d}.npz"

    def steps(self) -> list[int]:
        """After how many steps there is a checkpoint, the first one first."""
        if not self.directory.is_dir():
            return []
        names = (NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def save(
        self, step: int, variables: Sequence[Any], about: Mapping[str, Any]
    ) -> None:
        """Write one, then remove those that need not stay.

        Raises:
            StorageError: it cannot be written; the older ones are all there.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        arrays = [variable.numpy() for variable in variables]
        save_arrays(self.path(step), arrays, json.dumps({**about, "step": step}))
        for old in self.steps()[: -self.keep]:
            if not self.keep_every or old % self.keep_every:
                self.path(old).unlink()

    def load(self, step: int) -> tuple[list[Any], dict[str, Any]]:
        """The variables after so many steps, and what was said about them.

        Raises:
            TrainingError: there is no such checkpoint, or it is damaged.
        """
        path = self.path(step)
        if not path.is_file():
            kept = ", ".join(map(str, self.steps())) or "none"
            raise TrainingError(
                f"{self.directory} holds no checkpoint of step {step}. Kept: {kept}."
            )
        arrays, text = load_arrays(path)
        return arrays, json.loads(text)

    def newest(self) -> tuple[list[Any], dict[str, Any]] | None:
        """The newest one that is whole, or None if there is none at all.

        Raises:
            TrainingError: there are some, all of them damaged.
        """
        problems = []
        for step in reversed(self.steps()):
            try:
                return self.load(step)
            except TrainingError as error:
                problems.append(str(error))
                logger.warning(
                    "%s is damaged: the one before it is used", self.path(step)
                )
        if problems:
            raise TrainingError(joined(problems, what="damaged checkpoints"))
        return None


def are_finite(variables: Sequence[Any]) -> bool:
    """Whether all of them are numbers."""
    return all(np.isfinite(variable.numpy()).all() for variable in variables)


def describe(config: PretrainConfig, manifest: Manifest) -> dict[str, Any]:
    """What a checkpoint says of itself: all that makes its model again."""
    return {
        "settings": fingerprint(config, manifest),
        "pieces": pieces_of(manifest),
        "config": config.to_json(),
    }


def pieces_of(manifest: Manifest) -> dict[str, Any]:
    """What a model has to know of the vocabulary."""
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
