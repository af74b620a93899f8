"""The manual's clients run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Exported

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [DOCS / "serving.md", DOCS / "serving" / "clients.md"]
BLOCKS = [
    (page.name, code)
    for page in PAGES
    for code in re.findall(
        r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S
    )
]


def test_there_are_clients_of_every_kind() -> None:
    together = "".join(code for _, code in BLOCKS)
    for name in ("Predictor.load", "AsyncPredictor.load", "ServingClient("):
        assert name in together


@pytest.mark.parametrize(("page", "code"), BLOCKS)
def test_the_manuals_clients_find_the_entities_of_the_bundle(
    page: str,
    code: str,
    tagger: Exported,
    tagger_server: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tagger.bundle.selftest.texts[0]
    code = code.replace("localhost:8500", tagger_server.grpc)
    code = code.replace("exports/chunk", str(tagger.directory.parent))
    code = code.replace("play some jazz", text).replace("show me films", text)
    # The tiny model has shorter rows and fewer pieces.
    code = code.replace("(1, 512)", "(1, 64)").replace(
        "101, 2377, 2070, 102", "2, 5, 6, 3"
    )
    exec(compile(code, page, "exec"), {"__name__": "client"})
    printed = capsys.readouterr().out
    if "ServingClient" in code:
        assert re.search(r"'?(O|[BI]-(PER|LOC))'?", printed)
        return
    for entity in tagger.bundle.selftest.entities[0]:
        place = f"start={entity.start}, end={entity.end}, label={entity.label!r}"
        assert place in printed
