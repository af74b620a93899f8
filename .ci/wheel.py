"""The wheel, with its Software Bill of Materials: python .ci/wheel.py FOLDER.

CycloneDX lists a new environment that holds the wheel and what it asks for. The list
lies in the wheel where PEP 770 puts it, which setuptools cannot do yet.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
NO_SOURCE = shutil.ignore_patterns(".git", "build", "*.egg-info")


def main() -> None:
    """Build and check."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        # A copy: a build folder left in the checkout would be packed too.
        source = shutil.copytree(ROOT, work / "source", ignore=NO_SOURCE)
        run("pip", "wheel", "-qq", "--no-deps", "--wheel-dir", work, source)
        (bare,) = work.glob("*.whl")
        bill = materials(bare, work / "environment")
        run("wheel", "unpack", bare, "--dest", work / "unpacked")
        (info,) = work.glob("unpacked/*/*.dist-info")
        (info / "sboms").mkdir()
        (info / "sboms" / "tfner.cdx.json").write_text(json.dumps(bill, indent=1))
        run("wheel", "pack", info.parent, "--dest-dir", target)
    check(target / bare.name)


def materials(wheel: Path, environment: Path) -> dict[str, Any]:
    """The bill of a wheel: what an installation of it brings along."""
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    run("pip", "--python", python, "install", "-qq", wheel)
    made = run("cyclonedx-py", "environment", "--output-reproducible", python)
    bill: dict[str, Any] = json.loads(made)
    # It is the subject, and its digest would be that of the wheel without the bill.
    (subject,) = (part for part in bill["components"] if part["name"] == "tfner")
    bill["components"].remove(subject)
    del subject["externalReferences"]
    bill["metadata"]["component"] = subject
    return bill


def check(wheel: Path) -> None:
    """End with 1 unless the bill lists all that the wheel asks for."""
    with zipfile.ZipFile(wheel) as archive:
        (place,) = (n for n in archive.namelist() if n.endswith(".cdx.json"))
        bill = json.loads(archive.read(place))
        (metadata,) = (n for n in archive.namelist() if n.endswith("-info/METADATA"))
        asked = BytesParser().parsebytes(archive.read(metadata))
    listed = {canonicalize_name(part["name"]) for part in bill["components"]}
    wanted = map(Requirement, asked.get_all("Requires-Dist", ()))
    missing = {
        canonicalize_name(requirement.name)
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    } - listed
    if missing:
        sys.exit(f"{wheel.name}: {place} lacks {', '.join(sorted(missing))}")
    print(f"{wheel.name}: {place} lists {len(listed)} packages")


def run(*command: object) -> bytes:
    """Run a command; returns what it prints."""
    return subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE
    ).stdout


if __name__ == "__main__":
    main()
