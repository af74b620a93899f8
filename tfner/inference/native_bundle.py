"""The directory of a trained model, complete and readable without Keras.

config.json         schema version, task, model and training settings, versions
labels.json         ordered labels and tags, with their digest
tokenizer/          files that need no transformers
model.weights.h5    weights; absent in the assets of a SavedModel
adapters.safetensors
                    in their place what LoRA learned, of a model without its encoder
metrics.json        scores of dev and test, history of the epochs
selftest.json       texts with the entities predicted when the model was saved
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.data.features import POOLED_INPUTS
from tfner.engines import ENGINES
from tfner.errors import (
    BundleError,
    ConfigError,
    unknown,
)
from tfner.inference.adapters import (
    ADAPTERS,
    BASE,
    load_adapters,
    load_base,
    save_adapters,
)
from tfner.inference.bundle import Bundle, SelfTest
from tfner.inference.bundle_files import (
    METRICS_KEYS,
    SELFTEST_RECORDS,
    check_config,
    check_known,
    read_file,
    reading,
)
from tfner.inference.encoder_config import (
    KERAS,
    describe_encoder,
    restore_encoder,
    run_once,
)
from tfner.inference.weights import (
    WEIGHTS,
    check_numbers,
    check_size,
    load_weights,
    save_weights,
)
from tfner.schemes import LabelSet
from tfner.storage.atomic import whole_directory, write_json, write_text
from tfner.storage.digests import write_digests
from tfner.storage.output import Kind
from tfner.storage.publishing import ANYTHING, Version
from tfner.storage.remote import address, local_copy
from tfner.storage.schema import read_record
from tfner.tasks import TASKS, Task
from tfner.tokenization import Tokenizer, load_tokenizer
from tfner.tokenization.files import TOKENIZER_FOLDER

if TYPE_CHECKING:
    import keras


logger = logging.getLogger(__name__)

SCHEMA = 1
CONFIG, LABELS, METRICS = "config.json", "labels.json", "metrics.json"
SUMMARY = "summary.json"
MODEL = Kind("model", {CONFIG: b'"tfner_schema"', SUMMARY: b'"best"'})
RENAMED = {"borders": "misaligned"}
"""Settings of tasks in models of earlier versions."""
PREFILTER = "prefilter.npz"
"""Left out queries that it found pointless, in models of earlier versions."""
SELFTEST = "selftest.json"

WHOLE = (
    *(CONFIG, SUMMARY, "*.index", *(engine.file for engine in ENGINES.values())),
    *("saved_model.pb", "*/saved_model.pb", "*/*/saved_model.pb"),
)
"""Of these a directory holds at least one, or there is no model in it."""


class NativeBundle(Bundle):
    """A model directory.

    Args:
        directory: as `save_bundle` wrote it, or the assets of a SavedModel.
        encoder: place of the encoder of a model that was saved without it; the one it
            was trained from if None.
        digests: compare the files of that encoder with the digests beside them.

    Raises:
        BundleError: it is not one, is damaged, or comes from a newer tfner.
        ConfigError: `encoder` is given for a model that holds its own.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        encoder: str | Path | None = None,
        digests: bool = True,
    ) -> None:
        self.directory, self.encoder = Path(directory), encoder
        self._digests = digests
        config = read_file(self.directory, CONFIG)
        if "tfner_schema" not in config:
            raise BundleError(
                f"{self.directory} is no tfner model: {CONFIG} names no schema "
                "version. Give a directory that `tfner train` or `tfner export` wrote."
            )
        schema = config["tfner_schema"]
        if schema != SCHEMA:
            writer = dict(config.get("versions") or {}).get("tfner", "unknown")
            raise BundleError(
                f"{self.directory / CONFIG} has schema version {schema}, this tfner "
                f"reads {SCHEMA}. Use the tfner that wrote it ({writer})."
            )
        self._config: dict[str, Any] = config
        with reading(self.directory / CONFIG):
            check_config(config, place=self.directory / CONFIG)
        if encoder is not None and BASE not in config.get("model", {}):
            refuse_encoder(directory, encoder)

    @property
    def config(self) -> dict[str, Any]:
        """Content of `config.json`."""
        return self._config

    @cached_property
    def label_set(self) -> LabelSet:
        """Ordered labels, checked by their digest."""
        with reading(self.directory / LABELS):
            return LabelSet.from_json(read_file(self.directory, LABELS))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer as it was trained with."""
        return load_tokenizer(self.directory / TOKENIZER_FOLDER)

    @cached_property
    def task(self) -> Task:
        """Encodes and decodes; needs no Keras."""
        tokenizer, label_set = self.tokenizer, self.label_set
        with reading(self.directory / CONFIG):
            settings = dict(self.config["task"])
            name = settings.pop("name")
            if name not in TASKS:
                raise BundleError(f"{self.directory}: {unknown('task', name, TASKS)}")
            if (self.directory / PREFILTER).is_file():
                logger.warning(
                    "%s: %s is not read any more; all queries are run, which takes "
                    "longer and may find more.",
                    self.directory,
                    PREFILTER,
                )
            for old, new in RENAMED.items():
                if old in settings:
                    settings[new] = settings.pop(old)
            if (record := TASKS[name].record) is not None:
                stored = {"name": name, **settings}
                read_record(record, stored, place=self.directory / CONFIG)
            make: Callable[..., Task] = TASKS[name]
            return make(tokenizer, label_set, **settings)

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores and history as stored."""
        with reading(self.directory / METRICS):
            metrics: dict[str, Any] = read_file(self.directory, METRICS)
            check_known(metrics, METRICS_KEYS, place=self.directory / METRICS)
            return metrics

    @cached_property
    def selftest(self) -> SelfTest:
        """Texts with expected entities."""
        with reading(self.directory / SELFTEST):
            records = read_file(self.directory, SELFTEST, list)
            read_record(SELFTEST_RECORDS, records, place=self.directory / SELFTEST)
            return SelfTest.from_json(records)

    def load_model(self) -> keras.Model:
        """The Keras model with its weights.

        Raises:
            BundleError: weights are missing or do not fit, or the encoder is missing or
                another one than that of a model that was saved without it.
        """
        from tfner.models.keras_internals import shapes_first

        task, place = self.task, self.directory / CONFIG
        with reading(place):
            about = self.config["model"]
            base = about.get(BASE)
        path = self.directory / (ADAPTERS if base else WEIGHTS)
        if not path.is_file():
            raise BundleError(
                f"{self.directory} holds no {path.name}. Train the model again, or "
                "restore the file."
            )
        if base:
            return self._with_base(base, path, dropout=about["dropout"])
        with reading(place), shapes_first():
            encoder = restore_encoder(about["encoder"], place=place)
            model = task.build(encoder, dropout=about["dropout"])
            build(model)
            with reading(path):
                check_size(path)
        own = about["encoder"].get("class", KERAS) != KERAS
        with reading(path):
            load_weights(model, path, own=own)
            check_numbers(model)
        if not own:
            with reading(place):
                run_once(model, length=task.max_length)
        return model

    def _with_base(
        self, base: Mapping[str, Any], path: Path, *, dropout: float
    ) -> keras.Model:
        """The model that was saved without its encoder."""
        with reading(self.directory / CONFIG):
            encoder = load_base(
                base, self.directory, self.encoder, digests=self._digests
            )
            model = self.task.build(encoder, dropout=dropout)
            build(model)
        with reading(path):
            load_adapters(model, path, scale=base["scale"])
            check_numbers(model)
        return model


def refuse_encoder(model: str | Path, encoder: str | Path | None) -> None:
    """Refuse an encoder for a model that holds its own.

    Raises:
        ConfigError: one was given.
    """
    if encoder is not None:
        raise ConfigError(
            f"{model} holds its own encoder. Received: encoder={str(encoder)!r}. Leave "
            "out --encoder."
        )


def native_bundle(directory: Path, **settings: Any) -> NativeBundle:
    """Open the bundle in a directory; of several trials that with the best dev score.

    Args:
        directory: of the bundle or of the trials.
        **settings: see `NativeBundle`.

    Raises:
        BundleError: there is none.
        ConfigError: see `NativeBundle`.
    """
    summary = directory / SUMMARY
    if summary.is_file() and not (directory / CONFIG).is_file():
        with reading(summary):
            found = read_file(directory, SUMMARY)
            check_known(found, {"best": str}, place=summary)
            directory = directory / Path(found["best"]).name
    return NativeBundle(directory, **settings)


def local_model(model: str | Path) -> str | Path:
    """Copy a remote model; return the path of any other as it is.

    Raises:
        BundleError: there is none, or it is not whole.
    """
    copy = local_copy(model)
    if copy is model:
        return model
    if Path(copy).is_dir() and not any(any(Path(copy).glob(name)) for name in WHOLE):
        raise BundleError(
            f"{address(model)} holds no whole model: {CONFIG} or saved_model.pb, which "
            "is written last, is missing. Train or export it again."
        )
    return copy


def build(model: keras.Model) -> None:
    """Create a task model's weights by one symbolic call."""
    import keras

    names = [feature.name for feature in POOLED_INPUTS]
    model({n: keras.KerasTensor((None, None), "int32", name=n) for n in names})


def save_bundle(
    directory: Path,
    *,
    task: Task,
    model: keras.Model,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    selftest: SelfTest,
    replaces: Version | None = ANYTHING,
    base: Mapping[str, Any] | None = None,
    extra_files: Mapping[str, str] | None = None,
    extra_directories: Mapping[str, Path] | None = None,
) -> NativeBundle:
    """Write a model directory under a temporary name, then move it into place.

    Args:
        directory: of the model.
        task: stored by its settings.
        model: stored by its weights and the description of its encoder.
        training: settings of the run.
        metrics: scores and history.
        selftest: texts with what the model predicts for them.
        replaces: what may be replaced there, see `tfner.storage.publishing.publish`.
        base: from `describe_base`, to keep what LoRA learned beside the encoder, and
            the encoder's name; all weights are kept if None.
        extra_files: text by file name.
        extra_directories: moved into the bundle under these names.

    Raises:
        StorageError: the directory cannot be written.
    """
    config = {**describe(task, model), "training": dict(training)}
    if base is not None:
        config["model"][BASE] = dict(base)
    with whole_directory(directory, replaces=replaces) as stage:
        write_description(
            stage, config=config, task=task, metrics=metrics, selftest=selftest
        )
        for name, text in (extra_files or {}).items():
            write_text(stage / name, text)
        for name, source in (extra_directories or {}).items():
            shutil.move(source, stage / name)
        if base is not None:
            save_adapters(model, stage / ADAPTERS)
        else:
            save_weights(model, stage / WEIGHTS)
        write_digests(stage)
    return NativeBundle(directory)


def describe(task: Task, model: keras.Model) -> dict[str, Any]:
    """Describe a task and its model as `config.json` holds them."""
    return {
        "tfner_schema": SCHEMA,
        "task": task.settings(),
        "model": {
            "encoder": describe_encoder(model.encoder),
            "dropout": model.dropout_rate,
        },
        "versions": versions(),
    }


def write_description(
    directory: Path,
    *,
    config: Mapping[str, Any],
    task: Task,
    metrics: Mapping[str, Any],
    selftest: SelfTest,
) -> None:
    """Write every file of a bundle but the weights.

    Args:
        directory: gets the files.
        config: content of `config.json`.
        task: gives labels and tokenizer.
        metrics: scores and history.
        selftest: texts with what the model predicts for them.
    """
    write_json(directory / CONFIG, config)
    write_json(directory / LABELS, task.label_set.to_json())
    write_json(directory / METRICS, metrics)
    write_json(directory / SELFTEST, selftest.to_json())
    task.tokenizer.save(directory / TOKENIZER_FOLDER)


def versions() -> dict[str, str]:
    """Look up the versions of tfner and of the packages that it runs on."""
    names = ("tfner", "tensorflow", "keras", "numpy", "tokenizers")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
