"""ONNX graphs of tfner's own models, made of their layers' weights.

Nothing is traced or converted: for every layer that a model may have there is a
function that writes its operators.
"""

from __future__ import annotations

from tfner.engines.onnx_graph.model import FAMILIES, build, check, family_of

__all__ = ["FAMILIES", "build", "check", "family_of"]
