"""A task that the package does not know: one module, and one line in a table.

What stands above the tests is all that a new task takes: the class, which would be a
module of `tfner/tasks`, and its section of settings. It is trained, scored, run and
exported by the commands as every other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import pytest

from tfner.config.sections import setting
from tfner.config.train import TaskConfig
from tfner.data.features import LABELS, TAGGER_INPUTS
from tfner.data.windows import Window, cut
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError
from tfner.inference.bundle import Bundle
from tfner.models.heads.losses import MaskedAccuracy, summed_crossentropy
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.schemes import LabelSet
from tfner.tasks import TASKS, Encoded, Outputs, Task
from tfner.tasks.context import ALONE, Neighbours
from tfner.tokenization import Tokenizer


@dataclass(frozen=True, kw_only=True)
class SentimentConfig(TaskConfig):
    """How words speak of what they speak of."""

    name = "sentiment"

    least: float = setting(0.5, low=0, high=1, metavar="SHARE")
    """Probability from which on a word is said to be more than neutral."""


class Sentiment(Task):
    """Whether a word is kind or unkind; each is an entity of its own, also in a row."""

    name = "sentiment"
    features = (*TAGGER_INPUTS, LABELS)
    outputs = ("probs",)

    def __init__(
        self,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        max_length: int = 64,
        least: float = 0.5,
    ) -> None:
        self.tokenizer, self.max_length, self.least = tokenizer, max_length, least
        tags = ["O", *(f"B-{label}" for label in label_set.labels)]
        self.label_set = LabelSet(label_set.labels, tags=tags)

    @classmethod
    def from_config(
        cls,
        settings: SentimentConfig,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        documents: Sequence[Document] = (),
        *,
        seed: int = 0,
    ) -> Self:
        limits = {"max_length": settings.max_length, "least": settings.least}
        return cls(tokenizer, label_set, **limits)

    def settings(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "max_length": self.max_length,
            "least": self.least,
        }

    def check(self, train: Sequence[Document], dev: Sequence[Document]) -> None:
        for document in train:
            if any(" " in document.surface(entity) for entity in document.entities):
                raise CorpusError(f"document {document.id!r}: only words have one.")

    def encode(
        self,
        document: Document,
        *,
        with_targets: bool = False,
        neighbours: Neighbours = ALONE,
    ) -> Encoded:
        encoding = self.tokenizer.encode(document.text, document.words)
        prefix, suffix = self.tokenizer.prefix_ids, self.tokenizer.suffix_ids
        room = self.max_length - len(prefix) - len(suffix)
        starts = encoding.word_starts
        ranges = cut(len(encoding.ids), capacity=room, overlap=0, word_starts=starts)
        windows = []
        for pieces in ranges:
            ids = np.array([*prefix, *encoding.ids[slice(*pieces)], *suffix], np.int32)
            at = starts[(pieces[0] <= starts) & (starts < pieces[1])]
            words = encoding.word_index[at]
            targets = None
            if with_targets:
                named = [encoding.words[word] for word in words]
                targets = {LABELS.name: self._labels(document, named)}
            windows.append(
                Window(
                    pieces=pieces,
                    core=pieces,
                    word_index=words,
                    words=encoding.words,
                    features={
                        "input_ids": ids,
                        "token_type_ids": np.zeros_like(ids),
                        "labeled_positions": at - pieces[0] + len(prefix),
                    },
                    targets=targets,
                )
            )
        counts = Counter(words_without_pieces=encoding.words_without_pieces)
        return Encoded(windows, counts)

    def _labels(self, document: Document, words: Sequence[Word]) -> Any:
        tags = {e.start: f"B-{e.label}" for e in document.entities}
        ids = [self.label_set.label2id[tags.get(word.start, "O")] for word in words]
        return np.array(ids, np.int32)

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        return TokenClassifier(encoder, len(self.label_set.tags), dropout=dropout)

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        return summed_crossentropy(labels, logits)

    def metric(self) -> keras.metrics.Metric:
        return MaskedAccuracy()

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
    ) -> Any:
        learnt = self.encode(document, with_targets=True).windows
        return -np.concatenate(
            [np.zeros(0, np.float32)]
            + [
                np.log(np.take_along_axis(o["probs"], w.targets["labels"][:, None], 1))
                for w, o in zip(learnt, outputs, strict=True)
                if w.targets is not None
            ],
            axis=None,
        )

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
    ) -> Document:
        entities = []
        for window, output in zip(windows, outputs, strict=True):
            best = output["probs"].argmax(axis=1)
            for word, tag, probs in zip(
                window.word_index, best, output["probs"], strict=True
            ):
                if tag and probs[tag] >= self.least:
                    start, end = window.words[word]
                    label = self.label_set.labels[tag - 1]
                    entities.append(Entity(start, end, label, score=float(probs[tag])))
        return replace(document, entities=tuple(entities), tags=None)


del TaskConfig.kinds["sentiment"]  # which only the tests of this module know


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TaskConfig.kinds, "sentiment", SentimentConfig)
    monkeypatch.setitem(TASKS, "sentiment", Sentiment)


KIND, UNKIND = ("anna", "bert", "carla", "emma"), ("acme", "globex", "hooli", "stark")
NEITHER = ("the", "office", "in", "is", "we", "to")


def sentence(number: int) -> Document:
    """Words of the tiny vocabulary, by turns neutral, kind and unkind."""
    random = np.random.default_rng(number)
    text, entities = "", []
    for word in random.choice((*KIND, *UNKIND, *NEITHER), 8):
        start, text = len(text), f"{text}{word} "
        if word not in NEITHER:
            label = "KIND" if word in KIND else "UNKIND"
            entities.append(Entity(start, start + len(word), label))
    return Document(f"s{number}", text.rstrip(), tuple(entities))


@pytest.fixture
def corpora(tmp_path: Path) -> tuple[Path, Path]:
    from tfner.corpus import write_corpus

    paths = tmp_path / "train.jsonl", tmp_path / "dev.jsonl"
    write_corpus([sentence(number) for number in range(60)], paths[0])
    write_corpus([sentence(number) for number in range(60, 75)], paths[1])
    return paths


@pytest.mark.slow
def test_the_commands_take_a_new_task_from_training_to_its_export(
    command: Callable[..., str],
    corpora: tuple[Path, Path],
    encoder_directory: Path,
    tmp_path: Path,
) -> None:
    train, dev = corpora
    model = tmp_path / "model"
    flags = ("--task", "sentiment", "--set", "task.least=0.4", "--max-length", 32)
    flags += ("--train", train, "--dev", dev, "--encoder", encoder_directory)
    flags += ("--epochs", 8, "--learning-rate", 2e-2, "--batch-size", 16)
    report = json.loads(
        command("train", *flags, "--no-jit-compile", "--output", model, "--json")
    )
    assert report["dev"]["f1"] > 0.9
    assert Bundle.load(model).config["task"] == {
        "name": "sentiment",
        "max_length": 32,
        "least": 0.4,
    }

    words = ("--max-length", 48, "--task-name", "mood", "--json")
    exported = json.loads(command("export", model, tmp_path / "exports", *words))
    assert exported["max_abs_difference"] < 1e-5
    text = "we anna bert in acme"
    for path in (model, exported["saved_model"]):
        scores = json.loads(command("evaluate", path, dev, "--json"))
        assert scores["f1"] == pytest.approx(report["dev"]["f1"])
        found = command("predict", path, "--verify", "--text", text).splitlines()
        assert [(e["text"], e["label"]) for e in json.loads(found[0])["entities"]] == [
            ("anna", "KIND"),
            ("bert", "KIND"),
            ("acme", "UNKIND"),
        ]


def test_what_it_cannot_learn_is_refused_by_its_own_check(
    corpora: tuple[Path, Path], encoder_directory: Path, tmp_path: Path
) -> None:
    from tfner.config.train import TrainConfig
    from tfner.corpus import write_corpus
    from tfner.finetuning.train import train

    two = Document("d7", "anna bert", (Entity(0, 9, "KIND"),))
    write_corpus([two], tmp_path / "two.jsonl")
    config = TrainConfig(
        task="sentiment",
        train=str(tmp_path / "two.jsonl"),
        dev=str(corpora[1]),
        labels=("KIND", "UNKIND"),
        max_length=32,
        encoder=str(encoder_directory),
        output=str(tmp_path / "model"),
    )
    with pytest.raises(CorpusError, match=r"two\.jsonl: document 'd7': only words"):
        train(config)
