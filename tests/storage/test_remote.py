"""Everything that is read or written may lie on a file system of `tf.io.gfile`.

`ram://` stands for all of them: it lies in this process, and knows no directories
that were not made.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.lib.io import file_io

from tfner.cli.main import main
from tfner.config.train import TrainConfig
from tfner.corpus import read_corpus, write_corpus
from tfner.errors import (
    BundleError,
    ConfigError,
    CorpusError,
    StorageError,
    TrainingError,
)
from tfner.finetuning import run
from tfner.finetuning.train import output_of, train
from tfner.inference.bundle import Bundle
from tfner.inference.label_files import read_labels
from tfner.inference.loading import open_bundle
from tfner.inference.predictor import Predictor
from tfner.inference.weights import WEIGHTS
from tfner.pretraining.dataset.manifest import load_manifest
from tfner.storage import remote
from tfner.storage.atomic import whole_directory, whole_file
from tfner.storage.lines import open_bytes
from tfner.tokenization import load_tokenizer

TEXT = "anna lives in paris"


@pytest.fixture(autouse=True)
def children_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ram://` lists `assets.extra` as a child `.extra` of `assets`; others do not."""
    listed = file_io.list_directory_v2
    monkeypatch.setattr(
        file_io,
        "list_directory_v2",
        lambda path: [n for n in listed(path) if tf.io.gfile.exists(f"{path}/{n}")],
    )


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """A remote directory of this test alone."""
    directory = "ram://bucket/" + re.sub(r"\W", "-", request.node.name)
    tf.io.gfile.makedirs(directory)
    yield directory
    remote.remove(directory)


@pytest.fixture(scope="module")
def settings(toy_settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Settings of a run whose corpora and encoder are remote."""
    far = "ram://inputs/toy"
    encoder = f"{far}/encoder"
    remote.publish(Path(toy_settings["encoder"]), encoder)
    changed = {"encoder": encoder}
    for part in ("train", "dev"):
        changed[part] = f"{far}/{part}.conll"
        remote.put(Path(toy_settings[part]), changed[part])
    yield toy_settings | changed
    remote.remove("ram://inputs")


@pytest.fixture(scope="module")
def local_run(toy_settings, tmp_path_factory) -> Bundle:
    """The same run, all of it on this machine."""
    output = tmp_path_factory.mktemp("local_run") / "model"
    return train(TrainConfig(**toy_settings | {"output": str(output)}))


@pytest.fixture(scope="module")
def trained(settings) -> Iterator[str]:
    """A remote model."""
    output = "ram://models/trained"
    train(TrainConfig(**settings | {"output": output}))
    yield output
    remote.remove("ram://models")


def write(path: str, content: bytes) -> str:
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)
    return path


def names(directory: str) -> set[str]:
    return {
        f"{place}/{name}".removeprefix(f"{directory}/")
        for place, _, found in tf.io.gfile.walk(directory)
        for name in found
    }


def same_weights(one: Bundle, other: Bundle) -> bool:
    pairs = zip(
        one.load_model().get_weights(), other.load_model().get_weights(), strict=True
    )
    return all(np.array_equal(a, b) for a, b in pairs)


class Stop(Exception):
    """The run is interrupted."""


def stop_at(words: str) -> Callable[[str], None]:
    def hear(message: str) -> None:
        if message.startswith(words):
            raise Stop

    return hear


def test_a_path_object_means_what_its_text_meant() -> None:
    path = Path("gs://bucket") / "model"
    assert remote.is_remote(path)
    assert remote.address(path) == "gs://bucket/model"
    assert not remote.is_remote(Path("data/train.conll"))
    assert not remote.is_remote("C:/data/train.conll")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_remote_corpus_is_read_and_written_as_a_local_one(
    place, tmp_path, toy_corpus, ending
) -> None:
    documents = list(read_corpus(toy_corpus / "dev.conll"))
    far, here = f"{place}/dev.jsonl{ending}", str(tmp_path / f"dev.jsonl{ending}")
    write_corpus(documents, far)
    write_corpus(documents, here)
    assert list(read_corpus(far)) == list(read_corpus(here))
    with open_bytes(far) as one, open_bytes(here) as other:
        assert one.read() == other.read()


def test_a_corpus_is_read_without_being_held(place) -> None:
    path = write(f"{place}/broken.txt", b"one\n" * 1000 + b"\xff\n")
    lines = read_corpus(path, format="text")
    assert next(lines).text == "one"
    with pytest.raises(CorpusError, match=r"broken\.txt:1001: not UTF-8: byte 0xff"):
        list(lines)


def test_what_cannot_be_read_is_one_sentence(place) -> None:
    with pytest.raises(StorageError, match=r"no\.conll: there is nothing of this name"):
        read_corpus(f"{place}/no.conll")
    with pytest.raises(StorageError, match="has no file system s3:// here"):
        read_corpus("s3://bucket/train.conll")
    with pytest.raises(StorageError, match="cannot be read: this is a directory"):
        read_corpus(place, format="conll")
    damaged = write(f"{place}/damaged.txt.gz", gzip.compress(b"text\n" * 99)[:-9])
    with pytest.raises(CorpusError, match="damaged or no gzip"):
        list(read_corpus(damaged, format="text"))
    with pytest.raises(StorageError, match="no-model: there is nothing of this name"):
        Predictor.load(f"{place}/none/no-model")
    with pytest.raises(StorageError, match="has no file system s3:// here"):
        open_bundle("s3://bucket/model")
    with pytest.raises(StorageError, match="there is nothing of this name"):
        load_tokenizer(f"{place}/no-tokenizer")
    with pytest.raises(StorageError, match="there is nothing of this name"):
        read_labels(f"{place}/labels.json")


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (tf.errors.PermissionDeniedError, r"not permitted \(403\). Check the cred"),
        (tf.errors.UnavailableError, "gs://bucket/a: 403."),
    ],
)
def test_what_a_bucket_refuses_is_one_sentence(cause, words) -> None:
    with (
        pytest.raises(StorageError, match=words),
        remote.file_system("gs://bucket/a"),
    ):
        raise cause(None, None, "403\nand more")


def test_a_file_appears_only_when_it_is_whole(place) -> None:
    path = write(f"{place}/a.txt", b"old")
    with suppress(Stop), whole_file(path) as stream:
        stream.write("half")
        raise Stop
    assert names(place) == {"a.txt"}
    assert tf.io.gfile.GFile(path, "rb").read() == b"old"
    with whole_file(path) as stream:
        stream.write("new")
    assert tf.io.gfile.GFile(path, "rb").read() == b"new"
    assert names(place) == {"a.txt"}


def test_what_makes_a_model_is_sent_last_and_removed_first(place, monkeypatch) -> None:
    model, put, sent = f"{place}/model", remote.put, []

    def fails_at_the_end(file: Path, path: Any) -> None:
        sent.append(remote.address(path).removeprefix(f"{model}/"))
        if sent[-1] == "saved_model.pb":
            raise Stop
        put(file, path)

    tf.io.gfile.makedirs(model)
    write(f"{model}/saved_model.pb", b"old")
    monkeypatch.setattr(remote, "put", fails_at_the_end)
    with suppress(Stop), whole_directory(Path(model)) as stage:
        for name in ("saved_model.pb", "assets/config.json", "variables/0", "z"):
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text("new")
    assert sent[-2:] == ["assets/config.json", "saved_model.pb"]
    assert names(model) == {"assets/config.json", "variables/0", "z"}
    with pytest.raises(BundleError, match="model holds no whole model: config"):
        Predictor.load(model)


def test_a_whole_bucket_is_never_replaced(tmp_path) -> None:
    with (
        pytest.raises(StorageError, match="gs://bucket: this is a whole bucket"),
        whole_directory(Path("gs://bucket/")),
    ):
        raise AssertionError
    with pytest.raises(StorageError, match=r"gs://a\.txt: this is a whole bucket"):
        write_corpus([], "gs://a.txt")


@pytest.mark.slow
def test_a_run_on_remote_paths_gives_the_local_model(
    trained, local_run, toy_corpus
) -> None:
    bundle = Bundle.load(trained)
    assert same_weights(bundle, local_run)
    assert bundle.metrics["dev"] == local_run.metrics["dev"]
    assert bundle.config["training"]["output"] == trained
    assert not tf.io.gfile.exists(f"{trained}.training")
    far, here = (
        Predictor.load(trained, verify=True),
        Predictor.load(local_run.directory),
    )
    assert far.predict([TEXT]) == here.predict([TEXT])


def test_a_model_without_its_marker_is_none(trained, place) -> None:
    model = f"{place}/model"
    with whole_directory(Path(model)) as stage:
        remote.fetch(trained, stage)
        (stage / "config.json").unlink()
    with pytest.raises(BundleError, match=f"^{model} holds no whole model"):
        Bundle.load(model)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_elsewhere(settings, local_run, place, heed) -> None:
    output = f"{place}/model"
    config = TrainConfig(**settings | {"output": output})
    with pytest.raises(Stop), heed(stop_at("epoch 1/")):
        train(config)
    kept = {"best.npz", "log.csv", "checkpoint.npz"}
    assert names(f"{output}.training") == {f"seed-0/{name}" for name in kept}
    with pytest.raises(ConfigError, match=r"\.training holds an unfinished run"):
        train(config)
    said: list[str] = []
    with heed(said.append):
        bundle = train(config.replace(resume=True))
    assert "resumed after epoch 1" in said
    assert same_weights(bundle, local_run)
    assert not tf.io.gfile.exists(f"{output}.training")


def test_a_model_that_was_half_sent_is_sent_again(settings, place) -> None:
    config = TrainConfig(**settings | {"output": f"{place}/model"})
    for name in ("model", "model.training"):
        tf.io.gfile.makedirs(f"{place}/{name}")
        write(f"{place}/{name}/{WEIGHTS}", b"")
    with pytest.raises(ConfigError, match="exists and is no model"):
        output_of(config)
    assert (
        remote.address(output_of(config.replace(resume=True))[0].path)
        == f"{place}/model"
    )


def test_a_run_replaces_only_models(settings, place) -> None:
    output = f"{place}/model"
    config = TrainConfig(**settings | {"output": output})
    tf.io.gfile.makedirs(output)
    write(f"{output}/thesis.tex", b"years of work")
    with pytest.raises(ConfigError, match="exists and is no model"):
        train(config.replace(overwrite=True))
    write(f"{output}/config.json", b'{"tfner_schema": 1}')
    with pytest.raises(ConfigError, match=r"finished model\. Add --overwrite"):
        train(config)
    assert names(place) == {"model/thesis.tex", "model/config.json"}


@pytest.mark.slow
def test_trials_and_a_diverged_run_keep_their_models(
    settings, place, monkeypatch
) -> None:
    output = f"{place}/model"
    config = TrainConfig(**settings | {"output": output, "epochs": 1, "trials": 2})
    best = train(config)
    assert {"summary.json", "seed-0/config.json", "seed-1/config.json"} <= names(output)
    assert best.directory.name in ("seed-0", "seed-1")
    train(config.replace(trials=1, overwrite=True))
    assert "config.json" in names(output)
    assert "summary.json" not in names(output)

    class Diverges(run.StopAtNaN):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.epoch == 2:
                raise run.DivergedError("the loss is no number.")

    monkeypatch.setattr(run, "StopAtNaN", Diverges)
    broken = config.replace(output=f"{place}/other", epochs=2, trials=1)
    kept = f"{place}/other.training/seed-0.bundle"
    with pytest.raises(TrainingError, match=f"of epoch 1 is in {kept}"):
        train(broken)
    assert Bundle.load(kept).load_model()
    assert not remote.exists(f"{place}/other.training/seed-0")


def test_an_encoder_that_is_not_there_is_one_sentence(settings, place) -> None:
    config = TrainConfig(**settings | {"output": f"{place}/model"})
    with pytest.raises(StorageError, match="no-encoder: there is nothing of this"):
        train(config.replace(encoder=f"{place}/no-encoder"))
    assert names(place) == set()


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tfner", *arguments])
    # It gives the log a stream that is closed after the test.
    monkeypatch.setattr(logging.getLogger("tfner"), "handlers", [])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_commands_take_remote_paths(
    trained, settings, local_run, place, monkeypatch, capsys
) -> None:
    report, found = f"{place}/report", f"{place}/found.jsonl"
    command(
        monkeypatch,
        *("evaluate", trained, settings["dev"], "--json", "--report", report),
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed["f1"] == local_run.metrics["dev"]["f1"]
    assert {"report.html", "metrics.json"} <= names(report)
    command(monkeypatch, "predict", trained, "--text", TEXT, "--output", found)
    here = Predictor.load(local_run.directory).predict([TEXT])
    assert [d.entities for d in read_corpus(found)] == [d.entities for d in here]
    command(monkeypatch, "corpus", "split", settings["dev"], f"{place}/parts")
    assert names(f"{place}/parts") == {"train.conll", "dev.conll", "test.conll"}


@pytest.mark.slow
def test_exports_are_published_and_loaded_remotely(
    trained, place, monkeypatch, capsys
) -> None:
    expected = Predictor.load(trained).predict([TEXT])
    command(monkeypatch, "export", trained, f"{place}/serving", "--max-length", "32")
    version = capsys.readouterr().err.partition("published ")[2].split()[0]
    assert version.startswith(f"{place}/serving/chunk/")
    assert Predictor.load(f"{place}/serving").predict([TEXT]) == expected
    hf = f"{place}/hf"
    command(monkeypatch, "export", trained, hf, "--format", "huggingface")
    assert Predictor.load(hf).predict([TEXT])[0].entities == expected[0].entities
    google = f"{place}/google"
    command(monkeypatch, "export", trained, google, "--format", "google")
    assert WEIGHTS not in names(google)
    prefix = next(n for n in names(google) if n.endswith(".index"))
    found = Predictor.load(f"{google}/{prefix.removesuffix('.index')}")
    assert found.predict([TEXT])[0].entities == expected[0].entities


def test_pretraining_data_may_be_remote(place: str, pretraining_rows: Path) -> None:
    remote.publish(pretraining_rows, place)
    here, there = load_manifest(pretraining_rows), load_manifest(place)
    assert there.to_json() == here.to_json()
    assert not remote.is_remote(there.directory)
    with pytest.raises(StorageError, match="ram://bucket/nowhere"):
        load_manifest("ram://bucket/nowhere")
