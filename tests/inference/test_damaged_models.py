"""Damaged models of every kind are read or refused, soon and in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmarks import small_models
from benchmarks.robustness import models
from tfner.errors import BundleError, TfnerError
from tfner.inference.bundle import Bundle

PURE = ("wordpiece", "saved_wordpiece")
"""Kinds that are read without Keras."""
DEAR = (
    *("bundle_softmax", "bundle_crf", "bundle_spans", "bundle_keras"),
    *("huggingface", "torch", "google"),
)


def damage(kind: str, specimen: Path, numbers: range) -> list[Any]:
    """What went wrong with copies of a kind."""
    results = [models.read(kind, specimen, number) for number in numbers]
    return [result for result in results if result["outcome"] not in models.GOOD]


@pytest.fixture(scope="module")
def vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specimens")
    small_models.wordpiece(folder / "wordpiece")
    small_models.saved(folder / "saved_wordpiece", folder / "wordpiece")
    return folder


@pytest.mark.parametrize("kind", PURE)
def test_a_few_damaged_tokenizers(kind: str, vocabularies: Path) -> None:
    assert damage(kind, vocabularies / kind, range(1, 31)) == []


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specimens") / "all"
    small_models.make_all(folder)
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", sorted({*small_models.LOADERS} - {*small_models.EXPORTS})
)
def test_damaged_models(kind: str, all_kinds: Path) -> None:
    if (all_kinds / kind).is_dir():
        count = 40 if kind in DEAR else 150
        assert damage(kind, all_kinds / kind, range(1, count)) == []


def beside(layers: list[Any]) -> None:
    """A layer that is part of nothing."""
    dense = {"config": {"units": 10**6}, "build_config": {"input_shape": [None, 1000]}}
    layers.append({**dense, **named("Dense"), "inbound_nodes": []})


def between(layers: list[Any]) -> None:
    """A layer without weights, which makes a row longer."""
    *_, last = layers
    tensor = {"shape": [None, None, 8], "dtype": "float32"}
    tensor["keras_history"] = ["UpSampling1D", 0, 0]
    after = {"class_name": "__keras_tensor__", "config": tensor}
    more = {"config": {"size": 10**7}, "inbound_nodes": last["inbound_nodes"]}
    layers.insert(-1, {**more, **named("UpSampling1D")})
    last["inbound_nodes"] = [{"args": [after], "kwargs": {}}]


def named(name: str) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": name,
        "name": name,
        "registered_name": None,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (beside, "settings ask for 4,004,0"),
        (between, "numbers of a row of 24 pieces"),
    ],
)
def test_layers_of_keras_that_take_much_memory_are_not_built(
    all_kinds: Path, tmp_path: Path, change: Callable[[list[Any]], None], message: str
) -> None:
    copy = shutil.copytree(all_kinds / "bundle_keras", tmp_path / "copy")
    path = copy / "config.json"
    config = json.loads(path.read_text("utf-8"))
    change(config["model"]["encoder"]["config"]["config"]["layers"])
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(BundleError, match=message):
        Bundle.load(copy).load_model()


def test_what_has_changed_since_it_was_saved_is_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundle.directory, tmp_path / "model"))
    path = folder / "labels.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8"))), "utf-8")
    with pytest.raises(BundleError, match=r"labels\.json has changed.* --no-verify"):
        Bundle.load(folder)
    assert Bundle.load(folder, digests=False).label_set == bundle.label_set
    (folder / "digests.json").unlink()
    assert Bundle.load(folder).label_set == bundle.label_set


SIZES = ("vocab_size", "hidden_size", "num_layers", "intermediate_size")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({"num_heads": value}, "`num_heads` must be") for value in (0, -2, 1.5)),
        *(({name: 10**9}, f"`{name}` must be") for name in SIZES),
        *(({name: "9"}, f"`{name}` must be") for name in SIZES),
        ({"vocab_size": 1 << 24}, "ask for .* bytes of weights"),
        ({"hidden_size": 1 << 16, "embedding_size": None}, "ask for .* bytes of weigh"),
        ({"hidden_dropout": 1.5}, "`hidden_dropout` must be"),
        ({"colour": 1}, "unknown setting of the encoder 'colour'"),
        ({"activation": ["gelu"]}, "`activation` must be a text"),
    ],
    ids=str,
)
def test_an_encoder_that_cannot_be_right_is_not_built(
    copied: Path, settings: dict[str, Any], message: str
) -> None:
    path = copied / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["model"]["encoder"]["config"].update(settings)
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(BundleError, match=message):
        Bundle.load(copied).load_model()


def with_declared_array(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_dataset("more", (1 << 30,), np.float32, chunks=(1 << 20,))


def with_external_array(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_dataset("more", (4,), np.float32, external=[("/etc/passwd", 0, 16)])


def with_link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        first = next(iter(file))
        del file[first]
        file[first] = h5py.ExternalLink("/etc/passwd", "/")


def with_nan(path: Path) -> None:
    def spoil(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            item[...] = np.nan

    with h5py.File(path, "a") as file:
        file.visititems(spoil)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [with_declared_array, with_external_array, with_link, with_nan, cut]
)
def test_weights_that_cannot_be_right_are_one_sentence(
    copied: Path, change: Callable[[Path], None]
) -> None:
    change(copied / "model.weights.h5")
    with pytest.raises(BundleError, match=r"model\.weights\.h5 is damaged") as caught:
        Bundle.load(copied).load_model()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["TorchModuleWrapper", "Lambda", "TFSMLayer"])
def test_layers_that_may_run_code_are_not_made(name: str) -> None:
    from tfner.inference.encoder_config import restore_encoder

    layer = {"module": "keras.layers", "class_name": name, "config": {}}
    record = {"class": "keras", "config": {"config": {"layers": [layer]}}}
    with pytest.raises(TfnerError, match=f"{name}, which may run any code"):
        restore_encoder(record, place="config.json")
