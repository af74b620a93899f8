"""What a result file says of its machine: hardware, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    *("tfner", "tensorflow", "keras", "numpy", "tokenizers", "transformers", "torch"),
    *("fugashi", "ipadic", "onnx", "onnxruntime", "openvino", "nncf"),
    *("keras-hub", "spacy", "ai-edge-litert"),
)
"""Packages whose versions go into a result."""


def environment() -> dict[str, Any]:
    """Return hardware and its load, versions and the commit of this checkout."""
    return {
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "usable_cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 1),
        },
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _versions() -> dict[str, str]:
    installed = {d.name.lower(): d.version for d in metadata.distributions()}
    return {name: installed[name] for name in PACKAGES if name in installed}


def _commit() -> str:
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        ["git", "-C", folder, "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
