"""Print what a gateway in front of a server needs: all of tfner's but what runs models.

Usage: python gateway_requirements.py [SETUP_CFG]
"""

from __future__ import annotations

import configparser
import re
import sys

UNUSED = {"keras", "matplotlib", "tensorflow"}
"""A gateway with --backend tokenizes and decodes alone."""
EXTRAS = ("serve", "client")


def main(path: str = "setup.cfg") -> None:
    """Print one requirement a line."""
    settings = configparser.ConfigParser()
    settings.read(path, encoding="utf-8")
    extras = settings["options.extras_require"]
    parts = [settings["options"]["install_requires"], *(extras[e] for e in EXTRAS)]
    lines = "\n".join(parts).splitlines()
    for line in lines:
        name = re.match(r"[\w-]*", line.strip())
        if name and name[0] and name[0] not in UNUSED:
            sys.stdout.write(f"{line.strip()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
