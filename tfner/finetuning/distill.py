"""Distillation: a small model learns what a large one says of raw text.

The run is that of `tfner train`, whose windows get a second target: see `student`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfner.config.distill import DistillConfig
from tfner.corpus import read_corpus
from tfner.corpus.corpora import reading_settings, texts_format
from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, TrainingError
from tfner.finetuning.data import Corpora
from tfner.finetuning.student import Lesson, StudentTask, taught
from tfner.finetuning.teacher import Answers, Teacher
from tfner.finetuning.train import output_of, run_trials
from tfner.finetuning.training_data import Taught
from tfner.inference.bundle import Bundle
from tfner.inference.encoders import encoder_source
from tfner.models.encoders.parts import with_layers
from tfner.tasks import Encoded, Task
from tfner.tasks.context import encode_in_order
from tfner.tasks.token_classification import TokenClassification
from tfner.training.arrays import load_arrays, save_arrays

logger = logging.getLogger(__name__)

ANSWERS = "teacher.npz"
"""File of the teacher's answers, which a resumed run takes in place of asking again."""


def distill(
    config: DistillConfig,
    *,
    corpora: Corpora | None = None,
    teacher: Bundle | None = None,
) -> Bundle:
    """Train a student; of several trials the one with the best dev score is returned.

    Args:
        config: all settings.
        corpora: documents in place of the files that `config` names.
        teacher: in place of the one that `config` names.

    Raises:
        BundleError: there is no teacher, or none with a Keras model where its layers or
            vectors are wanted.
        ConfigError: teacher and settings do not fit each other.
        TfnerError: see `tfner.finetuning.train.train`.
    """
    found = run_distillation(config, corpora=corpora, teacher=teacher)
    return Bundle.load(found["bundle"])


def run_distillation(
    config: DistillConfig,
    *,
    corpora: Corpora | None = None,
    teacher: Bundle | None = None,
    extras: Mapping[str, Any] | None = None,
    report: Path | None = None,
) -> dict[str, Any]:
    """Train a student; returns the JSON that `tfner distill` prints.

    Args:
        config: all settings.
        corpora: documents in place of the files that `config` names.
        teacher: in place of the one that `config` names.
        extras: parts that the teacher does not carry: see `Bundle.load`.
        report: directory for a report of the student, or None.
    """
    besides = [*(["train"] if corpora else []), *(["teacher"] if teacher else [])]
    config.check_needed(*besides)
    output_of(config)  # refused before the teacher is loaded
    chosen = config.distillation
    if teacher is None:
        teacher = Bundle.load(chosen.teacher, **extras or {})
    layers = chosen.layers is not None
    master = Teacher(teacher, vectors=chosen.hidden_weight > 0, as_keras=layers)
    config = settled(config, master)
    _check_widths(config, master)
    school = School(config, master)
    return run_trials(
        config,
        tokenizer=master.task.tokenizer if layers else None,
        encoder=school.encoder if layers else None,
        corpora=corpora,
        teach=school.teach,
        report=report,
    )


def settled(config: DistillConfig, teacher: Teacher) -> DistillConfig:
    """The settings of a student: labels and scheme are the teacher's.

    Raises:
        ConfigError: others are given.
    """
    labels, task = teacher.label_set, config.task
    schemes = (labels.scheme.name, *teacher.bundle.open_schemes)
    usual = task.leaves()["scheme"].default
    scheme = task.scheme if task.scheme in schemes else labels.scheme.name
    if task.scheme not in (*schemes, usual) or (
        task.labels and sorted(task.labels) != sorted(labels.labels)
    ):
        raise ConfigError(
            f"a student has the labels of its teacher ({', '.join(labels.labels)}) and "
            f"its scheme ({labels.scheme.name}). Received: labels="
            f"{','.join(task.labels) or 'not set'}, scheme={task.scheme}. Leave out "
            "--labels and --scheme."
        )
    return config.replace(labels=task.labels or tuple(labels.labels), scheme=scheme)


def _check_widths(config: DistillConfig, teacher: Teacher) -> None:
    """Refuse vectors that cannot be compared, before the teacher reads."""
    if not teacher.vectors or config.distillation.layers is not None:
        return
    source = encoder_source(config.model.encoder, digests=False)  # compared when loaded
    width = source.sizes.get("hidden_size")
    other = teacher.model.encoder.hidden_size
    if width != other:
        raise ConfigError(
            f"vectors are compared of one width. Received: a student {width} wide, the "
            f"teacher's {other}. Leave out --hidden-weight."
        )


@dataclass
class School:
    """A teacher and the texts that a student learns.

    Args:
        config: settled.
        teacher: is loaded when it is first needed.
    """

    config: DistillConfig
    teacher: Teacher

    def encoder(self) -> keras.Model:
        """Some layers of the teacher's encoder."""
        rates = {
            name: rate
            for name in ("hidden_dropout", "attention_dropout")
            if (rate := getattr(self.config.model, name)) is not None
        }
        layers = self.config.distillation.layers or 1
        return with_layers(self.teacher.model.encoder, layers, **rates)

    def teach(self, directory: Path, task: Task, corpora: Corpora) -> Taught:
        """Ask the teacher for all that the student learns.

        Args:
            directory: for the answers, so that a resumed run need not ask again.
            task: of the student.
            corpora: of people; raw texts that stand in them are left out.

        Raises:
            ConfigError: vectors are to be compared and have other widths, or the tags
                are not the teacher's.
            CorpusError: there is no raw text to learn in the files.
        """
        if not isinstance(task, TokenClassification):
            raise ConfigError("a student learns the probabilities of tags.")
        gold = list(encode_in_order(task, corpora.train, with_targets=True))
        raw = list(encode_in_order(task, self._raw_texts(corpora)))
        asked = [_as_encoded(*pair) for pair in (*gold, *raw)]
        answers = self._answers(asked, task.label_set.tags, corpora.dev, directory)
        windows = []
        for number, (_, encoded) in enumerate((*gold, *raw)):
            for window in encoded.windows:
                targets = taught(
                    window,
                    answers[number],
                    num_tags=len(task.label_set.tags),
                    gold=number < len(gold),
                )
                windows.append(replace(window, targets=targets))
        logger.info(
            "the student learns %s gold and %s raw texts",
            f"{len(gold):,}",
            f"{len(raw):,}",
        )
        width = self.teacher.model.encoder.hidden_size if self.teacher.vectors else 0
        lesson = Lesson(self.config.distillation, width, self._head(task))
        return Taught(StudentTask.of(task, lesson), windows, len(raw))

    def _head(self, task: TokenClassification) -> Sequence[Any] | None:
        """The teacher's last layer, for a student that begins with its layers."""
        if self.config.distillation.layers is None:
            return None
        kernel, bias = self.teacher.model.classifier.get_weights()
        columns = self.teacher.columns(task.label_set.tags)
        return kernel[:, columns], bias[columns]

    def _raw_texts(self, corpora: Corpora) -> Iterator[Document]:
        """The raw texts without those of the corpora, each once."""
        paths = self.config.distillation.texts
        known = {d.text for part in vars(corpora).values() for d in part}
        left_out = found = 0
        for document in (d for path in paths for d in self._read(path)):
            if document.text in known or not document.text.strip():
                left_out += 1
                continue
            known.add(document.text)
            found += 1
            yield replace(document, entities=(), words=None, tags=None)
        if left_out:
            logger.info(
                "raw texts: %s are empty, repeat others or stand in the corpora, and "
                "are left out",
                f"{left_out:,}",
            )
        if paths and not found:
            raise CorpusError(
                "they hold no text that is not in the training, dev or test corpus. "
                "Give raw texts, or leave out --texts.",
                path=", ".join(paths),
            )

    def _read(self, path: str) -> Iterable[Document]:
        settings = reading_settings(self.config.data)
        return read_corpus(path, format=texts_format(path), **settings, tags="optional")

    def _answers(
        self,
        asked: list[Document],
        tags: Sequence[str],
        dev: Sequence[Document],
        directory: Path,
    ) -> list[Answers]:
        """The teacher's answers on each document, from the file if they are there.

        Its F1 on dev is told, which stands in the file, too.
        """
        digest = self._digest(asked, tags, dev)
        file = directory / ANSWERS
        limits = np.cumsum([0, *(len(document.words or ()) for document in asked)])
        rows, f1 = _stored(file, digest) or (None, 0.0)
        if dev:
            f1 = self.teacher.f1(dev) if rows is None else f1
            logger.info("teacher: dev F1 %.4f", f1)
        if rows is None:
            logger.info("the teacher reads %s texts", f"{len(asked):,}")
            rows = np.concatenate(list(self.teacher.answers(asked, tags)))
            if directory.is_dir():  # other workers have none
                save_arrays(file, [rows, np.array(f1)], digest)
        else:
            logger.info("the teacher's answers are read from %s", file)
        return [rows[first:last] for first, last in pairwise(limits)]

    def _digest(
        self, asked: list[Document], tags: Sequence[str], dev: Sequence[Document]
    ) -> str:
        """SHA-256 of all that the answers depend on but the weights of the teacher."""
        digest = hashlib.sha256()
        about = [self.config.distillation.teacher, *tags, self.teacher.vectors]
        digest.update(json.dumps(about).encode())
        for document in asked:
            digest.update(json.dumps([document.text, document.words]).encode())
        for document in dev:
            known = (document.text, document.words, document.entities)
            digest.update(repr(known).encode())
        return digest.hexdigest()


def _stored(file: Path, digest: str) -> tuple[Answers, float] | None:
    """Answers of an earlier run and its F1, if they are whole and of the same texts."""
    try:
        (rows, f1), about = load_arrays(file)
        return (rows, f1.item()) if about == digest else None
    except (TrainingError, ValueError):
        return None


def _as_encoded(document: Document, encoded: Encoded) -> Document:
    """A document with the words that a student's windows speak of."""
    windows: list[Window] = encoded.windows
    words = windows[0].words if windows else ()
    return replace(document, words=words, tags=None, entities=())
