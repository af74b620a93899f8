"""Settings of a distillation: those of a training run, and what is learned of whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.config import files, limits
from tfner.config.base import with_leaves
from tfner.config.sections import Section, documented, setting
from tfner.config.train import PRESETS, TokenConfig, TokenizerConfig, TrainConfig
from tfner.errors import ConfigError


@documented
@dataclass(frozen=True, kw_only=True)
class DistillationConfig(Section):
    """The teacher, and how much is learned of it."""

    heading = "Distillation"

    teacher: str = setting("", needed=True, metavar="MODEL")
    """Model that is learned from: whatever `tfner predict` takes."""
    texts: tuple[str, ...] = setting((), metavar="FILE")
    """Raw texts that the teacher labels, several with commas: lines (.txt) or corpora
    of any format, whose entities are not looked at."""
    layers: int | None = setting(None, low=1, high=limits.LAYERS)
    """Begin with N of the layers of the teacher's own encoder, evenly taken, in place
    of --encoder."""
    temperature: float = setting(2.0, low=0.1, high=100)
    """By what the scores of teacher and student are divided before they are compared;
    above 1, unlikely tags count more."""
    gold_weight: float = setting(0.5, low=0, high=1, metavar="SHARE")
    """Share of a word's loss that compares with its tag in the training corpus; the
    rest, and all of raw texts, compares with the teacher."""
    hidden_weight: float = setting(0.0, low=0, high=limits.FACTOR, metavar="X")
    """Weight of the mean square difference of student's and teacher's vectors of words,
    which must be of one width; 0 for not to compare them."""


@with_leaves
@dataclass(frozen=True, init=False)
class DistillConfig(TrainConfig):
    """Everything that decides a distillation, in sections; see `TrainConfig`."""

    distillation: DistillationConfig

    def contradictions(self) -> list[str]:
        """Two encoders, or a student that cannot learn probabilities."""
        problems = super().contradictions()
        chosen = self.distillation
        if chosen.layers is not None and self.model.encoder:
            problems.append(
                "`encoder` and `layers` exclude each other. Give --encoder for a "
                "student with an encoder of its own, or --layers for some layers of "
                "the teacher's."
            )
        if chosen.layers is not None and self.tokenizer != TokenizerConfig():
            problems.append(
                "with `layers` the student has the teacher's tokenizer. Leave out its "
                "settings, or give --encoder in place of --layers."
            )
        if not isinstance(self.task, TokenConfig):
            problems.append(
                "a student learns the probabilities of tags. Received: "
                f"task={self.task.name}. Give --task token."
            )
        elif self.task.head != "softmax":
            problems.append(
                "a student learns the probabilities of each word's tag, a CRF those of "
                f"whole sequences. Received: head={self.task.head}. Give --head "
                "softmax; --decode viterbi obeys the scheme, too."
            )
        return problems

    def check_needed(self, *besides: str) -> None:
        """Check that what no run can do without is given; see `Settings`.

        Raises:
            ConfigError: names all that is missing.
        """
        if not self.distillation.teacher and "teacher" not in besides:
            raise ConfigError(
                "there is no teacher. Name a model: tfner distill TEACHER, or set "
                "`teacher` in the file."
            )
        if self.distillation.layers is None and not self.model.encoder:
            raise ConfigError(
                "the student has no encoder. Give --encoder for one of its own, or "
                "--layers for some layers of the teacher's."
            )
        super().check_needed(*besides, "encoder")


def read_settings(
    path: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of a distillation: see `tfner.config.files.read_settings`."""
    return files.read_settings(DistillConfig, PRESETS, path, assignments, flags)
