"""How the settings of a run decide how much each word counts in the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tfner.config.train import TrainConfig
from tfner.data.features import LABELS
from tfner.data.windows import Window
from tfner.errors import ConfigError, joined, unknown
from tfner.tasks import Task
from tfner.tasks.token_classification import TokenClassification

USUAL_GAMMA = 2.0
"""Source: Lin et al. 2017, section 5.1."""
LARGEST_WEIGHT = 10.0
"""A tag of a handful of words must not outshout all the others."""


def set_loss(config: TrainConfig, task: Task, windows: Sequence[Window]) -> None:
    """Tell a task the loss that the settings ask for.

    Args:
        config: the settings.
        task: one of your own class keeps its own loss.
        windows: of the training corpus, with targets.

    Raises:
        ConfigError: the settings contradict each other or the task; all at once.
    """
    focal = config.loss == "focal"
    special = focal or config.label_smoothing or config.class_weights != "none"
    problems = []
    if config.focal_gamma is not None and not focal:
        problems.append("`focal_gamma` is a setting of `loss` focal alone.")
    if focal and config.label_smoothing:
        problems.append("`loss` focal and `label_smoothing` contradict each other.")
    if special and not isinstance(task, TokenClassification):
        problems.append(
            "`loss` focal, `label_smoothing` and `class_weights` are for tfner's own "
            f"tagging task; {type(task).__name__} has a loss of its own."
        )
    elif special and getattr(task, "head", None) == "crf":
        problems.append(
            "`head` crf has a loss of its own, the likelihood of whole sequences: "
            "`loss` focal, `label_smoothing` and `class_weights` need `head` softmax."
        )
    if problems:
        raise ConfigError(joined(problems, what="problems in the settings"))
    if isinstance(task, TokenClassification):
        gamma = USUAL_GAMMA if config.focal_gamma is None else config.focal_gamma
        task.loss_settings = {
            "smoothing": config.label_smoothing,
            "gamma": gamma if focal else 0.0,
            "weights": class_weights(
                config.class_weights, task.label_set.tags, windows
            ),
        }


def class_weights(
    setting: str, tags: Sequence[str], windows: Sequence[Window]
) -> tuple[float, ...] | None:
    """The weight of each tag, (T,), or None where all are 1.

    Args:
        setting: "none"; "balanced", where a tag with n of the N training words and K
            tags that occur has N / (K n), at most 10, and one that never occurs 1; or
            TAG=WEIGHT pairs parted by commas, 1 for the tags not named.
        tags: in the order of their ids.
        windows: of the training corpus, with targets.

    Raises:
        ConfigError: it is none of these; all problems at once.

    Source: King and Zeng 2001, section 4.2; scikit-learn's "balanced".
    """
    if setting == "none":
        return None
    if setting == "balanced":
        labels = [w.targets[LABELS.name] for w in windows if w.targets is not None]
        counts = np.bincount(np.concatenate(labels), minlength=len(tags))
        return tuple(balanced(counts).tolist())
    weights, problems = dict.fromkeys(tags, 1.0), []
    for pair in setting.split(","):
        tag, _, weight = pair.strip().rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if tag not in weights:
            problems.append(unknown("tag", tag or pair, tags))
        elif not 0 <= value < math.inf:
            problems.append(f"a weight is a number of at least 0. Received: {pair}")
        else:
            weights[tag] = value
    if problems:
        raise ConfigError(
            joined(
                problems,
                what="problems in `class_weights`, which takes none, "
                "balanced or pairs such as O=0.5,B-PER=2",
            )
        )
    return tuple(weights.values())


def balanced(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights (T,) that let all tags that occur count alike; see `class_weights`."""
    occurring = np.maximum(counts, 1)
    weights = counts.sum() / ((counts > 0).sum() * occurring)
    return np.where(counts > 0, np.minimum(weights, LARGEST_WEIGHT), 1.0)
