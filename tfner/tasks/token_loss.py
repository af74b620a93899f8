"""Settings of the loss of token classification: how much each word counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfner.errors import ConfigError, joined, unknown

if TYPE_CHECKING:
    from tfner.config.train import TokenConfig

USUAL_GAMMA = 2.0
"""Source: Lin et al. 2017, section 5.1."""
LARGEST_WEIGHT = 10.0
"""A tag of a handful of words must not outshout all the others."""


def loss_settings(
    settings: TokenConfig,
    tags: Sequence[str],
    training_labels: Callable[[], Iterable[NDArray[np.int32]]],
) -> dict[str, Any]:
    """Read the arguments of `summed_crossentropy` from a settings.

    Args:
        settings: of the task.
        tags: in the order of their ids.
        training_labels: gives the tag ids of the training corpus, where weights are to
            be balanced.

    Raises:
        ConfigError: the settings contradict each other; all at once.
    """
    focal = settings.loss == "focal"
    special = focal or settings.label_smoothing or settings.class_weights != "none"
    problems = []
    if settings.focal_gamma is not None and not focal:
        problems.append("`focal_gamma` is a setting of `loss` focal alone.")
    if focal and settings.label_smoothing:
        problems.append("`loss` focal and `label_smoothing` contradict each other.")
    if special and settings.head == "crf":
        problems.append(
            "`head` crf has a loss of its own, the likelihood of whole sequences: "
            "`loss` focal, `label_smoothing` and `class_weights` need `head` softmax."
        )
    if problems:
        raise ConfigError(joined(problems, what="problems in the settings"))
    gamma = USUAL_GAMMA if settings.focal_gamma is None else settings.focal_gamma
    return {
        "smoothing": settings.label_smoothing,
        "gamma": gamma if focal else 0.0,
        "weights": class_weights(settings.class_weights, tags, training_labels),
    }


def class_weights(
    setting: str,
    tags: Sequence[str],
    training_labels: Callable[[], Iterable[NDArray[np.int32]]],
) -> tuple[float, ...] | None:
    """Give the weight of each tag, (T,), or None where all are 1.

    Args:
        setting: "none"; "balanced", where a tag with n of the N training words and K
            tags that occur has N / (K n), at most 10, and one that never occurs 1; or
            TAG=WEIGHT pairs parted by commas, 1 for the tags not named.
        tags: in the order of their ids.
        training_labels: gives the tag ids of the training corpus, which only "balanced"
            asks for.

    Raises:
        ConfigError: it is none of these; all problems at once.

    Source: King and Zeng 2001, section 4.2; scikit-learn's "balanced".
    """
    if setting == "none":
        return None
    if setting == "balanced":
        counts = np.zeros(len(tags), np.int64)
        for labels in training_labels():
            counts += np.bincount(labels, minlength=len(tags))
        return tuple(balanced(counts).tolist())
    weights, problems = dict.fromkeys(tags, 1.0), []
    named = set[str]()
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
        elif tag in named:
            problems.append(f"{tag} has more than one weight. Leave all but one out.")
        else:
            weights[tag] = value
        named.add(tag)
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
    """Give weights (T,) that let all tags that occur count alike."""
    occurring = np.maximum(counts, 1)
    weights = counts.sum() / (max(1, (counts > 0).sum()) * occurring)
    return np.where(counts > 0, np.minimum(weights, LARGEST_WEIGHT), 1.0)
