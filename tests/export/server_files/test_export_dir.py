"""What lies in EXPORT_DIR fits all models there, and loses nothing of a person's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from tfner.errors import StorageError
from tfner_export.server_files.batching import BATCHING, BatchingParameters
from tfner_export.server_files.export_dir import (
    ENVIRONMENT,
    MONITORING,
    prepare,
    update,
)
from tfner_export.server_files.memory import MIB, Sizes, rows_of, server_mib
from tfner_export.server_files.models_config import (
    MODELS_CONFIG,
    ModelServerConfig,
    move_labels,
)
from tfner_export.server_files.text_files import KEPT


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., int]:
    """A version as an export leaves it, without a graph."""

    def publish(
        name: str, number: int, *, rows: int = 30, canary: bool = False, **serving: Any
    ) -> int:
        version = tmp_path / name / str(number)
        (version / "assets").mkdir(parents=True)
        serving = {
            "max_rows": rows,
            "row_bytes": 33 * MIB,
            "weight_bytes": 90 * MIB,
            "batched": True,
            **serving,
        }
        config = json.dumps({"serving": serving})
        (version / "assets" / "config.json").write_text(config, encoding="utf-8")
        prepare(version, tmp_path)
        (version / "saved_model.pb").touch()
        return update(tmp_path, name, canary=canary)

    return publish


def read(path: Path, kind: Any) -> Any:
    return text_format.Parse(path.read_text(encoding="utf-8"), kind())


def model(folder: Path, name: str) -> Any:
    config = read(folder / MODELS_CONFIG, ModelServerConfig)
    (entry,) = (e for e in config.model_config_list.config if e.name == name)
    return entry


def labels(folder: Path, name: str = "chunk") -> tuple[int, int, int]:
    entry = model(folder, name)
    found = dict(entry.version_labels)
    latest = entry.model_version_policy.latest.num_versions
    return found["stable"], found["canary"], latest


def test_every_export_moves_both_labels_but_a_canary_one(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1, canary=True)  # there is nothing else that could be stable
    assert labels(tmp_path) == (1, 1, 2)
    publish("chunk", 2)
    # The first version stays loaded until the labels have moved.
    assert labels(tmp_path) == (2, 2, 2)
    publish("chunk", 3, canary=True)
    assert labels(tmp_path) == (2, 3, 3)
    publish("chunk", 4, canary=True)
    assert labels(tmp_path) == (2, 4, 4)
    publish("chunk", 5)
    assert labels(tmp_path) == (5, 5, 2)


def test_a_label_of_a_version_that_is_gone_moves(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1)
    (tmp_path / "chunk" / "1" / "saved_model.pb").unlink()
    publish("chunk", 2, canary=True)
    assert labels(tmp_path) == (2, 2, 2)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=9))
def test_the_policy_keeps_what_the_labels_name_until_they_can_move(
    exports: list[tuple[bool, int]],
) -> None:
    """The server loads a version first, and takes the labels some polls later."""
    config = ModelServerConfig()
    entry = config.model_config_list.config.add()
    for number, (canary, promoted) in enumerate(exports, 1):
        kept = entry.model_version_policy.latest.num_versions
        versions = range(1, number + 1)
        loaded = versions[-kept:] if kept else versions
        assert set(entry.version_labels.values()) <= set(loaded)
        move_labels(entry, versions, canary=canary)
        if entry.version_labels["stable"] < promoted <= number:
            entry.version_labels["stable"] = promoted  # by a person
        assert entry.version_labels["canary"] == number


def test_all_models_of_the_directory_are_listed(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1)
    publish("nested", 7, batched=False)
    (tmp_path / "notes").mkdir()
    (tmp_path / ".files.0.part").mkdir()
    publish("chunk", 2)
    config = read(tmp_path / MODELS_CONFIG, ModelServerConfig)
    entries = config.model_config_list.config
    assert [(e.name, e.base_path, e.model_platform) for e in entries] == [
        ("chunk", "/models/chunk", "tensorflow"),
        ("nested", "/models/nested", "tensorflow"),
    ]
    assert labels(tmp_path) == (2, 2, 2)
    assert labels(tmp_path, "nested") == (7, 7, 2)
    # The server joins no requests to a model without such a file.
    assert (tmp_path / "chunk" / "2" / "batching_params.pbtxt").is_file()
    assert not (tmp_path / "nested" / "7" / "batching_params.pbtxt").exists()


def test_what_a_person_changed_stays(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1)
    path = tmp_path / MODELS_CONFIG
    config = read(path, ModelServerConfig)
    (chunk,) = config.model_config_list.config
    chunk.base_path = "/srv/chunk"
    chunk.model_version_policy.specific.versions.append(1)
    chunk.logging_config.sampling_config.sampling_rate = 0.5
    sampling = chunk.logging_config.sampling_config.per_task_sampling_configs
    sampling.add(task_index=0, sampling_rate=1)
    config.model_config_list.config.add(name="ranking", base_path="s3://b/ranking")
    path.write_text(f"{KEPT}\n{config}", encoding="utf-8")
    publish("chunk", 2)
    after = read(path, ModelServerConfig)
    chunk.version_labels["stable"] = chunk.version_labels["canary"] = 2
    assert after == config


@pytest.mark.parametrize("name", [MODELS_CONFIG, BATCHING])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.partition("\n")[2], "is not kept by tfner"),
        (lambda text: text + "# 17 is the good one", "has comments of others"),
        (lambda text: text + "surprise: 1", "cannot be read"),
        (lambda text: text + "}", "cannot be read"),
    ],
)
def test_a_file_that_a_person_keeps_is_left_alone(
    tmp_path: Path,
    publish: Callable[..., int],
    caplog: pytest.LogCaptureFixture,
    name: str,
    change: Callable[[str], str],
    message: str,
) -> None:
    publish("chunk", 1, rows=30)
    path = tmp_path / name
    path.write_text(change(path.read_text("utf-8")), encoding="utf-8")
    kept = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        publish("chunk", 2, rows=3)
    assert path.read_bytes() == kept
    assert f"{path} {message}" in caplog.text


def test_batches_suit_the_model_that_allows_the_fewest_rows(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1, rows=30)
    path = tmp_path / BATCHING
    text = path.read_text(encoding="utf-8").replace("2000", "500")
    path.write_text(text + "allowed_batch_sizes: [4, 16, 30]", encoding="utf-8")
    publish("large", 1, rows=8)
    parameters = read(path, BatchingParameters)
    assert parameters.max_batch_size.value == 8
    assert list(parameters.allowed_batch_sizes) == [4, 8]
    assert parameters.batch_timeout_micros.value == 500
    assert parameters.pad_variable_length_inputs
    publish("chunk", 2, rows=30)
    own = tmp_path / "chunk" / "2" / "batching_params.pbtxt"
    one = read(own, BatchingParameters)
    assert one.max_batch_size.value == 30  # its own, where each model has one
    assert one.batch_timeout_micros.value == 500
    assert one.pad_variable_length_inputs
    assert not one.HasField("num_batch_threads")


def test_dangerous_parameters_are_named(
    tmp_path: Path, publish: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    publish("chunk", 1)
    parameters = (
        "max_batch_size { value: 99 } enable_large_batch_splitting { value: 1 }"
    )
    (tmp_path / BATCHING).write_text(parameters, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        publish("chunk", 2)
    for part in ("large_batch_splitting: rows get", "set pad_variable", "99 rows"):
        assert part in caplog.text
    fresh = read(tmp_path / "chunk" / "2" / "batching_params.pbtxt", BatchingParameters)
    assert not fresh.HasField("enable_large_batch_splitting")


def test_the_memory_is_that_of_all_models(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    # 256 + 3 * 90 + 2 * 30 * 33 = 2506
    assert publish("chunk", 1) == 2600
    # 256 + 3 * 180 + 2 * 30 * 33 = 2776: batches of the two share their threads.
    assert publish("nested", 1) == 2800
    text = (tmp_path / ENVIRONMENT).read_text(encoding="utf-8")
    assert text.endswith("\nSERVER_MEMORY_MIB=2800\n")
    path = tmp_path / BATCHING
    parameters = read(path, BatchingParameters)
    parameters.num_batch_threads.value = 4
    path.write_text(f"{KEPT}\n{parameters}", encoding="utf-8")
    assert publish("chunk", 2) == 4800


def test_rows_are_as_many_as_the_memory_of_a_batch_holds() -> None:
    assert rows_of(33 * MIB) == 31
    assert rows_of(1) == 64
    assert rows_of(4096 * MIB) == 1
    assert server_mib([], 2) == 300
    assert server_mib([Sizes(0, 10 * MIB, 10)], 1) == 400


def test_monitoring_is_written_once(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    publish("chunk", 1)
    (tmp_path / MONITORING).write_text("prometheus_config { }", encoding="utf-8")
    publish("chunk", 2)
    assert (tmp_path / MONITORING).read_text("utf-8") == "prometheus_config { }"


def test_models_of_other_programs_do_not_stop_an_export(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    for name, config in (("a", "{"), ("b", "[]"), ("c", '{"serving": {}}')):
        assets = tmp_path / name / "3" / "assets"
        assets.mkdir(parents=True)
        (assets / "config.json").write_text(config, encoding="utf-8")
        (assets.parent / "saved_model.pb").touch()
    assert publish("chunk", 1) == 2600
    assert labels(tmp_path, "b") == (3, 3, 2)


def test_a_file_that_cannot_be_written_is_named_beside_the_version(
    tmp_path: Path, publish: Callable[..., int]
) -> None:
    (tmp_path / MODELS_CONFIG).mkdir()
    with pytest.raises(StorageError, match="new version of chunk is published") as info:
        publish("chunk", 1)
    assert str(info.value.path).endswith(MODELS_CONFIG)
