"""Whole runs: what is learnt, kept, repeated and reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tfner.config.train import TrainConfig, read_settings
from tfner.corpus import read_corpus, write_corpus
from tfner.errors import ConfigError
from tfner.finetuning.data import Corpora
from tfner.finetuning.train import run_trials, train
from tfner.finetuning.training_data import make_task
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet


def test_eight_sentences_are_learnt_by_heart(config, toy_corpus, tmp_path) -> None:
    eight = tmp_path / "eight.conll"
    write_corpus(list(read_corpus(toy_corpus / "train.conll"))[:8], eight)
    bundle = train(
        config(
            train=str(eight),
            dev=str(eight),
            epochs=30,
            learning_rate=1e-2,
            dropout=0.0,
            hidden_dropout=0.0,
            attention_dropout=0.0,
        )
    )
    assert bundle.metrics["dev"]["f1"] == 1.0


@pytest.mark.parametrize(
    ("splitter", "words", "used"),
    [
        ("punctuation", None, "gold"),
        ("mecab", None, "own"),
        ("pieces", None, "own"),
        ("mecab", "gold", "gold"),
        ("whitespace", "own", "own"),
    ],
)
def test_languages_without_spaces_are_learnt_on_the_words_that_serving_finds(
    config, splitter, words, used
) -> None:
    chosen = config(word_splitter=splitter, words=words)
    task = make_task(chosen, LabelSet(["PER"]))
    assert task.settings()["words"] == used


def test_the_settings_of_a_bundle_say_whose_words_were_used(runs) -> None:
    settings = read_settings(runs["plain"] / "run.toml", [], {})
    assert settings["words"] == "gold"


@pytest.fixture(scope="module")
def runs(toy_settings, toy_corpus, tmp_path_factory) -> dict[str, Path]:
    """One model three times: plain, from another seed, with test data."""
    folder = tmp_path_factory.mktemp("runs")
    changes = {
        "plain": {},
        "other seed": {"seed": 1},
        "with test": {"test": str(toy_corpus / "test.conll")},
    }
    for name, change in changes.items():
        settings = toy_settings | {"output": str(folder / name)} | change
        train(TrainConfig(**settings))
    return {name: folder / name for name in changes}


def test_another_seed_gives_another_model(runs, weights, same) -> None:
    assert not same(weights(runs["plain"]), weights(runs["other seed"]))


def test_one_seed_gives_one_model_bit_for_bit_with_test_data_or_without(
    runs, weights, same
) -> None:
    assert same(weights(runs["plain"]), weights(runs["with test"]))
    metrics = Bundle.load(runs["with test"]).metrics
    assert metrics["test"]["support"] > 0
    assert "test" not in str(metrics["history"])


def test_a_bundle_holds_its_log_and_settings(runs) -> None:
    log = (runs["plain"] / "log.csv").read_text().splitlines()
    assert {"loss", "dev_loss", "dev_f1"} < set(log[0].split(","))
    assert [line.partition(",")[0] for line in log[1:]] == ["1", "2"]
    assert not list(runs["plain"].parent.glob("*.training"))


@pytest.mark.slow
def test_the_settings_in_a_bundle_give_its_model_again(
    runs, weights, same, tmp_path
) -> None:
    file, output = runs["other seed"] / "run.toml", tmp_path / "again"
    settings = read_settings(file, [], {"output": str(output)})
    train(TrainConfig(**settings))
    assert same(weights(output), weights(runs["other seed"]))


@pytest.fixture(scope="module")
def trials(toy_settings, tmp_path_factory) -> tuple[Path, dict]:
    """Two seeds with held-out sentences, and the report."""
    output = tmp_path_factory.mktemp("trials") / "model"
    output.mkdir()
    (output / "config.json").write_text('{"tfner_schema": 1}')  # an older model
    changes = {"dev": None, "trials": 2, "output": str(output), "overwrite": True}
    return output, run_trials(TrainConfig(**{**toy_settings, **changes}))


@pytest.mark.slow
def test_every_trial_keeps_its_bundle(trials) -> None:
    output, report = trials
    assert sorted(p.name for p in output.iterdir()) == [
        "seed-0",
        "seed-1",
        "summary.json",
    ]
    assert [t["bundle"] for t in report["trials"]] == [
        str(output / "seed-0"),
        str(output / "seed-1"),
    ]
    for number in (0, 1):
        assert (
            Bundle.load(output / f"seed-{number}").config["training"]["seed"] == number
        )


@pytest.mark.slow
def test_the_best_trial_speaks_for_all(trials) -> None:
    output, report = trials
    best = max(report["trials"], key=lambda trial: trial["dev"]["f1"])
    assert (report["bundle"], report["dev"]) == (best["bundle"], best["dev"])
    assert Bundle.load(output).directory == Path(best["bundle"])
    summary = json.loads((output / "summary.json").read_text())
    assert summary["best"] == Path(best["bundle"]).name
    scores = [trial["dev"]["f1"] for trial in report["trials"]]
    assert report["summary"]["dev"]["mean"] == pytest.approx(np.mean(scores))
    assert report["summary"]["dev"]["sd"] == pytest.approx(np.std(scores, ddof=1))


@pytest.mark.slow
def test_the_report_has_what_is_promised(trials) -> None:
    report = trials[1]
    assert report["test"] is None
    assert report["train_sentences_per_second"] > 0
    assert report["compile_seconds"] > 0
    assert 0 < report["filled_positions"] <= 1
    assert json.loads(json.dumps(report)) == report


@pytest.mark.slow
def test_the_settings_of_one_trial_give_that_trial_alone(
    trials, weights, same, tmp_path
) -> None:
    file, output = trials[0] / "seed-1" / "run.toml", tmp_path / "again"
    config = TrainConfig(**read_settings(file, [], {"output": str(output)}))
    assert (
        config.optimizer.seed,
        config.optimizer.trials,
        config.saving.overwrite,
    ) == (1, 1, False)
    train(config)
    assert same(weights(output), weights(trials[0] / "seed-1"))


@pytest.mark.slow
def test_without_dev_the_last_epoch_is_kept(config, heed) -> None:
    said: list[str] = []
    with heed(said.append):
        report = run_trials(config(dev=None, dev_fraction=0.0))
    assert report["dev"] is None
    assert "60 training, 0 dev, 0 test sentences" in said
    assert not any("best epoch" in line or "dev_f1" in line for line in said)
    assert len(Bundle.load(report["bundle"]).metrics["history"]) == 2


def test_a_user_brings_tokenizer_encoder_and_task(
    config, encoder_directory, heed
) -> None:
    import keras

    from tfner.schemes import LabelSet
    from tfner.tasks.token_classification import TokenClassification
    from tfner.tokenization import load_tokenizer

    def encoder() -> keras.Model:
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
        rows = keras.layers.Embedding(1000, 8)(inputs["input_ids"])
        rows = keras.layers.BatchNormalization()(rows)
        return keras.Model(inputs, rows)

    labels = LabelSet(["PER", "ORG", "LOC"])
    task = TokenClassification(load_tokenizer(encoder_directory), labels, max_length=32)
    said: list[str] = []
    with heed(said.append):
        bundle = train(config(encoder="my own"), task=task, encoder=encoder)
    assert "this encoder does not take packed rows: batches are bucketed" in said
    assert bundle.label_set.labels == ("PER", "ORG", "LOC")
    assert Predictor.load(bundle.directory, verify=True)


def test_settings_choose_mecabs_dictionaries(config, tmp_path) -> None:
    from tfner.schemes import LabelSet

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"はがのに"]
    (tmp_path / "vocab.txt").write_text("".join(f"{p}\n" for p in pieces), "utf-8")
    (tmp_path / "user.csv").write_text("晴天なり,1288,1288,1,名詞\n", "utf-8")
    settings = config(
        encoder=str(tmp_path),
        words="own",
        dictionary="ipadic",
        user_dictionary=tmp_path / "user.csv",
    )
    task = make_task(settings, LabelSet(["PER"]))
    assert task.tokenizer.encode("本日は晴天なり").words[-1] == (3, 7)


@pytest.mark.slow
def test_documents_in_memory_are_learnt_as_from_files(
    config, toy_corpus, tmp_path, weights, same
) -> None:
    parts = [list(read_corpus(toy_corpus / f"{p}.conll")) for p in ("train", "dev")]
    files = config(epochs=1)
    memory = files.replace(train="", dev=None, output=str(tmp_path / "memory"))
    bundle = train(memory, corpora=Corpora(*parts))
    assert same(weights(bundle.directory), weights(train(files).directory))
    assert bundle.metrics["dev"]["support"] > 0
    with pytest.raises(ConfigError, match="`train` is not set"):
        train(memory.replace(overwrite=True))
