"""A section of settings: a dataclass whose fields know their limits and their help.

A field's name is the key in the TOML file, the argument in Python and, with dashes, the
flag on the command line. The literal below it is its help everywhere: in an editor, in
`help()`, on the command line, and in a file that `--write-config` writes.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import (
    Any,
    ClassVar,
    Literal,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from tfner.errors import ConfigError, joined, unknown

WHAT = "problems in the settings"
Kind = TypeVar("Kind", bound="Section")


def setting(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    needed: bool = False,
    metavar: str = "",
    flag: str = "",
    switch: bool = False,
) -> Any:
    """Declare a field of a section.

    Args:
        default: its value where none is given.
        low: smallest value.
        high: largest value.
        needed: no run starts without it.
        metavar: word for its value in `--help`; by its type if empty.
        flag: its flag where that is not its name with dashes.
        switch: its flag has no --no-; for what a file never asks for.
    """
    about = {"low": low, "high": high, "needed": needed}
    shown = {"metavar": metavar, "flag": flag, "switch": switch}
    return field(default=default, metadata=about | shown)


@dataclass(frozen=True)
class Leaf:
    """All that is known of one setting.

    Args:
        name: of the field.
        owner: the class that declares it.
        hint: its type.
        default: its value where none is given.
        help: the literal below it.
        low: smallest value.
        high: largest value.
        needed: no run starts without it.
        metavar: word for its value in `--help`.
        flag: its flag where that is not its name with dashes.
        switch: its flag has no --no-.
        section: name of its section in a config.
    """

    name: str
    owner: type[Section]
    hint: Any
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    needed: bool = False
    metavar: str = ""
    flag: str = ""
    switch: bool = False
    section: str = ""

    @property
    def option(self) -> str:
        """Its flag on the command line."""
        return f"--{self.flag or self.name.replace('_', '-')}"

    @property
    def word(self) -> str:
        """Word for its value in `--help`."""
        if self.metavar or self.choices:
            return self.metavar or "NAME"
        words = {int: "N", float: "X", bool: ""}
        return words.get(parts(self.hint)[0], "TEXT")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that it may have, if they are named."""
        return next((get_args(p) for p in parts(self.hint) if _is_literal(p)), ())

    @property
    def about(self) -> str:
        """Its help, with the values that it may have and its default."""
        more = [" | ".join(self.choices)] if self.choices else []
        if self.needed:
            more.append("required")
        elif self.default not in (None, "", ()) and not self.switch:
            default = (
                str(self.default).lower() if fits(True, self.hint) else self.default
            )
            more.append(f"default: {default}")
        return self.help + (f" [{'; '.join(more)}]" if more else "")

    def problem(self, value: Any) -> str | None:
        """Say in a sentence what is wrong with a value, if something is."""
        if not fits(value, self.hint):
            kind = _kind(self.hint)
            return f"`{self.name}` must be {kind}. Received: {self.name}={value!r}"
        if value is None:
            return None
        if not _is_utf8(value):
            return (
                f"`{self.name}` is no UTF-8, and files of settings hold nothing else. "
                f"Received: {self.name}={value!r}"
            )
        if self.choices and value not in self.choices:
            return unknown(f"`{self.name}`", str(value), self.choices)
        within = self.low is None or value >= self.low  # which no NaN is
        if not (within and (self.high is None or value <= self.high)):
            bounds = f"at least {self.low}"
            bounds += "" if self.high is None else f" and at most {self.high}"
            return f"`{self.name}` must be {bounds}. Received: {self.name}={value}"
        return None


def plain(value: Any) -> Any:
    """A value as it is stored: text for paths, tuples for lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return tuple(value) if isinstance(value, list) else value


def _is_utf8(value: Any) -> bool:
    """Tell whether a value can be stored: bytes of a file's name may be no text."""
    texts = value if isinstance(value, tuple) else (value,)
    try:
        "".join(map(str, texts)).encode()
    except UnicodeEncodeError:
        return False
    return True


def parts(hint: Any) -> tuple[Any, ...]:
    """The types that `X` or `X | None` allows."""
    whole = hint == tuple[str, ...] or _is_literal(hint)
    return (hint,) if whole else get_args(hint) or (hint,)


def _is_literal(hint: Any) -> bool:
    return get_origin(hint) is Literal


def _kind(hint: Any) -> str:
    names = {int: "an integer", float: "a number", bool: "a boolean"}
    names[tuple[str, ...]] = "a list of strings"
    return names.get(parts(hint)[0], "a string")


def fits(value: Any, hint: Any) -> bool:
    """Check that a value is of the type that a field is annotated with."""
    allowed = parts(hint)
    if isinstance(value, bool):
        return bool in allowed
    if isinstance(value, tuple):
        listed = all(isinstance(item, str) for item in value)
        return tuple[str, ...] in allowed and listed
    if isinstance(value, str):
        return str in allowed or any(_is_literal(part) for part in allowed)
    numbers = (int, float) if float in allowed else (int,) if int in allowed else ()
    return isinstance(value, numbers) or (value is None and type(None) in allowed)


@dataclass(frozen=True, kw_only=True)
class Section:
    """The base of a group of settings: a dataclass whose fields `setting` makes.

    A subclass may give a field of its base another default: limits and help stay.

    Raises:
        ConfigError: values out of range or that contradict each other, all at once.
    """

    heading: ClassVar[str] = ""
    """What `--help` calls the section."""
    name: ClassVar[str] = ""
    """By which a config chooses it among others."""
    kinds: ClassVar[dict[str, type[Section]]] = {}
    """Classes of which a config has one, by name; empty where there is no choice."""
    _leaves: ClassVar[dict[str, Leaf]]
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of settings of which one may be set; a default yields to another one."""
    first: ClassVar[tuple[str, ...]] = ()
    """Settings that stand before those of the base."""

    def __post_init__(self) -> None:
        problems = self.settle()
        if problems:
            raise ConfigError(joined(problems, what=WHAT))

    def settle(self) -> list[str]:
        """Make lists tuples and paths text; returns what is wrong with the values."""
        table = self.leaves()
        for name in table:
            object.__setattr__(self, name, plain(getattr(self, name)))
        problems = problems_of(table, self.to_json())
        for group in self.exclusive:
            problems += self._keep_one(group)
        return problems or self.contradictions()

    def _keep_one(self, group: tuple[str, ...]) -> list[str]:
        """Let a default yield to another setting of its group."""
        given = [name for name in group if getattr(self, name) is not None]
        chosen = [n for n in given if getattr(self, n) != self.leaves()[n].default]
        if len(chosen) > 1:
            names = " and ".join(f"`{name}`" for name in chosen)
            return [f"{names} exclude each other."]
        for name in given if chosen else ():
            object.__setattr__(
                self, name, getattr(self, name) if name in chosen else None
            )
        return []

    def contradictions(self) -> list[str]:
        """Settings that do not go together, in sentences; each is right by itself."""
        return []

    @classmethod
    def leaves(cls) -> dict[str, Leaf]:
        """List the settings by name, in their order."""
        if "_leaves" not in vars(cls):
            cls._leaves = _read_leaves(cls)
        return cls._leaves

    def to_json(self) -> dict[str, Any]:
        """The settings by name."""
        return {name: getattr(self, name) for name in self.leaves()}

    def replace(self, **changes: Any) -> Self:
        """Make a section that differs in `changes` and is checked."""
        return replace(self, **changes)


def _read_leaves(kind: type[Section]) -> dict[str, Leaf]:
    hints = get_type_hints(kind)
    found = {}
    for about in sorted(fields(kind), key=lambda about: about.name not in kind.first):
        name = about.name
        owners = [
            base for base in kind.__mro__ if name in inspect.get_annotations(base)
        ]
        rules = [vars(base)["__dataclass_fields__"][name].metadata for base in owners]
        help = next(filter(None, (texts(base).get(name) for base in owners)), "")
        found[name] = Leaf(
            *(name, owners[-1], hints[name], about.default, help),
            **next(filter(None, rules), {}),
        )
    return found


def texts(kind: type) -> dict[str, str]:
    """The literals below the fields of a class."""
    return _texts_of_module(kind.__module__).get(kind.__qualname__, {})


@functools.cache
def _texts_of_module(name: str) -> dict[str, dict[str, str]]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError):
        return {}  # typed at a prompt: there is no source
    return {
        node.name: {
            above.target.id: inspect.cleandoc(below.value.value).replace("\n", " ")
            for above, below in zip(node.body, node.body[1:], strict=False)
            if isinstance(above, ast.AnnAssign)
            and isinstance(above.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def documented(kind: type[Kind]) -> type[Kind]:
    """Add the help of every field to a section's docstring, which `help()` shows."""
    kind.__doc__ = with_arguments(kind.__doc__, kind.leaves().values())
    return kind


def with_arguments(text: str | None, leaves: Iterable[Leaf]) -> str:
    """Add the help of settings to a docstring as its arguments."""
    lines = [f"    {f.name}: {f.help[:1].lower()}{f.help[1:]}" for f in leaves]
    return "\n".join([inspect.cleandoc(text or ""), "", "Args:", *lines])


def problems_of(table: Mapping[str, Leaf], values: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the values of known settings, in sentences."""
    found = (table[name].problem(value) for name, value in values.items())
    return [problem for problem in found if problem]
