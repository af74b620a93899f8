"""`tfner evaluate`: the scores that training reported, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tfner.inference.bundle import Bundle


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "gold.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_corpus_gets_the_scores_of_the_training(
    tfner, toy_bundle, toy_corpus, part
) -> None:
    result = tfner("evaluate", toy_bundle, toy_corpus / f"{part}.conll", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == Bundle.load(toy_bundle).metrics[part]


def test_the_score_as_served_comes_first_where_it_is_another(
    tfner, toy_bundle, tmp_path
) -> None:
    gold = write(tmp_path, "anna\tB-PER\nlives\tO\nin\tO\nparis,\tB-LOC\n")
    table = tfner("evaluate", toy_bundle, gold).out
    assert table.index("As served") < table.index("On the words of the corpus")
    found = json.loads(tfner("evaluate", toy_bundle, gold, "--json").out)
    assert found["f1"] < found["on_corpus_words"]["f1"] == 1
    flags = ["--json", "--convention", "strict"]
    assert "on_corpus_words" not in tfner("evaluate", toy_bundle, gold, *flags).out


def test_people_get_a_table(tfner, toy_bundle, toy_corpus) -> None:
    result = tfner("evaluate", toy_bundle, toy_corpus / "dev.conll")
    assert all(label in result.out for label in ("LOC", "ORG", "PER", "F1"))


def test_the_convention_decides_the_figures(tfner, toy_bundle, toy_corpus) -> None:
    flags = ["--json", "--convention", "partial"]
    result = tfner("evaluate", toy_bundle, toy_corpus / "dev.conll", *flags)
    found = json.loads(result.out)
    assert found["convention"] == "partial"
    assert found["f1"] == found["conventions"]["partial"]["f1"]


def test_a_directory_of_trials_is_a_model(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    shutil.copytree(toy_bundle, tmp_path / "model" / "seed-3")
    (tmp_path / "model" / "summary.json").write_text('{"best": "seed-3"}')
    result = tfner("evaluate", tmp_path / "model", toy_corpus / "dev.conll", "--json")
    assert json.loads(result.out) == Bundle.load(toy_bundle).metrics["dev"]


def test_labels_the_model_lacks_are_missed_only_if_one_says_so(
    tfner, toy_bundle, tmp_path
) -> None:
    gold = write(tmp_path, "anna\tB-PER\nlives\tO\n\nacme\tB-EVENT\n")
    result = tfner("evaluate", toy_bundle, gold)
    assert "labels the model does not have: EVENT" in result.sentence
    assert "--allow-unknown-labels" in result.sentence
    flags = ["--allow-unknown-labels", "--json"]
    found = json.loads(tfner("evaluate", toy_bundle, gold, *flags).out)
    assert found["per_label"]["EVENT"] == {
        **found["per_label"]["EVENT"],
        "recall": 0.0,
        "support": 1,
    }


def test_a_corpus_without_entities_is_announced(tfner, toy_bundle, tmp_path) -> None:
    gold = write(tmp_path, "nothing\tO\nhappened\tO\n")
    result = tfner("evaluate", toy_bundle, gold, "--json")
    assert "no document holds an entity" in result.err
    assert json.loads(result.out)["support"] == 0


def test_words_longer_than_a_window_are_scored(tfner, toy_bundle, tmp_path) -> None:
    gold = write(tmp_path, f"{'q' * 90}\tO\nlives\tO\nin\tO\nparis\tB-LOC\n")
    result = tfner("evaluate", toy_bundle, gold, "--json")
    assert json.loads(result.out)["support"] == 1


def test_the_report_is_written_beside_what_is_there(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    arguments = ["evaluate", toy_bundle, toy_corpus / "dev.conll", "--report", tmp_path]
    (tmp_path / "mine.txt").write_text("keep")
    assert "exists" in tfner(*arguments).sentence
    assert tfner(*arguments, "--overwrite").code == 0
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert {p.name for p in tmp_path.iterdir()} == {
        *("classification_report.txt", "figures", "metrics.json", "mine.txt"),
        *("report.html", "report.md"),
    }
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert Bundle.load(toy_bundle).metrics["dev"].items() <= metrics.items()


def test_the_report_tells_of_training(tfner, toy_bundle, toy_corpus, tmp_path) -> None:
    files = toy_corpus / "dev.conll", toy_corpus / "train.conll"
    arguments = ["evaluate", toy_bundle, files[0], "--train", files[1]]
    assert tfner(*arguments, "--report", tmp_path / "r").code == 0
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    stored = Bundle.load(toy_bundle).metrics
    assert metrics["history"] == stored["history"]
    assert metrics["best_epoch"] == stored["best_epoch"] > 0
    assert metrics["by_novelty"]["seen in training"]["support"] > 0
    text = (tmp_path / "r" / "classification_report.txt").read_text()
    assert f"best epoch {stored['best_epoch']}: train loss" in text


def test_a_report_makes_its_directory(tfner, toy_bundle, toy_corpus, tmp_path) -> None:
    place = tmp_path / "a" / "b"
    result = tfner("evaluate", toy_bundle, toy_corpus / "dev.conll", "--report", place)
    assert f"report: {place}" in result.err
    assert (place / "report.html").is_file()


@pytest.mark.parametrize(
    ("model", "file", "flags", "message"),
    [
        ("{model}", "no.conll", [], "no.conll: cannot be read: No such file"),
        ("./nowhere", "{dev}", [], "there is no model at ./nowhere"),
        ("{dev}", "{dev}", [], "dev.conll"),
        ("{model}", "{dev}", ["--convention", "exakt"], "did you mean 'exact'"),
        ("{model}", "{dev}", ["--from", "conl"], "did you mean 'conll'"),
        ("{model}", "{dev}", ["--from-scheme", "IOE2"], "contradicts the scheme"),
        ("{model}", "{dev}", ["--join", "glue"], "glue"),
        ("{model}", "{dev}", ["--tag-column", "7"], "dev.conll"),
        ("{model}", "{dev}", ["--report", "{dev}"], "exists"),
        ("{model}", "{dev}", ["--report", "/proc/report"], "/proc/report"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    tfner, toy_bundle, toy_corpus, model, file, flags, message
) -> None:
    names = {"model": toy_bundle, "dev": toy_corpus / "dev.conll"}
    arguments = [part.format(**names) for part in (model, file, *flags)]
    assert message in tfner("evaluate", *arguments).sentence


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "gold.conll"),
        (b"a\tB-PER\n\xff\tO\n", "gold.conll:2: not UTF-8"),
        (b"a\tB-PER\n\nb\n", "gold.conll:3"),
    ],
)
def test_bad_corpora_are_refused(tfner, toy_bundle, tmp_path, content, message) -> None:
    assert message in tfner("evaluate", toy_bundle, write(tmp_path, content)).sentence


@pytest.mark.parametrize(
    "name", ["config.json", "labels.json", "model.weights.h5", "tokenizer"]
)
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_damaged_models_are_refused(
    tfner, toy_bundle, toy_corpus, tmp_path, name, damage
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(toy_bundle, copy)
    part = copy / name
    if part.is_dir():
        shutil.rmtree(part)
        if damage == "damaged":
            part.write_text("")
    else:
        content = part.read_bytes()[: part.stat().st_size // 2]
        part.unlink()
        if damage == "damaged":
            part.write_bytes(content)
    result = tfner("evaluate", copy, toy_corpus / "dev.conll")
    assert str(copy) in result.sentence


def test_a_raw_text_that_is_not_the_corpus_is_refused(
    tfner, toy_bundle, tmp_path
) -> None:
    path, raw = write(tmp_path, "anna\tB-PER\nlives\tO\n\n"), tmp_path / "a.raw"
    raw.write_text("anna  lives\n")
    result = tfner("evaluate", toy_bundle, path, "--raw-text", raw, "--json")
    assert json.loads(result.out)["support"] == 1
    raw.write_text("anna leaves\n")
    result = tfner("evaluate", toy_bundle, path, "--raw-text", raw)
    assert f"gold.conll:1: 'annalives' is 'annaleaves' in {raw}:1" in result.sentence
