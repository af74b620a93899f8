"""The recipe: settings that are not given, decided by the corpus and the encoder.

All its figures stand in the tables below; `resolve` is a pure function of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tfner.config.train import TokenConfig, TrainConfig
from tfner.errors import ConfigError

Value = TypeVar("Value")
Table = Sequence[tuple[float, float]]
"""Points between which a line is drawn, both ways in logarithms; level outside."""

EPOCHS: Mapping[str, Table] = {
    "token": ((100, 30), (500, 20), (2_000, 10), (10_000, 7), (30_000, 3)),
    "span": ((1_000, 20), (10_000, 12), (100_000, 6)),
}
"""Epochs by the number of windows: small corpora need more of them for their updates.
Windows of span extraction are queries, of which most have no answer."""
BATCH_SIZES = ((500, 8), (2_000, 16), (math.inf, 32))
"""Batch sizes of corpora with fewer windows than these: deep encoders need several
hundred updates before they predict anything but O."""
RATES: Table = ((384, 2e-4), (512, 1.5e-4), (768, 5e-5), (1_024, 2e-5))
"""Learning rates by the width of the encoder."""
RATE_OF_FAMILY = {"electra": 2.0}
"""By what the rate is multiplied for families that learn at another one."""
RATE_OF_LORA = 10.0
"""By what the rate is multiplied where LoRA learns changes in place of weights."""
USUAL_WIDTH = 768
"""Width of an encoder that does not tell its own."""
WARMUP_RATIO = 0.1
DECAY, DECAY_FROM, DECAY_RATE = 0.9, 12, 1.5
"""Layer-wise decay of rates, from how many layers on, and its factor of the rate."""
PATIENCE_SHARE, FEWEST_PATIENCE, PATIENT_FROM = 1 / 2, 3, 7
"""Patience as a share of the epochs, at least so many, in runs of so many or more: the
last epochs, at falling rates, are often the best."""
CONTEXT = 1
"""Neighbouring sentences on either side, where the corpus says what is a document."""
FEWEST_DEV = 40
"""Dev sentences below which their score is more chance than choice: none are held out,
and the last epoch is kept."""
DEV_FRACTION = 0.1
PUBLISHED: Mapping[str, Any] = {
    "dev_fraction": 0.1,
    "context": 0,
    "epochs": 3,
    "batch_size": 32,
    "learning_rate": 5e-5,
    "warmup_ratio": 0.1,
    "layerwise_lr_decay": 1.0,
    "best": "f1",
    "patience": 0,
}
"""What is published for BERT, whatever the corpus; Devlin et al. 2018, appendix A.3."""

DECIDED = (*PUBLISHED, "decode")
"""Settings that recipes decide."""
SAID = frozenset(DECIDED) - {"dev_fraction"}
"""Those that are said together; what is held out is said where it is."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A corpus and an encoder, as a recipe sees them.

    Args:
        sentences: of the training corpus, what is held out not counted.
        dev: sentences of the dev corpus.
        documents: whether sentences say to which document they belong.
        constrained: whether the scheme forbids some sequence of tags; None for a task
            of the user's own, whose decoder is its own.
        windows: of the training corpus; None before it is encoded.
        family: of the encoder, as in its `model_type`.
        hidden_size: width of the encoder; None if it does not tell.
        num_layers: of the encoder; None if it does not name them.
    """

    sentences: int
    dev: int = 0
    documents: bool = False
    constrained: bool | None = None
    windows: int | None = None
    family: str = ""
    hidden_size: int | None = None
    num_layers: int | None = None

    def __str__(self) -> str:
        layers = f" of {self.num_layers} layers" if self.num_layers else ""
        width = f", {self.hidden_size} wide" if self.hidden_size else ""
        return (
            f"{self.sentences:,} sentences and an encoder ({self.family or 'own'})"
            f"{layers}{width}"
        )


def resolve(config: TrainConfig, facts: Facts) -> TrainConfig:
    """Decide the settings that are not given; those that are stay as they are.

    What depends on the windows stays open until their number is known: the settings of
    the task decide about them.

    Args:
        config: names the recipe.
        facts: of the corpus and the encoder.
    """
    given = config.to_json()
    if config.optimizer.recipe == "published":
        found = dict(PUBLISHED)
    else:
        share = dev_fraction("auto", facts.sentences + facts.dev)
        found = {"dev_fraction": share, **_of_task(config, facts)}
        found |= _of_run(given, facts)
    if given["warmup_steps"] is not None:
        found.pop("warmup_ratio", None)
    return config.replace(
        **{n: v for n, v in found.items() if given.get(n, ...) is None}
    )


def dev_fraction(recipe: str, sentences: int) -> float:
    """The share of so many training sentences that is held out as dev."""
    if recipe == "published":
        return float(PUBLISHED["dev_fraction"])
    return DEV_FRACTION if sentences * DEV_FRACTION >= FEWEST_DEV else 0.0


def decided(value: Value | None, name: str) -> Value:
    """A setting that a recipe has decided if nobody else did.

    Raises:
        ConfigError: it is open still.
    """
    if value is None:
        raise ConfigError(
            f"`{name}` is not decided. Give a value, or let "
            "tfner.finetuning.recipe.resolve decide it."
        )
    return value


def announced(before: TrainConfig, after: TrainConfig, facts: Facts) -> str:
    """Say which settings were decided, as options that would give the same run.

    Args:
        before: the settings that were given.
        after: what `resolve` made of them.
        facts: what it saw.
    """
    given, leaves = before.to_json(), after.leaves()
    options = [
        f"{leaves[name].option} {value:.2g}"
        if isinstance(value, float)
        else f"{leaves[name].option} {value}"
        for name, value in after.to_json().items()
        if given[name] is None and value is not None and name in SAID
    ]
    return f"recipe for {facts}: {' '.join(options) or 'all is given'}"


def _of_task(config: TrainConfig, facts: Facts) -> dict[str, Any]:
    if not isinstance(config.task, TokenConfig) or facts.constrained is None:
        return {}
    sequences = facts.constrained or config.task.head == "crf"
    return {
        "decode": "viterbi" if sequences else "argmax",
        "context": CONTEXT if facts.documents else 0,
    }


def _of_run(given: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    windows = facts.windows
    if windows is None:
        return {}
    epochs = round(_between(EPOCHS.get(given["task"], EPOCHS["token"]), windows))
    lora = given["lora"] is not None
    decays = (facts.num_layers or 0) >= DECAY_FROM and not lora
    decay = DECAY if decays else 1.0
    best = "f1" if facts.dev >= FEWEST_DEV or given["patience"] else "last"
    return {
        "epochs": epochs,
        "batch_size": next(size for most, size in BATCH_SIZES if windows < most),
        "learning_rate": _rate(facts, given["layerwise_lr_decay"] or decay, lora=lora),
        "warmup_ratio": WARMUP_RATIO,
        "layerwise_lr_decay": decay,
        "best": best,
        "patience": _patience(given["epochs"] or epochs, given["best"] or best),
    }


def _rate(facts: Facts, decay: float, *, lora: bool) -> float:
    """The learning rate, of two digits."""
    rate = _between(RATES, facts.hidden_size or USUAL_WIDTH)
    rate *= RATE_OF_FAMILY.get(facts.family, 1.0) * (DECAY_RATE if decay < 1 else 1.0)
    rate *= RATE_OF_LORA if lora else 1.0
    return float(f"{rate:.1e}")


def _patience(epochs: int, best: str) -> int:
    if best == "last" or epochs < PATIENT_FROM:
        return 0
    return max(FEWEST_PATIENCE, round(PATIENCE_SHARE * epochs))


def _between(table: Table, value: float) -> float:
    """The value of a table's line at a place."""
    places, values = np.log(np.array(table)).T
    return float(np.exp(np.interp(np.log(max(value, 1)), places, values)))
