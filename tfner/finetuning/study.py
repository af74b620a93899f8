"""A study: the trials of a search, in Optuna's own storage.

Everything is written when it happens, so that a process that is killed loses nothing:
the next one opens the file and goes on, with the trial that had begun. A trial is drawn
from those before it and from the seed alone, so both give the same trials.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from tfner.errors import ConfigError, StorageError
from tfner.finetuning.search_space import settings_of
from tfner.storage.locks import held
from tfner.training.checkpoints import changes

NAME = "tfner"
PLAN, END = "plan", "end"
"""Attributes: of a study, what is searched; of a trial, why it ended early."""
FEWEST_COMPLETE = 5
"""Trials after which the next are drawn by what they gave, and may end early."""
PATIENT = 1 / 3
"""Share of the first trial's epochs in which no trial ends early."""


@dataclass(frozen=True)
class Plan:
    """All that decides the trials of a study.

    Args:
        about: settings and corpora, which must be equal for a study to go on.
        space: see `tfner.finetuning.search_space`.
        first: the searched settings of the first trial.
        epochs: of the first trial.
        seed: of the draws.
    """

    about: Mapping[str, Any]
    space: Mapping[str, Mapping[str, Any]]
    first: Mapping[str, Any]
    epochs: int
    seed: int


@contextmanager
def open_study(journal: Path, plan: Plan) -> Iterator[Study]:
    """Open a study for this process alone; a new one is begun by the plan.

    Args:
        journal: its file; that of an earlier call decides space and first trial, too.
        plan: of this call.

    Raises:
        ConfigError: its plan was another, or another process has it open.
        StorageError: it is damaged.
    """
    journal.touch()
    with held(journal) as mine:
        if mine is False:
            raise ConfigError(
                f"another process is searching in {journal.parent}. Wait for it, or "
                "choose another --output."
            )
        _repair(journal)
        yield Study(journal, plan)


def _repair(journal: Path) -> None:
    """Take out what a process or machine left that stopped while it wrote."""
    for lock in journal.parent.glob(f"{journal.name}.lock*"):
        lock.unlink()
    content = journal.read_bytes()
    os.truncate(journal, content.rfind(b"\n") + 1)


class Study:
    """The trials of a search: what is next, and what became of the others.

    Args:
        journal: file of the storage.
        plan: of this call.

    Raises:
        ConfigError: the file's plan was another.
        StorageError: it is damaged.
    """

    def __init__(self, journal: Path, plan: Plan) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self._study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(journal))),
                study_name=NAME,
                direction="maximize",
                load_if_exists=True,
            )
        except Exception as error:  # nothing says what a damaged file raises
            raise StorageError(
                f"damaged; it cannot be read as a study ({error}). Search again with "
                "--overwrite.",
                path=journal,
            ) from error
        self.plan = self._agreed(plan, journal.parent)
        self._study.pruner = optuna.pruners.MedianPruner(
            n_startup_trials=FEWEST_COMPLETE,
            n_warmup_steps=max(1, round(PATIENT * self.plan.epochs)),
        )
        if not self._study.get_trials(deepcopy=False):
            self._study.enqueue_trial(dict(self.plan.first))

    def _agreed(self, plan: Plan, directory: Path) -> Plan:
        """The plan that the study began with."""
        if PLAN not in self._study.user_attrs:
            self._study.set_user_attr(PLAN, vars(plan))
        begun = Plan(**self._study.user_attrs[PLAN])
        changed = changes(begun.about, plan.about)
        if changed:
            raise ConfigError(
                f"{directory} holds a study of other settings: {changed}. Give the "
                "old ones to go on, another --output, or --overwrite to start afresh."
            )
        return begun

    @property
    def finished(self) -> int:
        """Number of trials that have come to an end."""
        return len(self._finished())

    @property
    def is_exhausted(self) -> bool:
        """True when all that can be drawn has been tried."""
        space = self.plan.space
        if not all("choices" in about for about in space.values()):
            return False
        tried = [settings_of(trial.params) for trial in self._finished()]
        choices = itertools.product(*(about["choices"] for about in space.values()))
        drawn = (dict(zip(space, values, strict=True)) for values in choices)
        return all(settings_of(values) in tried for values in drawn)

    @property
    def best(self) -> int | None:
        """Number of the trial with the best score; the first of equal ones."""
        complete = self._trials(TrialState.COMPLETE)
        best = max(complete, key=lambda trial: trial.values[0], default=None)
        return None if best is None else best.number + 1

    def next(self) -> Trial:
        """Go on with the trial that had begun, or begin one."""
        running = self._trials(TrialState.RUNNING)
        number = running[0].number if running else self.finished
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=FEWEST_COMPLETE, seed=_seed(self.plan.seed, number)
        )
        if running:
            # Optuna has no other way back to a trial of a process that is gone.
            trial = optuna.Trial(self._study, running[0]._trial_id)
        else:
            trial = self._study.ask()
        return Trial(self._study, trial, self.plan.space)

    def repeat(self, trial: Trial) -> int | None:
        """Give a trial the outcome of an earlier one of the same settings.

        Returns:
            Number of the earlier one, or None if there was none.
        """
        for earlier in self._finished():
            if settings_of(earlier.params) == trial.settings:
                if earlier.state == TrialState.COMPLETE:
                    trial.complete(earlier.values[0])
                else:
                    trial.end(earlier.user_attrs[END])
                return earlier.number + 1
        return None

    def records(self) -> list[dict[str, Any]]:
        """All trials that have begun, as `tfner tune --json` prints them."""
        return [
            {
                "trial": trial.number + 1,
                "state": trial.user_attrs.get(END, trial.state.name.lower()),
                "dev_f1": trial.value if trial.state == TrialState.COMPLETE else None,
                "dev_f1_by_epoch": list(trial.intermediate_values.values()),
                "settings": settings_of(trial.params),
            }
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state != TrialState.WAITING
        ]

    def _finished(self) -> list[FrozenTrial]:
        return self._trials(TrialState.COMPLETE, TrialState.PRUNED)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)


class Trial:
    """Settings to train with; what came of it is told to the study.

    Args:
        study: it belongs to.
        trial: Optuna's.
        space: by which its settings are drawn, unless they were before.

    Attributes:
        number: counted from 1.
        settings: by name.
    """

    def __init__(
        self,
        study: optuna.Study,
        trial: optuna.Trial,
        space: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._study, self._trial = study, trial
        self.number = trial.number + 1
        drawn = {name: self._draw(name, about) for name, about in space.items()}
        self.settings = settings_of(drawn)

    def _draw(self, name: str, about: Mapping[str, Any]) -> Any:
        if "choices" in about:
            return self._trial.suggest_categorical(name, **about)
        if isinstance(about["low"], int):
            return self._trial.suggest_int(name, **about)
        return self._trial.suggest_float(name, **about)

    def is_hopeless(self, epoch: int, score: float) -> bool:
        """Report an epoch; tells whether others were better by then.

        Args:
            epoch: counted from 1; one that was reported before changes nothing.
            score: of dev after it.
        """
        trials = self._study.get_trials(deepcopy=False)
        if epoch not in trials[self._trial.number].intermediate_values:
            self._trial.report(score, epoch)
        return self._trial.should_prune()

    def complete(self, score: float) -> None:
        """Tell the score of a model that was trained to the end."""
        self._study.tell(self._trial, score)

    def end(self, why: str) -> None:
        """Tell that there is no model.

        Args:
            why: in a word.
        """
        self._trial.set_user_attr(END, why)
        self._study.tell(self._trial, state=TrialState.PRUNED)


def _seed(seed: int, number: int) -> int:
    """A seed for each trial, which makes it independent of when a process began."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
