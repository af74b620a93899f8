"""The versions of a model that lie in a directory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfner.errors import ConfigError
from tfner.storage.remote import is_remote

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
MARKERS = ("saved_model.pb", "config.json", "summary.json", "assets/config.json")
"""Of these a directory holds at least one, or it is no model."""
ONLY = "1"
"""Version of a model that has none."""

Print = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Source:
    """A place of the versions of a model.

    Args:
        name: by which clients ask for it.
        place: a model, or a directory of versions.
    """

    name: str
    place: str

    @classmethod
    def parse(cls, argument: str) -> Source:
        """Read `NAME=DIR` or `DIR`, whose last part is the name then.

        Raises:
            ConfigError: the name is none that an address can hold.
        """
        name, equals, place = argument.partition("=")
        if not equals or not NAME.fullmatch(name):
            name, place = _last_name(argument), argument
        if not NAME.fullmatch(name) or not place:
            raise ConfigError(
                "a model's name has letters, digits, dots, dashes and underlines. "
                f"Received: {name!r} of {argument}. Give NAME=DIR."
            )
        return cls(name, place)

    def versions(self) -> dict[str, str]:
        """The places of all versions, by their numbers, the newest last.

        Raises:
            ConfigError: the directory holds versions of several models.
        """
        place = Path(self.place)
        if is_remote(self.place) or not place.is_dir() or _is_model(place):
            number = place.name if place.name.isdigit() else ONLY
            return {number: self.place}
        found = dict(_numbered(place))
        if not found:
            children = {child: dict(_numbered(child)) for child in place.iterdir()}
            models = [child for child, inner in children.items() if inner]
            if len(models) > 1:
                names = ", ".join(sorted(child.name for child in models))
                raise ConfigError(
                    f"{place} holds several models: {names}. Give each as a MODEL of "
                    "its own."
                )
            found = children[models[0]] if models else {ONLY: self.place}
        return dict(sorted(found.items(), key=lambda item: int(item[0])))


def fingerprint(place: str) -> Print:
    """Tell by names, sizes and times whether the files of a version have changed."""
    if not place:
        return ()
    try:
        files = [(path, path.stat()) for path in Path(place).rglob("*")]
    except OSError:  # it is being removed
        return ()
    return tuple(
        sorted((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)
    )


def _is_model(place: Path) -> bool:
    return any((place / marker).is_file() for marker in MARKERS)


def _numbered(place: Path) -> Iterator[tuple[str, str]]:
    """Numbered directories that hold a model, as TensorFlow Serving looks for them."""
    if not place.is_dir():
        return
    for child in place.iterdir():
        if child.name.isdigit() and _is_model(child):
            yield child.name, str(child)


def _last_name(place: str) -> str:
    """The last part of a path that is no number of a version."""
    parts = [part for part in Path(place).absolute().parts if not part.isdigit()]
    return parts[-1]
