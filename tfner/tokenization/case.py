"""Lower-casing in the definitions of tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lowers(part: Mapping[str, Any] | None) -> bool:
    """Tell whether a normalizer lower-cases text."""
    if part is None:
        return False
    if part["type"] == "Sequence":
        return any(lowers(step) for step in part["normalizers"])
    return part["type"] == "Lowercase" or bool(part.get("lowercase"))


def with_case(part: Mapping[str, Any] | None, *, lower: bool) -> Any:
    """A normalizer with lower-casing on or off."""
    if lowers(part) == lower:
        return part
    if lower and part and part["type"] == "BertNormalizer":
        return {**part, "lowercase": True}
    if lower:
        return {
            "type": "Sequence",
            "normalizers": [*([part] if part else []), {"type": "Lowercase"}],
        }
    return _without_case(part)


def _without_case(part: Mapping[str, Any] | None) -> Any:
    if part is None or part["type"] == "Lowercase":
        return None
    if part["type"] == "Sequence":
        steps = [_without_case(step) for step in part["normalizers"]]
        return {**part, "normalizers": [step for step in steps if step]}
    return {**part, "lowercase": False} if "lowercase" in part else part
