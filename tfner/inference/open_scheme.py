"""The scheme of a model whose tags leave it open, from what it predicts.

`B-PER I-PER` may be IOB1 or IOB2, `I-PER E-PER` IOE1 or IOE2. The tags that a model
takes for the likeliest of each word tell: a model of IOB1 begins entities with I, which
IOB2 never does. Entities do not depend on it; Viterbi and strict scores do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tfner.data.windows import Window
from tfner.document import Document
from tfner.schemes import LabelSet, find_scheme, invalid_positions
from tfner.tasks import Task
from tfner.tokenization import Tokenizer

logger = logging.getLogger(__name__)

AnyTask = TypeVar("AnyTask", bound=Task)


class OpenScheme:
    """Decides between schemes by the documents that a model predicts first.

    Args:
        model: for messages.
        schemes: names of those that the tags may be of, two or more.
    """

    def __init__(self, model: object, schemes: Sequence[str]) -> None:
        self.model, self.schemes = model, schemes

    def settle(
        self,
        task: Task,
        documents: Sequence[Document],
        windows: Sequence[Sequence[Window]],
        outputs: Sequence[Sequence[Mapping[str, Any]]],
    ) -> Task | None:
        """The task with labels of the scheme that the predictions obey best.

        Args:
            task: of the first scheme.
            documents: that were encoded.
            windows: of each document.
            outputs: of each document's windows.

        Returns:
            None where the predictions contradict all schemes alike: there may be no
            entity among them.
        """
        free = remade(task, decode="argmax")
        predicted = free.decode_all(documents, windows, outputs)
        faults = self._faults(document.tags or () for document in predicted)
        least = min(self.schemes, key=lambda name: faults[name])
        others = {name: faults[name] for name in self.schemes if name != least}
        if faults[least] == min(others.values()):
            return None
        logger.info(
            "%s: its tags are read as %s, which its first predictions contradict "
            "%d times (%s); --scheme names another",
            *(self.model, least, faults[least]),
            ", ".join(f"{name} {number}" for name, number in others.items()),
        )
        return of_scheme(task, least)

    def _faults(self, sequences: Iterable[Sequence[str]]) -> Counter[str]:
        """How often sequences of tags break each scheme."""
        faults: Counter[str] = Counter()
        for tags in sequences:
            for name in self.schemes:
                faults[name] += len(invalid_positions(tags, find_scheme(name)))
        return faults


def of_scheme(task: AnyTask, scheme: str) -> AnyTask:
    """A task made again for prediction, its tags being those of another scheme."""
    labels = task.label_set
    return remade(task, LabelSet(labels.labels, scheme=scheme, tags=labels.tags))


def remade(
    task: AnyTask,
    label_set: LabelSet | None = None,
    tokenizer: Tokenizer | None = None,
    **changes: Any,
) -> AnyTask:
    """A task made again for prediction, with other labels, pieces or settings.

    Args:
        task: with settings of these names.
        label_set: in place of its own.
        tokenizer: in place of its own.
        **changes: settings in place of its own.

    Raises:
        ConfigError: the settings do not fit the labels.
    """
    settings = task.settings()
    del settings["name"]
    make: Callable[..., AnyTask] = type(task)
    return make(
        tokenizer or task.tokenizer,
        label_set or task.label_set,
        **settings | changes,
    )
