"""Known vulnerabilities of what is installed here, as pip-audit finds them.

Ends with 1 where a newer version is without one of them. Where no service answers, or
one that knows no vulnerabilities (mirrors of PyPI often do not), it says so and ends
with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VULNERABLE = "jinja2==3.1.2"
"""A release with vulnerabilities that every service knows, such as CVE-2024-22195."""
IGNORED: dict[str, str] = {}
"""Identifiers of vulnerabilities that do not concern tfner, each with the reason."""


def main() -> None:
    """Audit this environment."""
    packages = audited("--local", "--skip-editable") if answers() else []
    if not packages:
        print("No vulnerability service answers here: nothing was audited.")
        return
    faults = 0
    for package in packages:
        for found in package.get("vulns", ()):
            known = IGNORED.get(found["id"])
            fixed = " or ".join(found["fix_versions"])
            faults += bool(fixed) and known is None
            remedy = known or (f"install {fixed}" if fixed else "no fix yet")
            print(f"{package['name']} {package['version']}: {found['id']}: {remedy}")
    print(f"{len(packages)} packages audited; vulnerabilities to mend: {faults}")
    sys.exit(faults > 0)


def answers() -> bool:
    """Whether a service tells of a vulnerability that it must know."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(VULNERABLE)
        asked = audited("--no-deps", "--disable-pip", "--requirement", requirements)
    return any(package.get("vulns") for package in asked)


def audited(*arguments: object) -> list[dict[str, Any]]:
    """What pip-audit says of each package; nothing where it reached no service."""
    command = ["pip-audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True
    )
    if done.stdout:
        return list(json.loads(done.stdout)["dependencies"])
    print(done.stderr.strip().rpartition("\n")[-1], file=sys.stderr)
    return []


if __name__ == "__main__":
    main()
