"""Encoders, one module a family."""

from __future__ import annotations

from tfner.models.encoders.albert import AlbertEncoder
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.convbert import ConvBertEncoder
from tfner.models.encoders.deberta import DebertaEncoder
from tfner.models.encoders.interface import EncoderModel
from tfner.models.encoders.mpnet import MPNetEncoder
from tfner.models.encoders.rotary import RotaryEncoder

ENCODERS: dict[str, type[EncoderModel]] = {
    "bert": Encoder,
    "deberta": DebertaEncoder,
    "rotary": RotaryEncoder,
    "albert": AlbertEncoder,
    "mpnet": MPNetEncoder,
    "convbert": ConvBertEncoder,
}
"""The name by which bundles and Hugging Face families know a class -> that class."""

__all__ = ["ENCODERS", "Encoder", "EncoderModel"]
