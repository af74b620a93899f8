"""What span extraction sets on held-out documents: its prefilter, its thresholds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tfner.config.train import TrainConfig
from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.evaluation import score
from tfner.finetuning.evaluator import HeldOut
from tfner.finetuning.prefilter import fit_prefilter, set_thresholds, unfiltered
from tfner.finetuning.thresholds import tune_thresholds
from tfner.tasks import Task
from tfner.tasks.answers import context_ids
from tfner.tasks.span_extraction import THRESHOLDS, SpanExtraction

if TYPE_CHECKING:
    import keras


def check_dev(config: TrainConfig, dev: list[Document]) -> None:
    """Refuse settings that have something set on dev where there is none.

    Raises:
        ConfigError: nothing is held out, or nothing with an entity.
    """
    wanted = [
        name for name in ("prefilter", "tune_thresholds") if getattr(config, name)
    ]
    if wanted and not dev:
        raise ConfigError(
            f"`{wanted[0]}` needs a dev corpus. Received: none, and "
            f"dev_fraction={config.dev_fraction}. Give --dev, or a --dev-fraction "
            "above 0."
        )
    if wanted and not any(document.entities for document in dev):
        raise ConfigError(
            f"`{wanted[0]}` needs entities in the dev corpus. Received: {len(dev)} "
            "documents without one. Give another --dev."
        )


def set_prefilter(
    config: TrainConfig,
    task: Task,
    windows: list[Window],
    dev: list[Document],
    *,
    say: Callable[[str], None],
) -> None:
    """Give the task its prefilter, if the settings ask for one."""
    if config.prefilter is None or not isinstance(task, SpanExtraction):
        return
    task.prefilter = fit_prefilter(
        task, windows, dev, share=config.prefilter, seed=config.seed
    )
    share = asked(task, dev)
    say(f"prefilter: {share:.1%} of the questions about dev are asked")


def asked(task: SpanExtraction, documents: list[Document]) -> float:
    """Share of the questions that are asked."""
    prefilter = task.prefilter
    if prefilter is None:
        return 1.0
    with unfiltered(task):
        windows = [w for document in documents for w in task.encode(document)]
    kept = sum(prefilter.asks(w.label or "", context_ids(w)) for w in windows)
    return kept / max(1, len(windows))


@contextlib.contextmanager
def chosen_on_dev(
    config: TrainConfig,
    task: Task,
    model: keras.Model,
    dev: list[Document],
    *,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Within, task and model have the thresholds that dev chose, if it was to choose.

    Yields:
        What `metrics.json` says of the thresholds.
    """
    if not isinstance(task, SpanExtraction):
        yield {}
        return
    before = {name: getattr(task, name) for name in THRESHOLDS}
    found: dict[str, Any] = {}
    if config.tune_thresholds:
        found["thresholds"] = tune_thresholds(task, model, dev)
        chosen = ", ".join(f"{n} {v:.3g}" for n, v in found["thresholds"].items())
        say(f"chosen on dev: {chosen}")
    try:
        yield found
    finally:
        for name, value in before.items():
            setattr(task, name, value)


def prefilter_cost(
    config: TrainConfig,
    held_out: HeldOut,
    dev: list[Document],
    *,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """What `metrics.json` says of the prefilter; nothing where there is none.

    Thresholds do better on the documents that set them than on others: each half of dev
    is asked through thresholds that the other half sets.

    Args:
        config: says which share of the entities must keep their question.
        held_out: scores the model.
        dev: what the prefilter's own thresholds were set on.
        say: told the share of the questions that are asked, and recall.
    """
    task = held_out.task
    if config.prefilter is None or not isinstance(task, SpanExtraction):
        return {}
    own = task.prefilter
    if own is None:
        return {}
    halves = dev[::2], dev[1::2]
    gold = [document for half in halves for document in half]
    found, shares = list[Document](), list[float]()
    with unfiltered(task):
        everything = held_out.predictor.predict(gold)
        for half, other in (halves, halves[::-1]):
            task.prefilter = set_thresholds(own, task, other, share=config.prefilter)
            found += held_out.predictor.predict(half)
            shares += [asked(task, half)] * len(half)
    cost = {"asked": sum(shares) / len(gold)}
    for predicted, end in ((found, ""), (everything, "_without")):
        result = score(gold, predicted, resamples=0)
        cost |= {f"recall{end}": result.recall, f"f1{end}": result.f1}
    say(
        "prefilter, set on one half of dev and asked on the other: "
        f"{cost['asked']:.1%} of the questions are asked; recall {cost['recall']:.4f} "
        f"in place of {cost['recall_without']:.4f}"
    )
    return {"prefilter": cost}
