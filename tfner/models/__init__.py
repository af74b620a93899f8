"""Encoders, heads and losses: ordinary Keras objects on any backend.

Importing this package makes every one of them known to Keras, which needs no more than
that to load a `.keras` file that holds them.
"""

from tfner.models.adapters import KerasHubEncoder
from tfner.models.electra import Electra, MaskedLanguageModel
from tfner.models.encoder import Encoder
from tfner.models.heads import TokenClassifier
from tfner.models.losses import MaskedAccuracy, masked_crossentropy
from tfner.models.span import SpanExtractor
from tfner.models.span_losses import BorderAccuracy

__all__ = [
    "BorderAccuracy",
    "Electra",
    "Encoder",
    "KerasHubEncoder",
    "MaskedAccuracy",
    "MaskedLanguageModel",
    "SpanExtractor",
    "TokenClassifier",
    "masked_crossentropy",
]
