"""Make export/tfner_export/saved_model/operators.json from released libraries.

    pip download --no-deps --only-binary=:all: --python-version 39 ...
    python .ci/operators.py 2.6=DIR 2.7=DIR ... > TABLE

Each DIR is an unpacked wheel, 5 minutes and 4 GB for all. The libraries answer by their
C interface, so that no Python of their time is needed.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LIBRARIES = ("libtensorflow_cc.so.2", "python/_pywrap_tensorflow_internal.so")


class Buffer(ctypes.Structure):
    """TF_Buffer of the C interface."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t))


def print_operators(directory: Path) -> None:
    """Write the OpList of one library; each needs a process of its own."""
    framework = directory / "tensorflow" / "libtensorflow_framework.so.2"
    ctypes.CDLL(str(framework), mode=ctypes.RTLD_GLOBAL)
    paths = [directory / "tensorflow" / name for name in LIBRARIES]
    library = ctypes.PyDLL(str(next(path for path in paths if path.exists())))
    library.TF_GetAllOpList.restype = ctypes.POINTER(Buffer)
    found = library.TF_GetAllOpList().contents
    sys.stdout.buffer.write(ctypes.string_at(found.data, found.length))


def operators_of(directory: str) -> list[Any]:
    """The public operators of one library."""
    from tensorflow.core.framework import op_def_pb2

    command = [sys.executable, __file__, directory]
    content = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    listed = op_def_pb2.OpList.FromString(content)
    return sorted(
        (op for op in listed.op if op.name[0].isupper()), key=lambda op: op.name
    )


def values_of(attribute: Any) -> list[str]:
    """The values that an attribute may have; none if any."""
    from tensorflow.core.framework import types_pb2

    allowed = attribute.allowed_values.list
    names = [types_pb2.DataType.Name(number) for number in allowed.type]
    return sorted(names + [text.decode() for text in allowed.s])


def main(libraries: dict[str, str]) -> None:
    """Print the table: what came with which release."""
    table: dict[str, dict[str, Any]] = {
        "operators": {release: [] for release in libraries},
        "attributes": {release: [] for release in libraries},
        "values": {release: {} for release in libraries},
    }
    seen: dict[str, str] = {}

    def note(name: str, release: str, parent: str | None = None) -> bool:
        """Whether a name is new, and newer than what it belongs to."""
        first = seen.setdefault(name, release)
        return first == release and (parent is None or seen[parent] != release)

    for release, directory in libraries.items():
        for op in operators_of(directory):
            if op.name not in seen and note(op.name, release):
                table["operators"][release].append(op.name)
            for attribute in sorted(op.attr, key=lambda found: found.name):
                name = f"{op.name}.{attribute.name}"
                if name not in seen and note(name, release, op.name):
                    table["attributes"][release].append(name)
                for value in values_of(attribute):
                    key = f"{name}={value}"
                    if key not in seen and note(key, release, name):
                        table["values"][release].setdefault(name, []).append(value)
    sys.stdout.write(json.dumps(table, indent=0) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print_operators(Path(sys.argv[1]))
    else:
        main(dict(argument.split("=", 1) for argument in sys.argv[1:]))
