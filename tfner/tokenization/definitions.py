"""The pieces of a definition, which is the content of a `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfner.tokenization.word_marks import Definition

Parts = tuple[str, ...]


def pieces_of(definition: Definition) -> dict[int, str]:
    """All pieces by their ids, those that were added among them."""
    vocab = definition["model"]["vocab"]
    if isinstance(vocab, dict):
        found = {number: piece for piece, number in vocab.items()}
    else:
        found = {number: piece for number, (piece, _) in enumerate(vocab)}
    return found | {token["id"]: token["content"] for token in _added(definition)}


def ids_of(definition: Definition) -> dict[str, int]:
    """The ids of all pieces, those that were added among them."""
    vocab = definition["model"]["vocab"]
    if not isinstance(vocab, dict):
        vocab = {piece: number for number, (piece, _) in enumerate(vocab)}
    return {**vocab, **{token["content"]: token["id"] for token in _added(definition)}}


def added_ids(definition: Definition) -> set[int]:
    """The ids of pieces that were added, the special ones among them."""
    return {token["id"] for token in _added(definition)}


def framing_ids(definition: Definition) -> set[int]:
    """The ids that are put around a sequence."""
    return set(_ids_within(definition.get("post_processor")))


def merges_of(definition: Definition) -> Iterator[tuple[str, Parts]]:
    """The merges of byte-pair encoding, each as what it gives and its two parts."""
    model = definition["model"]
    prefix = model.get("continuing_subword_prefix") or ""
    for merge in model.get("merges") or ():
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        yield left + right.removeprefix(prefix), (left, right)


def with_pieces(definition: Definition, ids: Sequence[int]) -> Definition:
    """A definition with some of its pieces alone, numbered anew in their order.

    Args:
        definition: is not changed.
        ids: rising; those of all added pieces and of the model's unknown one are among
            them, and with a piece that is merged those of what it is merged of.
    """
    new = {old: number for number, old in enumerate(ids)}
    model: dict[str, Any] = dict(definition["model"])
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        kept = {piece: new[old] for piece, old in vocab.items() if old in new}
        model["vocab"] = kept
    else:
        model["vocab"] = [scored for old, scored in enumerate(vocab) if old in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["unk_id"]]
    if "merges" in model:
        known = set(model["vocab"])
        model["merges"] = [
            list(parts)
            for piece, parts in merges_of(definition)
            if known.issuperset((piece, *parts))
        ]
    return {
        **definition,
        "model": model,
        "added_tokens": [{**t, "id": new[t["id"]]} for t in _added(definition)],
        "post_processor": _renumbered(definition.get("post_processor"), new),
    }


def _added(definition: Definition) -> Sequence[Mapping[str, Any]]:
    return definition.get("added_tokens") or ()


def _ids_within(part: Any) -> Iterator[int]:
    """Ids in a post-processor: lists under `ids`, and pairs of a piece and its id."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield from value if key == "ids" else _ids_within(value)
    elif _is_pair(part):
        yield part[1]
    elif isinstance(part, list):
        for value in part:
            yield from _ids_within(value)


def _renumbered(part: Any, new: Mapping[int, int]) -> Any:
    if isinstance(part, Mapping):
        return {
            key: [new[old] for old in value]
            if key == "ids"
            else _renumbered(value, new)
            for key, value in part.items()
        }
    if _is_pair(part):
        return [part[0], new[part[1]]]
    if isinstance(part, list):
        return [_renumbered(value, new) for value in part]
    return part


def _is_pair(part: Any) -> bool:
    return isinstance(part, list) and [*map(type, part)] == [str, int]
