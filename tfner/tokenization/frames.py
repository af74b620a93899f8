"""The special pieces around a sequence, and at padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfner.tokenization.definitions import ids_of
from tfner.tokenization.word_marks import Definition


def frame(
    part: Mapping[str, Any] | None, definition: Definition, config: Mapping[str, Any]
) -> tuple[list[int], list[int]]:
    """Ids before and after a sequence, from the post-processor or else the config.

    Args:
        part: the post-processor of a `tokenizer.json`, if it has one.
        definition: its content.
        config: of `read_config`.
    """
    steps: Sequence[Any] = [part] if part else []
    if part and part["type"] == "Sequence":
        steps = part["processors"]
    for step in steps:
        if step["type"] in ("BertProcessing", "RobertaProcessing"):
            return [step["cls"][1]], [step["sep"][1]]
        if step["type"] == "TemplateProcessing":
            return _template_frame(step)
    ids = ids_of(definition)
    names = (config.get("cls_token"), config.get("sep_token"))
    start, end = ([ids[name]] if name in ids else [] for name in names)
    return start, end


def _template_frame(step: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    sides: tuple[list[int], list[int]] = ([], [])
    side = 0
    for item in step["single"]:
        if "Sequence" in item:
            side = 1
        else:
            name = item["SpecialToken"]["id"]
            sides[side].extend(step["special_tokens"][name]["ids"])
    return sides


def pad_id(definition: Definition, config: Mapping[str, Any]) -> int:
    """The id at padding.

    Args:
        definition: the content of a `tokenizer.json`.
        config: of `read_config`.
    """
    ids = ids_of(definition)
    for name in (config.get("pad_token"), "[PAD]", "<pad>"):
        if name in ids:
            return ids[name]
    return int((definition.get("padding") or {}).get("pad_id", 0))
