"""The table of recommended encoders, and what its short names stand for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tfner import recommended as module
from tfner.checkpoints.families import FAMILIES
from tfner.recommended import packaged, recommended, resolve
from tfner.storage.hub import is_hub_id

ENCODERS = recommended()


def test_every_row_names_a_family_that_can_be_read_and_a_hub_id() -> None:
    assert len(ENCODERS) >= 25
    ids = [encoder.hub_id for encoder in ENCODERS.values()]
    assert len(set(ids)) == len(ids)
    for name, encoder in ENCODERS.items():
        assert encoder.family in FAMILIES, name
        assert is_hub_id(encoder.hub_id), name
        assert "/" in encoder.hub_id, name
        assert "/" not in name
        assert encoder.licence in ("Apache-2.0", "MIT", "CC-BY-SA-4.0"), name
        assert encoder.language[0].isupper() or encoder.language == "multilingual"


@pytest.mark.parametrize("name", ENCODERS)
def test_weights_are_more_than_those_of_the_layers(name: str) -> None:
    """Four products of attention and two or three of a feed-forward half each.

    ModernBERT's halves are narrower, which makes up for the third.
    """
    encoder = ENCODERS[name]
    attention = 4 * encoder.width**2
    layers = encoder.layers * (attention + 6 * encoder.width**2) / 1e6
    assert layers < encoder.millions < 8 * layers + 250


def test_languages_stand_together_and_grow() -> None:
    languages = [encoder.language for encoder in ENCODERS.values()]
    changes = [b for a, b in pairwise(languages) if a != b]
    assert len(changes) == len(set(languages)) - 1


def test_a_package_that_is_installed_needs_no_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "some_encoder" / "model"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "PACKAGES", {"minilm": "some_encoder"})
    assert packaged("minilm") is None
    assert resolve("minilm") == ENCODERS["minilm"].hub_id
    folder.mkdir(parents=True)
    assert packaged("minilm") is None
    (folder / "config.json").write_text("{}", "utf-8")
    assert resolve("minilm") == packaged("minilm") == folder
    assert packaged("bert-base") is None


@pytest.mark.parametrize("name", ["owner/model", "nothing", Path("minilm")])
def test_other_names_and_paths_stay_as_they_are(name: str | Path) -> None:
    assert resolve(name) == name
