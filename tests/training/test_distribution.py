"""Devices: what is refused, what is the same on several of them, who is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.config.train import TrainConfig
from tfner.errors import ConfigError
from tfner.finetuning.train import train
from tfner.inference.bundle import Bundle
from tfner.training import distribution as module
from tfner.training.distribution import Distribution, distribution, read_cluster

ROOT = Path(__file__).resolve().parents[2]
TWO_WORKERS = {"worker": ["one:1", "two:1"]}
ON_TWO_PROCESSORS = """
import logging, sys
from pathlib import Path
import tensorflow as tf
from tfner.config.train import TrainConfig, read_settings
from tfner.finetuning.train import train
processor, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration()] * 2
)
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
for path in sys.argv[1:]:
    train(TrainConfig(**read_settings(Path(path), [], {})))
"""
AS_WORKER = """
import logging, sys
from pathlib import Path
from tfner.config.train import TrainConfig, read_settings
from tfner.errors import TfnerError
from tfner.finetuning.train import train
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
try:
    train(TrainConfig(**read_settings(Path(sys.argv[1]), [], {})))
except TfnerError as error:
    sys.exit(str(error))
"""
SAME_EVERYWHERE = {
    "dropout": 0.0,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "clip_norm": 0.5,
    "epochs": 2,
    # The gradient of a key bias is rounding alone; Adam would make it large.
    "adam_epsilon": 1e-5,
}


def assert_equal_runs(one: Path, other: Path, weights: Any) -> None:
    """Losses of every epoch and final weights, to 1e-5."""
    histories = [Bundle.load(path).metrics["history"] for path in (one, other)]
    assert len(histories[0]) == len(histories[1])
    for first, second in zip(*histories, strict=True):
        assert first == pytest.approx(second, abs=1e-5)
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_allclose(array, right[name], atol=1e-5, err_msg=name)


def write_settings(config: TrainConfig, path: Path) -> str:
    path.write_text(config.to_toml())
    return str(path)


def on_two_processors(config: TrainConfig, tmp_path: Path) -> str:
    settings = write_settings(config, tmp_path / "two.toml")
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_PROCESSORS, settings],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_replicas_learn_what_one_does(config, tmp_path, weights) -> None:
    one = config(**SAME_EVERYWHERE, ema=0.5)
    two = one.replace(output=str(tmp_path / "two"), strategy="mirrored", accumulate=2)
    train(one)
    said = on_two_processors(two, tmp_path)
    assert "mirrored: 2 replicas" in said
    assert_equal_runs(Path(one.saving.output), Path(two.saving.output), weights)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"jit_compile": True},
        {"layout": "bucketed", "jit_compile": True},
        {"layout": "padded", "recompute": True, "freeze": 0},
        {"layerwise_lr_decay": 0.5, "clip_norm": 0.0},
        {"lora": 4, "jit_compile": True},
    ],
    ids=lambda change: "-".join(change),
)
def test_two_replicas_learn_what_one_does_in_every_way(
    config, tmp_path, weights, change
) -> None:
    one = config(**SAME_EVERYWHERE | change)
    two = one.replace(output=str(tmp_path / "two"), strategy="mirrored")
    train(one)
    on_two_processors(two, tmp_path)
    assert_equal_runs(Path(one.saving.output), Path(two.saving.output), weights)


def free_addresses(count: int) -> list[str]:
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.bind(("localhost", 0))
    addresses = [f"localhost:{free.getsockname()[1]}" for free in sockets]
    for free in sockets:
        free.close()
    return addresses


def start_workers(config: TrainConfig, tmp_path: Path) -> list[subprocess.Popen[str]]:
    settings = write_settings(config, tmp_path / "workers.toml")
    cluster = {"worker": free_addresses(2)}
    return [
        subprocess.Popen(
            [sys.executable, "-c", AS_WORKER, settings],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": "worker", "index": index}}
                ),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


@pytest.mark.slow
def test_two_workers_learn_what_one_does_also_after_one_was_killed(
    config, tmp_path, weights
) -> None:
    one = config(**SAME_EVERYWHERE | {"epochs": 12})
    two = one.replace(
        output=str(tmp_path / "two"), strategy="multi-worker", save_every=1
    )
    train(one)
    workers = start_workers(two, tmp_path)
    wait_for(tmp_path / "two.training" / "seed-0" / "checkpoint.npz")
    workers[1].send_signal(signal.SIGKILL)
    _, complaint = workers[0].communicate(timeout=120)
    assert workers[0].returncode == 1
    assert "another worker has stopped" in complaint.splitlines()[-1]
    workers[1].communicate(timeout=60)
    assert workers[1].returncode == -signal.SIGKILL

    chief, other = start_workers(two.replace(resume=True), tmp_path)
    said, complaint = chief.communicate(timeout=240)
    assert chief.returncode == 0, complaint
    repeated, complaint = other.communicate(timeout=60)
    assert other.returncode == 0, complaint
    assert "epoch" not in repeated
    assert "resumed after epoch" in said
    assert "epoch 12/12" in said
    assert not (tmp_path / "two.training").exists()
    assert_equal_runs(Path(one.saving.output), Path(two.saving.output), weights)


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} was not written")


@pytest.mark.slow
def test_two_workers_end_together_when_dev_stalls(config, tmp_path) -> None:
    """Dev is scored by the chief alone, and the other worker would wait for it."""
    two = config(
        output=str(tmp_path / "two"),
        strategy="multi-worker",
        epochs=9,
        learning_rate=0.0,
        patience=2,
    )
    chief, other = start_workers(two, tmp_path)
    said, complaint = chief.communicate(timeout=240)
    assert chief.returncode == 0, complaint
    _, complaint = other.communicate(timeout=60)
    assert other.returncode == 0, complaint
    assert said.count("no better epoch on dev for 2") == 1
    metrics = Bundle.load(two.saving.output).metrics
    assert (len(metrics["history"]), metrics["best_epoch"]) == (3, 1)


@pytest.mark.slow
def test_an_error_of_the_chief_ends_every_worker(config, tmp_path) -> None:
    (tmp_path / "two.training").mkdir()
    two = config(output=str(tmp_path / "two"), strategy="multi-worker")
    chief, other = start_workers(two, tmp_path)
    complaints = [worker.communicate(timeout=120)[1] for worker in (chief, other)]
    assert "two.training holds an unfinished run" in complaints[0].splitlines()[-1]
    assert "another worker has stopped" in complaints[1].splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no JSON"),
        ("[]", "is of another form"),
        ("{}", "has no 'cluster'"),
        ({"cluster": {}}, "has no 'worker'"),
        ({"cluster": {"worker": [1, 2]}}, "is of another form"),
        ({"cluster": TWO_WORKERS}, "has no 'task'"),
        ({"cluster": TWO_WORKERS, "task": {"type": "worker"}}, "has no 'index'"),
        (
            {"cluster": TWO_WORKERS, "task": {"type": "worker", "index": 2}},
            "has the task index 2; its cluster has 2 workers",
        ),
        (
            {"cluster": TWO_WORKERS, "task": {"type": "worker", "index": "0"}},
            "has the task index '0'",
        ),
        (
            {"cluster": TWO_WORKERS, "task": {"type": "chief", "index": 0}},
            "has the task type 'chief', which is not in its cluster",
        ),
        (
            {
                "cluster": {"worker": ["one:1", "one:1"]},
                "task": {"type": "worker", "index": 0},
            },
            "names an address twice",
        ),
    ],
)
def test_a_malformed_cluster_is_told_with_an_example(
    monkeypatch, text, complaint
) -> None:
    text = text if isinstance(text, str) else json.dumps(text)
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError) as caught:
        distribution("multi-worker")
    assert str(caught.value).startswith(f"TF_CONFIG {complaint}")
    assert module.EXAMPLE in str(caught.value)


def test_the_example_of_a_cluster_is_one(monkeypatch) -> None:
    monkeypatch.setenv("TF_CONFIG", module.EXAMPLE)
    assert read_cluster() == json.loads(module.EXAMPLE)


def test_workers_need_a_cluster(monkeypatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="multi-worker needs TF_CONFIG"):
        distribution("multi-worker")


def test_one_device_is_fine_and_said(monkeypatch, heed) -> None:
    alone = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    for strategy in ("mirrored", "multi-worker"):
        said: list[str] = []
        with heed(said.append):
            assert distribution(strategy).kind == "none"
        assert "there is one device" in said[0]


def test_auto_takes_one_processor_without_a_word(monkeypatch, heed) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    said: list[str] = []
    with heed(said.append):
        found = distribution("auto")
    assert (found.kind, found.is_chief, found.replicas, said) == ("none", True, 1, [])


@pytest.mark.parametrize("name", ["local", "grpc://localhost:1", "no-such-tpu"])
def test_a_tpu_that_does_not_exist_is_told(name) -> None:
    with pytest.raises(ConfigError, match=f"the TPU '{name}' cannot be used: .+ Give"):
        distribution("auto", tpu=name)


def test_a_tpu_contradicts_other_strategies(config) -> None:
    with pytest.raises(ConfigError, match="`tpu` and `strategy` mirrored contradict"):
        config(tpu="local", strategy="mirrored")


def test_several_steps_at_once_are_refused_where_keras_fails() -> None:
    two = Distribution("mirrored", tf.distribute.MirroredStrategy(["CPU:0"]))
    with pytest.raises(ConfigError, match="steps_per_execution=2, strategy=mirrored"):
        two.steps_per_execution(2)
    assert two.steps_per_execution(None) == 1
    assert Distribution("tpu", two.strategy).steps_per_execution(None) == 32


def test_a_tpu_gets_batches_of_one_shape(config, monkeypatch) -> None:
    """One processor stands for the TPU, whose batches need one shape."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    monkeypatch.setattr(module, "connect_tpu", lambda _: strategy)
    monkeypatch.setattr(Distribution, "replicas", 2)
    with pytest.raises(ConfigError, match="a TPU needs batches of one shape"):
        train(config(tpu="local", layout="bucketed"))


def test_keras_cannot_average_the_scalars_of_workers(monkeypatch) -> None:
    """When this fails, Keras can: take `averages_of_workers` out."""
    from keras.src.backend.tensorflow import trainer

    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    monkeypatch.setattr(trainer, "_collective_all_reduce_multi_worker", lambda _: True)
    logs = {"loss": strategy.run(lambda: tf.constant(2.0))}
    with pytest.raises(ValueError, match="Invalid reduction dimension 0"):
        trainer.reduce_per_replica(logs, strategy, "auto")
    with module.averages_of_workers():
        assert float(trainer.reduce_per_replica(logs, strategy, "auto")["loss"]) == 2.0
