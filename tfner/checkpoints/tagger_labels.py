"""The labels of a tagger in a Hugging Face `config.json`, in and out.

transformers knows two schemes alone: its pipelines take an `E-PER` or `S-PER` for an
entity of its own. So `id2label` has names of IOB2, several outputs one name where need
be, which translates every single tag exactly; the label set itself, with its scheme,
stands under a key of tfner's own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfner.errors import CheckpointError, LabelError, shorten
from tfner.schemes import LabelSet, split_tag

logger = logging.getLogger(__name__)

OURS = "tfner_labels"
"""The key of tfner's own, which transformers keeps when it writes the config again."""
PADDING = "[PAD]"
"""Names the first output of models whose ids begin with 1."""
UNNAMED = re.compile(r"LABEL_\d+|\d+")
"""Names that programs invent where there are none."""
AS_IOB2 = {"S": "B", "U": "B", "E": "I", "L": "I"}
REMEDY = (
    "Give the tags that it was trained with, in the order of their ids: "
    "--label-mapping FILE."
)


def label_config(labels: LabelSet | Sequence[str]) -> dict[str, Any]:
    """The keys of a config that tell a tagger's labels.

    Args:
        labels: a label set, whose scheme is then kept, or tags by their ids.
    """
    if not isinstance(labels, LabelSet):
        return _mappings(labels)
    return {**_mappings(names_in_transformers(labels.tags)), OURS: labels.to_json()}


def names_in_transformers(tags: Iterable[str]) -> list[str]:
    """The names of tags that the pipelines of transformers read as they are meant.

    Example:
        >>> names_in_transformers(["O", "B-PER", "E-PER", "S-PER"])
        ['O', 'B-PER', 'I-PER', 'B-PER']
    """
    parts = map(split_tag, tags)
    return [f"{AS_IOB2.get(p, p)}-{label}" if label else p for p, label in parts]


def _mappings(names: Sequence[str]) -> dict[str, Any]:
    """`id2label`, and `label2id` with the first id of each name."""
    numbered = list(enumerate(names))
    return {
        "id2label": {str(number): name for number, name in numbered},
        "label2id": {name: number for number, name in reversed(numbered)},
    }


def stored_label_set(config: Mapping[str, Any]) -> LabelSet | None:
    """The label set that tfner has written into a config.

    None where it has written none, or other tags were trained since: programs that
    train on keep the key, and write an `id2label` of their own.
    """
    record = config.get(OURS)
    if not isinstance(record, Mapping):
        return None
    try:
        labels = LabelSet.from_json(record)
    except LabelError:
        return None
    names = names_in_transformers(labels.tags)
    same = config.get("id2label") == _mappings(names)["id2label"]
    return labels if same else None


def read_tagger_labels(
    config: Mapping[str, Any], *, outputs: int, place: object
) -> LabelSet | list[str]:
    """The labels of a tagger: a label set where the scheme is known, else names.

    Args:
        config: content of the file.
        outputs: number of outputs that the model's last layer has.
        place: where the config stands, for messages.

    Raises:
        CheckpointError: its keys contradict each other, or the number of outputs.
    """
    labels = stored_label_set(config)
    if labels is not None and len(labels.tags) == outputs:
        return labels
    names = _named(config, place=place)
    if names and len(names) != outputs:
        raise CheckpointError(
            f"{place} names {len(names)} labels, but the model has {outputs} outputs. "
            f"{REMEDY}"
        )
    number = config.get("num_labels", outputs)
    if number != outputs:
        logger.warning(
            "%s: num_labels is %s, but the model has %d outputs, which counts.",
            *(place, number, outputs),
        )
    return names or [f"LABEL_{number}" for number in range(outputs)]


def _named(config: Mapping[str, Any], *, place: object) -> list[str]:
    """The names in `id2label`, or in `label2id` where it alone has any.

    Raises:
        CheckpointError: they are no mappings, have gaps, or contradict each other.
    """
    try:
        by_id = _numbered(config, "id2label", lambda pair: pair)
        by_name = _numbered(config, "label2id", lambda pair: (pair[1], pair[0]))
        if all(map(UNNAMED.fullmatch, by_id.values())) and by_name:
            by_id = by_name
        if all(map(UNNAMED.fullmatch, by_name.values())):
            by_name = {}
        for number, name in by_name.items():
            if by_id.get(number) != name:
                raise LabelError(
                    f"id2label and label2id contradict each other: id {number} is "
                    f"{shorten(str(by_id.get(number)))} in one and {shorten(name)} in "
                    f"the other. Correct it. {REMEDY}"
                )
        return in_order(by_id.items())
    except LabelError as error:
        raise CheckpointError(f"{place}: {error}") from error


def _numbered(config: Mapping[str, Any], key: str, turned: Any) -> dict[int, str]:
    """The names of a mapping by their ids; none where there is no mapping."""
    mapping = config.get(key)
    if mapping is None:
        return {}
    try:
        pairs = [turned(pair) for pair in mapping.items()]
        return {int(number): str(name) for number, name in pairs}
    except (AttributeError, TypeError, ValueError) as error:
        raise LabelError(f"{key} must be an object of ids and tags.") from error


def in_order(pairs: Iterable[tuple[int, str]]) -> list[str]:
    """Tags in the order of their ids.

    Args:
        pairs: ids and tags; where the ids begin with 1, id 0 is that of padding.

    Raises:
        LabelError: an id is missing or occurs twice.
    """
    pairs = sorted(pairs)
    ids = [number for number, _ in pairs]
    if ids and ids == list(range(1, len(ids) + 1)):
        return [PADDING, *(tag for _, tag in pairs)]
    if ids != list(range(len(ids))):
        raise LabelError(
            f"the ids of {len(ids)} tags run from 0 or 1 without a gap, each once. "
            f"Received: {shorten(str(ids))}"
        )
    return [tag for _, tag in pairs]
