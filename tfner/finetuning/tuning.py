"""Tuning: many runs with different settings, of which dev selects one.

study.journal   all trials, in Optuna's storage
summary.json    the same to be read, with the name of the best one
trial-7         the model of the best one; those of others go as soon as they are worse
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from tfner.config.train import TrainConfig
from tfner.document import Document
from tfner.errors import ConfigError, TrainingError, lacks_memory
from tfner.finetuning import callbacks
from tfner.finetuning.evaluator import Evaluator
from tfner.finetuning.model import make_encoder
from tfner.finetuning.recipe import FEWEST_DEV
from tfner.finetuning.run import NOT_COMPARED
from tfner.finetuning.search_space import SEARCHED, search_space
from tfner.finetuning.train import run_trials
from tfner.finetuning.training_data import TrainingData, load_training_data
from tfner.inference.bundle import Bundle
from tfner.inference.native_bundle import CONFIG, SUMMARY
from tfner.storage.atomic import write_json
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.remote import address, is_remote
from tfner.training.distribution import CLUSTER, warnings_alone
from tfner.training.keras_internals import freed_afterwards
from tfner.training.stopping import DivergedError, StoppedError

if TYPE_CHECKING:
    from tfner.finetuning.study import Plan, Study, Trial

logger = logging.getLogger(__name__)

JOURNAL = "study.journal"
STUDY = Kind("study", {JOURNAL: b""})
TRIAL = "trial-{}"
TRIALS = 20
"""Trials where neither their number nor the hours are given."""
OF_ONE_RUN: dict[str, Any] = {
    "trials": 1,
    "test": None,
    "keep_epochs": False,
    "show_mistakes": 0,
    "tensorboard": None,
    "overwrite": False,
    "resume": True,
}
"""Settings that every trial has, whatever was given."""


class HopelessError(Exception):
    """Ends a trial that is worse than the others were."""


class Pruner(keras.callbacks.Callback):
    """Ends a run when the study sees no hope in it.

    Args:
        trial: gets the F1 on dev after each epoch.
    """

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the epoch.

        Raises:
            HopelessError: others were better after as many epochs.
        """
        if self.trial.is_hopeless(epoch + 1, logs["dev_f1"]):
            raise HopelessError


def tune(
    config: TrainConfig,
    *,
    searched: Collection[str] | None = None,
    trials: int | None = None,
    hours: float | None = None,
) -> dict[str, Any]:
    """Search for the settings with the best F1 on dev.

    The output keeps the trials of this call and of earlier ones, and the best model.
    The first trial is the run that `train(config)` is.

    Args:
        config: what is not searched is fixed; its test corpus is scored once, at the
            end, with the best model.
        searched: names of `tfner.finetuning.search_space.SEARCHED`; those with their
            default in `config` if None.
        trials: all that the study shall have, at least 1; 20 if there is no limit.
        hours: in which trials are begun, above 0.

    Returns:
        The JSON that `tfner tune` prints.

    Raises:
        ConfigError: Optuna is missing, the output holds something else or other
            settings, nothing is left to search, or dev is too small to select by.
        TrainingError: no trial came to its end.
    """
    if find_spec("optuna") is None:
        raise ConfigError(
            "searching for settings needs Optuna: pip install 'tfner[tune]'"
        )
    from tfner.finetuning.study import open_study

    output = _output(config)
    if hours is not None and not hours > 0:
        raise ConfigError(f"--hours must be above 0. Received: {hours}")
    limit = trials or (TRIALS if hours is None else math.inf)
    test, plan = _prepared(config, searched)
    with (
        output.working_directory() as directory,
        open_study(directory / JOURNAL, plan) as study,
    ):
        end = time.monotonic() + 3600 * (hours or math.inf)
        while study.finished < limit and time.monotonic() < end:
            if study.is_exhausted:
                logger.info(
                    "all that can be drawn has been tried: the search ends here"
                )
                break
            with freed_afterwards():
                _run(study, config, directory, limit)
            keep_best(study, directory)
        return summarize(study, directory, test)


def _output(config: TrainConfig) -> OutputPolicy:
    """The directory of the study.

    Raises:
        ConfigError: it is remote or holds something else, or several processes would
            search in it.
    """
    config.check_needed()
    output = OutputPolicy(Path(config.saving.output), config.saving.overwrite)
    if is_remote(output.path):
        raise ConfigError(
            f"a study keeps its trials on this machine. Received: {output.path}. Give "
            "a local --output."
        )
    if config.devices.strategy == "multi-worker" or (
        config.devices.strategy == "auto" and os.environ.get(CLUSTER, "").strip()
    ):
        raise ConfigError(
            f"a study trains in one process, and {CLUSTER} or --strategy names "
            f"several. Unset {CLUSTER}, and give --strategy none or mirrored."
        )
    output.check_kind(STUDY)
    return output


def _prepared(
    config: TrainConfig, searched: Collection[str] | None
) -> tuple[list[Document], Plan]:
    """Read the corpora once, to see what is to be searched; returns test, too."""
    from tfner.finetuning.study import Plan

    source = make_encoder(config, None)
    data = load_training_data(config, sizes=source.sizes)
    _check_dev(data)
    if searched is None:
        given, usual = config.to_json(), TrainConfig.defaults()
        searched = [n for n in SEARCHED if given.get(n) == usual[n]]
    space = search_space(data, searched)
    if not space:
        options = ", ".join(TrainConfig.leaves()[name].option for name in SEARCHED)
        raise ConfigError(
            f"nothing is left to search: all of {options} that this task has are "
            "given. Leave out some."
        )
    decided = data.config.to_json()
    plan = Plan(
        about=_about(config, data, space),
        space=space,
        first={name: decided[name] for name in space},
        epochs=decided["epochs"],
        seed=config.optimizer.seed,
    )
    return data.corpora.test, plan


def _check_dev(data: TrainingData) -> None:
    """Refuse to select by a score that is more chance than choice."""
    train, dev = len(data.corpora.train), len(data.corpora.dev)
    if dev < FEWEST_DEV:
        raise ConfigError(
            f"{dev} dev sentences are too few to select a trial by, which takes "
            f"{FEWEST_DEV}. Give a --dev of more sentences or, if the {train + dev} "
            "training sentences allow it, a larger --dev-fraction."
        )


def _about(
    config: TrainConfig, data: TrainingData, space: Mapping[str, Any]
) -> dict[str, Any]:
    """What must be equal for a study to go on."""
    free = {*NOT_COMPARED, *OF_ONE_RUN} - {"seed"}
    settings = {n: v for n, v in config.to_json().items() if n not in free}
    corpora = data.corpora
    return {
        **settings,
        "what is searched": ", ".join(space),
        "digest of the training corpus": digest(corpora.train),
        "digest of the dev corpus": digest(corpora.dev),
    }


def digest(documents: Sequence[Document]) -> str:
    """Twelve digits that differ if texts, words or entities do."""
    total = hashlib.sha256()
    for document in documents:
        total.update(repr((document.text, document.words, document.entities)).encode())
    return total.hexdigest()[:12]


def _run(study: Study, config: TrainConfig, directory: Path, limit: float) -> None:
    """Run one trial to its end, whatever that is."""
    trial = study.next()
    place = directory / TRIAL.format(trial.number)
    of = "" if limit == math.inf else f" of {limit}"
    logger.info("trial %s%s: %s", trial.number, of, as_options(trial.settings))
    if earlier := study.repeat(trial):
        logger.info("trial %s is trial %s again", trial.number, earlier)
        return
    try:
        if not (place / CONFIG).is_file():  # else it was all but told
            settings = {**OF_ONE_RUN, **trial.settings, "output": str(place)}
            with epochs_alone():
                run_trials(config.replace(**settings), callbacks=[Pruner(trial)])
        trial.complete(Bundle.load(place).metrics["dev"]["f1"])
    except HopelessError:
        trial.end("pruned")
    except DivergedError:
        trial.end("diverged")
    except StoppedError as error:
        raise StoppedError(
            f"stopped as asked in trial {trial.number}; all is saved. The same command "
            "goes on from there."
        ) from error
    except Exception as error:
        if not lacks_memory(error):
            raise
        trial.end("out of memory")
    logger.info(_told(study, trial.number))


def _told(study: Study, number: int) -> str:
    record = study.records()[number - 1]
    if record["state"] != "complete":
        scores = record["dev_f1_by_epoch"]
        reached = (
            f" after epoch {len(scores)}, dev F1 {scores[-1]:.4f}" if scores else ""
        )
        return f"trial {number}: {record['state']}{reached}"
    best = ", the best so far" if study.best == number else ""
    return f"trial {number}: dev F1 {record['dev_f1']:.4f}{best}"


@contextlib.contextmanager
def epochs_alone() -> Iterator[None]:
    """Let a run log its epochs, and not again what was said of corpora and encoder."""
    epochs = logging.getLogger(callbacks.__name__)
    epochs.setLevel(epochs.getEffectiveLevel())
    try:
        with warnings_alone():
            yield
    finally:
        epochs.setLevel(logging.NOTSET)


def as_options(settings: Mapping[str, Any]) -> str:
    """Settings as `tfner train` takes them."""
    leaves = TrainConfig.leaves()
    return " ".join(f"{leaves[name].option} {v}" for name, v in settings.items())


def keep_best(study: Study, directory: Path) -> None:
    """Remove all models but the best one, and name it in the summary."""
    best = TRIAL.format(study.best)
    for path in directory.glob(TRIAL.format("*")):
        if path.name != best:
            shutil.rmtree(path)
    if study.best is not None:
        write_json(directory / SUMMARY, _record(study, directory))


def _record(study: Study, directory: Path) -> dict[str, Any]:
    best = TRIAL.format(study.best)
    return {
        "best": best,
        "bundle": address(directory / best),
        "dev": Bundle.load(directory / best).metrics["dev"],
        "test": None,
        "searched": study.plan.space,
        "trials": study.records(),
    }


def summarize(
    study: Study, directory: Path, test: Sequence[Document]
) -> dict[str, Any]:
    """Name the best model, and score the test corpus with it, if there is one.

    Args:
        study: has run its trials.
        directory: of the output.
        test: documents; may be none.

    Raises:
        TrainingError: no trial came to its end.
    """
    if study.best is None:
        raise TrainingError(
            f"none of {study.finished} trials came to its end: "
            f"{', '.join(record['state'] for record in study.records())}. Give a lower "
            "--learning-rate or a smaller --batch-size, and --overwrite."
        )
    record = _record(study, directory)
    if test:
        bundle = Bundle.load(directory / record["best"])
        found = Evaluator.encode(bundle.task, test).evaluate(bundle.runner())
        record["test"] = found and found.score.to_json()
    write_json(directory / SUMMARY, record)
    return record
