"""`tfner compare`: models and files of predictions against each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

GOLD = "anna\tB-PER\nlives\tO\nin\tO\nparis\tB-LOC\n\nrome\tB-LOC\n"
FIRST = "anna\tO\nlives\tO\nin\tO\nparis\tB-PER\n\nrome\tB-LOC\n"
SECOND = "anna\tB-PER\nlives\tB-PER\nin\tO\nparis\tB-LOC\n\nrome\tO\n"


@pytest.fixture
def files(tmp_path) -> list:
    paths = []
    for name, text in (("first", FIRST), ("second", SECOND), ("gold", GOLD)):
        path = tmp_path / f"{name}.conll"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def test_every_change_is_counted_with_its_verdict(tfner, files) -> None:
    found = json.loads(tfner("compare", *files, "--json").out)
    changes = {
        (kind, verdict): count
        for kind, verdicts in found["changes"].items()
        for verdict, count in verdicts.items()
        if count
    }
    assert changes == {
        ("gained", "better"): 1,
        ("gained", "worse"): 1,
        ("retyped", "better"): 1,
        ("lost", "worse"): 1,
    }
    assert found["difference"] == pytest.approx(4 / 6 - 2 / 5)
    assert 0 < found["p_value"] <= 1


def test_a_side_against_itself_differs_in_nothing(tfner, files) -> None:
    result = tfner("compare", files[0], files[0], files[2])
    assert result.code == 0
    assert "+0.0000" in result.out
    assert "p = 1.0000" in result.out


def test_models_are_sides_too(tfner, toy_bundle, toy_corpus, tmp_path) -> None:
    page = tmp_path / "page.html"
    gold = toy_corpus / "dev.conll"
    result = tfner("compare", toy_bundle, gold, gold, "--html", page)
    assert result.code == 0, result.err
    assert page.read_text("utf-8").endswith("</html>\n")
    assert "exists" in tfner("compare", gold, gold, gold, "--html", page).sentence


def test_a_model_that_has_changed_is_a_side_on_request(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    changed = Path(shutil.copytree(toy_bundle, tmp_path / "changed"))
    (changed / "metrics.json").write_text("{}")
    gold = toy_corpus / "dev.conll"
    sides = ("compare", changed, gold, gold)
    assert "metrics.json has changed" in tfner(*sides).sentence
    assert tfner(*sides, "--no-verify").code == 0


def test_an_encoder_is_for_models_without_one(tfner, toy_bundle, files) -> None:
    sides = ("compare", toy_bundle, files[0], files[2])
    message = tfner(*sides, "--encoder", "elsewhere").sentence
    assert "neither side is a model that was saved without its encoder" in message
    assert "--encoder elsewhere" in message


def test_sides_of_other_texts_are_refused(tfner, files, toy_corpus) -> None:
    other = toy_corpus / "dev.conll"
    message = tfner("compare", other, files[1], files[2]).sentence
    assert "must be the same, in the same order" in message


def test_directories_of_a_corpus_are_sides_too(tfner, files, tmp_path) -> None:
    for name in ("first", "second", "gold"):
        target = tmp_path / name
        source = tmp_path / f"{name}.conll"
        assert tfner("corpus", "convert", source, target, "--to", "brat").code == 0
    sides = [tmp_path / name for name in ("first", "second", "gold")]
    found = json.loads(tfner("compare", *sides, "--json").out)
    assert found["difference"] == pytest.approx(4 / 6 - 2 / 5)
