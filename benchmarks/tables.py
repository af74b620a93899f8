"""Writes `benchmarks/README.md`: its template, filled with the results.

    python -m benchmarks.tables

`README.template.md` names a figure by result file and keys, with its format:
`{mit_movie[summary][tfner][f1]:.3f}`. A line that begins with `each` stands for a row
of every entry: `each readers[formats]: | {key} | {row[slowest_seconds]:.1f} |`. A test
says so when the page is old.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

HERE = Path(__file__).resolve().parent
README, TEMPLATE = HERE / "README.md", HERE / "README.template.md"
EACH = re.compile("^each (?P<entries>[^:]+): (?P<row>.+)$", re.MULTILINE)
FOLDERS = ("accuracy", "speed", "serving", "pretraining", "robustness")


def main() -> None:
    """Write the page."""
    README.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the whole page."""
    results = {path.stem: load(path) for path in (HERE / "results").glob("*.json")}
    lists = {folder: scripts(folder) for folder in FOLDERS}

    def rows(found: re.Match[str]) -> str:
        entries, _ = Formatter().get_field(found["entries"], (), results)
        lines = [
            found["row"].format(key=key, row=row)
            for key, row in sorted(entries.items())
        ]
        return "\n".join(lines)

    template = EACH.sub(rows, TEMPLATE.read_text(encoding="utf-8"))
    return template.format(scripts=lists, **results)


def scripts(folder: str) -> str:
    """List the scripts of a folder, each with the first line of its docstring."""
    lines = ["| script | |", "|---|---|"]
    for path in sorted((HERE / folder).glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = docstring.partition("\n")[0]
        lines.append(f"| [{path.name}]({folder}/{path.name}) | {first} |")
    return "\n".join(lines)


def load(path: Path) -> dict[Any, Any]:
    """Read a result, and list its seeds; a template cannot."""
    text = path.read_text(encoding="utf-8")
    record: dict[Any, Any] = json.loads(text, object_hook=with_numbers)
    if isinstance(record.get("runs"), list):
        record["seeds"] = ", ".join(str(run.get("seed")) for run in record["runs"])
    return record


def with_numbers(pairs: dict[str, Any]) -> dict[Any, Any]:
    """Make integers of the keys that are, as `str.format` looks them up."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs.items()}


if __name__ == "__main__":
    main()
