"""Encoders, one module a family."""

from __future__ import annotations

from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.interface import EncoderModel

ENCODERS: dict[str, type[EncoderModel]] = {
    "bert": Encoder,
}
"""The name by which bundles and Hugging Face families know a class -> that class."""

__all__ = ["ENCODERS", "Encoder", "EncoderModel"]
