"""Taggers of other programs, each offered as if it were a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.inference.bundle import SelfTest
from tfner.inference.external_options import Supplied
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

LONGEST_WINDOW = 512
MAPPINGS = "*_label_mapping.pkl"

Loaded = tuple["keras.Model", TokenClassification]


class ForeignBundle:
    """What `Bundle` offers, for a model that was trained elsewhere.

    Args:
        model: where it lies.
        load: reads the model and its task; called once, when either is needed.
    """

    config: Mapping[str, Any] = {"training": {}}
    metrics: Mapping[str, Any] = {}
    selftest = SelfTest((), ())

    def __init__(self, model: str | Path, load: Callable[[], Loaded]) -> None:
        self.directory = Path(model)
        self._load = load

    @cached_property
    def _loaded(self) -> Loaded:
        return self._load()

    @property
    def task(self) -> TokenClassification:
        """How the model's inputs are made and its outputs read."""
        return self._loaded[1]

    @property
    def label_set(self) -> LabelSet:
        """Tags in the order of the model's ids."""
        return self.task.label_set

    def load_model(self) -> keras.Model:
        """The Keras model with its weights."""
        return self._loaded[0]


def huggingface_bundle(model: str | Path) -> ForeignBundle:
    """A `*ForTokenClassification` directory or hub id; it holds all that is needed."""

    def load() -> Loaded:
        from tfner.checkpoints.huggingface import load_token_classifier

        tagger, tags = load_token_classifier(model)
        tokenizer = load_tokenizer(model)
        longest = min(tagger.encoder.max_positions, LONGEST_WINDOW)
        label_set = LabelSet.from_tags(tags)
        return tagger, TokenClassification(tokenizer, label_set, max_length=longest)

    return ForeignBundle(model, load)


def google_bundle(model: str | Path, supplied: Supplied) -> ForeignBundle:
    """A tagger that google-research/electra has fine-tuned, from its checkpoint.

    Args:
        model: directory of the checkpoint, or the prefix of one in it.
        supplied: `labels`, unless a `*_label_mapping.pkl` lies beside the checkpoint;
            `tokenizer` instead of the vocabulary beside it.
    """
    return ForeignBundle(model, partial(_load_google, model, supplied))


def _load_google(model: str | Path, supplied: Supplied) -> Loaded:
    from tfner.checkpoints.google import load_google_tagger
    from tfner.checkpoints.loading import tokenizer_of

    folder = Path(tokenizer_of(model))
    mappings = sorted(folder.glob(MAPPINGS))
    if supplied.labels is None and len(mappings) == 1:
        supplied = replace(supplied, labels=mappings[0])
    if supplied.tokenizer is None:
        supplied = replace(supplied, tokenizer=folder)
    tokenizer, label_set = supplied.load(model)
    if not supplied.segment_id:
        logger.info(
            "%s: segment ids are 0; a tagger that google-research/electra itself has "
            "fine-tuned needs --segment-id 1",
            model,
        )
    tagger = load_google_tagger(model, tags=label_set.tags)
    task = supplied.task(
        model,
        tokenizer,
        label_set,
        num_pieces=tagger.encoder.vocab_size,
        max_length=min(tagger.encoder.max_positions, LONGEST_WINDOW),
    )
    return tagger, task
