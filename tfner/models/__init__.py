"""Encoders, heads and losses: ordinary Keras objects on any backend.

Importing this package makes every one of them known to Keras, which needs no more than
that to load a `.keras` file that holds them.
"""

from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.keras_hub import KerasHubEncoder
from tfner.models.heads.losses import MaskedAccuracy, masked_crossentropy
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.models.heads.span_losses import BoundaryAccuracy
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel

__all__ = [
    "BoundaryAccuracy",
    "Electra",
    "Encoder",
    "KerasHubEncoder",
    "MaskedAccuracy",
    "MaskedLanguageModel",
    "SpanExtractor",
    "TokenClassifier",
    "masked_crossentropy",
]
