"""Named-entity recognition in TensorFlow 2 / Keras 3, from corpus to served model.

Names load when they are first used: `import tfner` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfner.config.pretrain import PretrainConfig
    from tfner.config.train import TrainConfig
    from tfner.corpus import read_corpus, write_corpus
    from tfner.document import Document, Entity
    from tfner.errors import TfnerError
    from tfner.evaluation import Score, score
    from tfner.finetuning.data import Corpora
    from tfner.finetuning.train import train
    from tfner.inference.bundle import Bundle
    from tfner.inference.predictor import Predictor
    from tfner.pretraining.run import pretrain
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tasks.token_classification import TokenClassification
    from tfner.tokenization import Encoding, Tokenizer, load_tokenizer

__version__ = "0.1.0"

__all__ = [
    "Bundle",
    "Corpora",
    "Document",
    "Encoding",
    "Entity",
    "LabelSet",
    "Predictor",
    "PretrainConfig",
    "Score",
    "SpanExtraction",
    "TfnerError",
    "TokenClassification",
    "Tokenizer",
    "TrainConfig",
    "load_tokenizer",
    "pretrain",
    "read_corpus",
    "score",
    "train",
    "write_corpus",
]

_HOMES = {
    "Bundle": "tfner.inference.bundle",
    "Corpora": "tfner.finetuning.data",
    "Document": "tfner.document",
    "Encoding": "tfner.tokenization",
    "Entity": "tfner.document",
    "LabelSet": "tfner.schemes",
    "Predictor": "tfner.inference.predictor",
    "PretrainConfig": "tfner.config.pretrain",
    "Score": "tfner.evaluation",
    "SpanExtraction": "tfner.tasks.span_extraction",
    "TfnerError": "tfner.errors",
    "TokenClassification": "tfner.tasks.token_classification",
    "Tokenizer": "tfner.tokenization",
    "TrainConfig": "tfner.config.train",
    "load_tokenizer": "tfner.tokenization",
    "pretrain": "tfner.pretraining.run",
    "read_corpus": "tfner.corpus",
    "score": "tfner.evaluation",
    "train": "tfner.finetuning.train",
    "write_corpus": "tfner.corpus",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfner' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
