"""Schemas: dataclasses that say what a JSON file may hold, checked all at once.

A field's type may be `Any`, `bool`, `int`, `float`, `str`, a `Literal`, a dataclass, a
`list` or a `dict` of any of them, one of them or `None`, and a number with its bounds:
`Annotated[int, Range(1, 512)]`. A field without a default must be there; a key that no
field has is an error. A field whose name is a word of Python ends in `_`.

Example:
    >>> @dataclass(frozen=True)
    ... class Layer:
    ...     heads: Annotated[int, Range(1, 64)]
    ...     name: str = ""
    >>> read_record(Layer, {"heads": 4}, place="config.json")
    Layer(heads=4, name='')
    >>> read_record(Layer, {"heads": 0, "nam": 1}, place="config.json")
    Traceback (most recent call last):
    ...
    tfner.errors.StorageError: config.json: 2 problems:
      unknown key 'nam'; did you mean 'name'? Known: heads, name.
      `heads` must be an integer from 1 to 64. Received: 0
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from tfner.errors import StorageError, joined, shorten, unknown

Record = TypeVar("Record")
Report = Callable[[str], None]

WORDS = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


@dataclass(frozen=True)
class Range:
    """Bounds of a number, or of the length of a list; it may be equal to them."""

    low: float
    high: float

    def __contains__(self, value: Any) -> bool:
        measure = len(value) if isinstance(value, list) else value
        return bool(self.low <= measure <= self.high)


Share = Annotated[float, Range(0, 1)]


def read_record(kind: type[Record], record: object, *, place: object) -> Record:
    """Make a dataclass of a JSON object, or another type of another value.

    Args:
        kind: the dataclass.
        record: content of the file.
        place: of the file, for messages.

    Raises:
        StorageError: names all that is wrong with the object.
    """
    problems: list[str] = []
    made: Record = _read(record, kind, "", problems.append)
    if problems:
        raise StorageError(joined(problems), path=place)
    return made


def check_values(
    values: Mapping[str, Any],
    hints: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """List what is wrong with values by name, in sentences.

    Args:
        values: those of other names than `hints` are passed over.
        hints: the type of each, as a field of a schema has it.
        names: by which the messages speak of them, where it is another one.
    """
    problems: list[str] = []
    shown = names or {}
    for name, hint in hints.items():
        if name in values:
            _read(values[name], hint, shown.get(name, name), problems.append)
    return problems


def _read(value: Any, hint: Any, where: str, report: Report) -> Any:
    """A value as its type has it; tells what is wrong with it, if something is."""
    inner = get_args(hint)
    if get_origin(hint) is Annotated:
        if _is(value, inner[0]) and value in inner[1]:
            return _read(value, inner[0], where, report)
    elif get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        fitting = [part for part in inner if _is(value, part)]
        if fitting:
            return _read(value, fitting[0], where, report)
    elif _is(value, hint):
        if is_dataclass(hint):
            return _object(value, hint, where, report)
        if isinstance(value, list) and inner:
            return [
                _read(item, inner[0], f"{where}[{number}]", report)
                for number, item in enumerate(value)
            ]
        if isinstance(value, dict) and inner:
            return {
                key: _read(item, inner[1], _below(where, key), report)
                for key, item in value.items()
            }
        return value
    received = _spelled(value)
    report(f"{_named(where)} must be {_described(hint)}. Received: {received}")
    return value


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of the kind of a type; what is within it is not looked at."""
    kind = get_origin(hint) or hint
    if kind is Annotated:
        return _is(value, get_args(hint)[0])
    if kind is Literal:
        return any(
            value == word and type(value) is type(word) for word in get_args(hint)
        )
    if kind is Any:
        return True
    if is_dataclass(kind):
        return isinstance(value, dict)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is None or kind is type(None):
        return value is None
    return type(value) is kind


def _object(record: Mapping[str, Any], kind: Any, where: str, report: Report) -> Any:
    hints, known = _fields(kind)
    for key in record:
        if key not in known:
            spoken = unknown("key", key, known)
            report(f"{_named(where)}: {spoken}" if where else spoken)
    values = {}
    for key, (name, needed) in known.items():
        if key in record:
            values[name] = _read(record[key], hints[name], _below(where, key), report)
        elif needed:
            report(f"{_named(_below(where, key))} is missing.")
            values[name] = None
    return kind(**values)


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], dict[str, tuple[str, bool]]]:
    """The types of a dataclass, and by key the name of its field, and if it must be."""
    hints = get_type_hints(kind, include_extras=True)
    known = {
        field.name.removesuffix("_"): (
            field.name,
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    }
    return hints, known


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _named(where: str) -> str:
    return f"`{where}`" if where else "it"


def _spelled(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return shorten(str(value)) if isinstance(value, str | list | dict) else str(value)


def _described(hint: Any) -> str:
    """What a value must be, in words."""
    return " or ".join(dict.fromkeys(_kinds(hint)))


def _kinds(hint: Any) -> Iterator[str]:
    inner = get_args(hint)
    origin = get_origin(hint) or hint
    if origin is Annotated:
        low, high = inner[1].low, inner[1].high
        bounds = f"{low:,} to {high:,}"
        kind = _described(inner[0])
        yield f"{kind} from {bounds}" if inner[0] in WORDS else f"{kind} of {bounds}"
    elif origin in (Union, types.UnionType):
        for part in inner:
            yield from _kinds(part)
    elif origin is Literal:
        yield from map(repr, inner)
    elif origin is list:
        yield "a list"
    elif origin is type(None):
        yield "null"
    else:
        yield WORDS.get(origin, "an object")
