"""Clients of model servers, importable without TensorFlow.

`Predictor.load(address, assets=...)` finds entities through a server, and
`AsyncPredictor` without blocking; these clients send and get arrays.
"""

from __future__ import annotations

from tfner.clients.client import AsyncServingClient, ServingClient
from tfner.clients.settings import ClientSettings
from tfner.inference.async_predictor import AsyncPredictor
from tfner.inference.predictor import Predictor

__all__ = [
    "AsyncPredictor",
    "AsyncServingClient",
    "ClientSettings",
    "Predictor",
    "ServingClient",
]
