"""What the first layout of the code wrote (commit e8b7cf5) still works.

`golden/e8b7cf5` holds tiny models that it trained on the toy corpus: bundles, exports,
a `.keras` file, and a run that was killed after the third of six epochs.
"""

from __future__ import annotations

import tarfile
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tfner import Bundle, Predictor, TrainConfig, train
from tfner.config.train import read_settings
from tfner.errors import ConfigError

GOLDEN = Path(__file__).parent / "golden" / "e8b7cf5"
TASKS = ("token", "span")


def unpack(name: str, folder: Path) -> Path:
    with tarfile.open(GOLDEN / f"{name}.tar.xz") as archive:
        # Python before 3.11.4, as Debian 12 has it, knows no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("bundles", tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("exports", tmp_path_factory.mktemp("exports"))


@pytest.mark.parametrize("task", TASKS)
def test_a_bundle_gives_the_entities_that_it_gave(bundles: Path, task: str) -> None:
    stored = Bundle.load(bundles / task).selftest
    assert sum(len(entities) for entities in stored.entities) > 8
    Predictor.load(bundles / task, verify=True)


@pytest.mark.parametrize("task", TASKS)
def test_the_settings_of_a_run_are_read_once_two_are_called_by_their_new_names(
    bundles: Path, tmp_path: Path, task: str
) -> None:
    text = (bundles / task / "run.toml").read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_settings(bundles / task / "run.toml", [], {})
    problems = str(caught.value).splitlines()[1:]
    assert [line.partition("run.toml: ")[2] for line in problems] == [
        "`borders` is now `misaligned`.",
        "`warmup` is now `warmup_ratio`.",
    ]
    renamed = text.replace("borders =", "misaligned =").replace(
        "warmup =", "warmup_ratio ="
    )
    (tmp_path / "run.toml").write_text(renamed, encoding="utf-8")
    config = TrainConfig(**read_settings(tmp_path / "run.toml", [], {}))
    assert config.task.name == task
    tables = tomllib.loads(text).values()
    record = {name: value for table in tables for name, value in table.items()}
    columns = {"word_column": 0, "tag_column": -1}  # then the defaults
    former = TrainConfig.from_record(record)
    assert (former.optimizer.recipe, former.optimizer.patience) == ("published", 0)
    assert config == former.replace(**columns, recipe="auto", patience=None)


@pytest.mark.parametrize("task", TASKS)
def test_a_saved_model_gives_the_entities_of_its_bundle(
    bundles: Path, exports: Path, task: str
) -> None:
    expected = Bundle.load(bundles / task).selftest
    predictor = Predictor.load(exports / f"{task}_export" / "chunk")
    given = predictor.predict(expected.texts)
    assert [document.entities for document in given] == [
        tuple(entities) for entities in expected.entities
    ]


def test_a_keras_file_holds_the_model_of_its_bundle(bundles: Path) -> None:
    import keras

    import tfner.models  # noqa: F401 - makes its classes known to Keras

    loaded = keras.saving.load_model(bundles / "token.keras")
    model = Bundle.load(bundles / "token").load_model()
    for one, other in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_an_unfinished_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(unpack("unfinished", tmp_path))
    config = TrainConfig(
        train="corpus/train.conll",
        dev="corpus/dev.conll",
        encoder="encoder",
        max_length=32,
        batch_size=8,
        epochs=6,
        learning_rate=3e-3,
        jit_compile=False,
        output="unfinished",
        resume=True,
    )
    history = train(config).metrics["history"]
    assert len(history) == 6
    assert history[2]["dev_f1"] == pytest.approx(0.45)
    monkeypatch.chdir(tmp_path)
    former = config.replace(recipe="published", resume=False)
    whole = train(former.replace(output="whole")).metrics["history"]
    assert history[-1]["dev_f1"] == pytest.approx(whole[-1]["dev_f1"])
    assert history[-1]["loss"] == pytest.approx(whole[-1]["loss"], rel=1e-5)
