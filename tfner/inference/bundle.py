"""Bundle: the directory of a trained model, complete and readable without Keras.

config.json         schema version, task, model and training settings, versions
labels.json         ordered labels and tags, with their digest
tokenizer/          files that need no transformers
model.weights.h5    weights; absent in the assets of a SavedModel
metrics.json        scores of dev and test, history of the epochs
selftest.json       texts with the entities predicted when the model was saved
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.document import Entity
from tfner.errors import BundleError, unknown
from tfner.schemes import LabelSet
from tfner.tasks import Task
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import keras

SCHEMA = 1
CONFIG, LABELS, METRICS = "config.json", "labels.json", "metrics.json"
SUMMARY = "summary.json"
SELFTEST, TOKENIZER, WEIGHTS = "selftest.json", "tokenizer", "model.weights.h5"

TASKS = {TokenClassification.name: TokenClassification}


@dataclass(frozen=True)
class SelfTest:
    """Texts and the entities a model predicted for them when it was saved."""

    texts: tuple[str, ...]
    entities: tuple[tuple[Entity, ...], ...]

    def to_json(self) -> list[dict[str, Any]]:
        """What `selftest.json` holds."""
        return [
            {
                "text": text,
                "entities": [
                    {"start": e.start, "end": e.end, "label": e.label} for e in found
                ],
            }
            for text, found in zip(self.texts, self.entities, strict=True)
        ]

    @classmethod
    def from_json(cls, records: list[dict[str, Any]]) -> SelfTest:
        """Read what `to_json` wrote."""
        return cls(
            tuple(record["text"] for record in records),
            tuple(
                tuple(Entity(e["start"], e["end"], e["label"]) for e in r["entities"])
                for r in records
            ),
        )


class Bundle:
    """A model directory.

    Args:
        directory: as `save_bundle` wrote it, or the assets of a SavedModel.

    Raises:
        BundleError: it is not one, is damaged, or comes from a newer tfner.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.config = self._read(CONFIG)
        schema = self.config.get("tfner_schema")
        if schema != SCHEMA:
            raise BundleError(
                f"{self.directory / CONFIG} has schema version {schema}, this tfner "
                f"reads {SCHEMA}. Use the tfner that wrote it "
                f"({self.config.get('versions', {}).get('tfner', 'unknown')})."
            )

    @classmethod
    def load(cls, directory: str | Path) -> Bundle:
        """The bundle in a directory; of several trials that with the best dev score."""
        directory = Path(directory)
        summary = directory / SUMMARY
        if summary.is_file() and not (directory / CONFIG).is_file():
            best = json.loads(summary.read_text(encoding="utf-8"))["best"]
            directory = directory / Path(best).name
        return cls(directory)

    def _read(self, name: str) -> Any:
        path = self.directory / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BundleError(
                f"{self.directory} is no tfner model: {name} is missing. "
                "Give a directory that `tfner train` or `tfner export` wrote."
            ) from None
        except (OSError, ValueError) as error:
            raise BundleError(f"{path} is damaged: {error}") from error

    @cached_property
    def label_set(self) -> LabelSet:
        """Ordered labels, checked by their digest."""
        return LabelSet.from_json(self._read(LABELS))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer as it was trained with."""
        return load_tokenizer(self.directory / TOKENIZER)

    @cached_property
    def task(self) -> Task:
        """Encodes and decodes; needs no Keras."""
        settings = dict(self.config["task"])
        name = settings.pop("name")
        if name not in TASKS:
            raise BundleError(f"{self.directory}: {unknown('task', name, TASKS)}")
        return TASKS[name](self.tokenizer, self.label_set, **settings)

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores and history as stored."""
        return dict(self._read(METRICS))

    @cached_property
    def selftest(self) -> SelfTest:
        """Texts with expected entities."""
        return SelfTest.from_json(self._read(SELFTEST))

    def load_model(self) -> keras.Model:
        """The Keras model with its weights.

        Raises:
            BundleError: weights are missing or do not fit.
        """
        import keras

        about = self.config["model"]
        model = self.task.build(_encoder(about["encoder"]), dropout=about["dropout"])
        path = self.directory / WEIGHTS
        if not path.is_file():
            raise BundleError(f"{self.directory} holds no {WEIGHTS}.")
        build(model)
        try:
            model.load_weights(str(path))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(
                f"{path} is damaged or not of this model: {str(error)[:200]}"
            ) from error
        del keras
        return model


def build(model: keras.Model) -> None:
    """Create a task model's weights by one symbolic call."""
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids", "labeled_positions")
    model({n: keras.KerasTensor((None, None), "int32", name=n) for n in names})


def _encoder(record: Mapping[str, Any]) -> keras.Model:
    """The encoder a bundle describes: tfner's own, or any that Keras can read."""
    if record.get("class") == "tfner":
        from tfner.models.encoder import Encoder

        return Encoder.from_config(dict(record["config"]))
    import keras

    return keras.saving.deserialize_keras_object(record["config"], safe_mode=True)


def describe_encoder(encoder: keras.Model) -> dict[str, Any]:
    """What `config.json` holds of an encoder."""
    import keras

    from tfner.models.encoder import Encoder

    if type(encoder) is Encoder:
        return {"class": "tfner", "config": encoder.get_config()}
    return {"class": "keras", "config": keras.saving.serialize_keras_object(encoder)}


def save_bundle(
    directory: Path,
    *,
    task: Task,
    model: keras.Model,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    selftest: SelfTest,
    extra_files: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a model directory under a temporary name, then move it into place.

    An existing `directory` is replaced; whether it may be is for the caller to ask.

    Raises:
        BundleError: it cannot be written.
    """
    config = {**describe(task, model), "training": dict(training)}
    with staged(directory) as stage:
        write_description(
            stage, config=config, task=task, metrics=metrics, selftest=selftest
        )
        for name, text in (extra_files or {}).items():
            (stage / name).write_text(text, encoding="utf-8")
        model.save_weights(str(stage / WEIGHTS))
    return Bundle(directory)


def describe(task: Task, model: keras.Model) -> dict[str, Any]:
    """What `config.json` holds of a task and its model."""
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
    """Every file of a bundle but the weights."""
    write_json(directory / CONFIG, config)
    write_json(directory / LABELS, task.label_set.to_json())
    write_json(directory / METRICS, metrics)
    write_json(directory / SELFTEST, selftest.to_json())
    task.tokenizer.save(directory / TOKENIZER)


def versions() -> dict[str, str]:
    """Versions of tfner and what it runs on."""
    names = ("tfner", "tensorflow", "keras", "numpy", "tokenizers")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def write_json(path: Path, record: Any) -> None:
    """One indented JSON file."""
    text = json.dumps(record, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """A temporary directory that becomes `directory` if nothing fails.

    Raises:
        BundleError: the disk is full or the place cannot be written.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(
            tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent)
        )
    except OSError as error:
        raise BundleError(
            f"{directory} cannot be written: {error.strerror}."
        ) from error
    try:
        stage.chmod(0o755)
        yield stage
        if directory.exists():
            old = stage.with_name(f"{stage.name}.old")
            directory.rename(old)
            stage.rename(directory)
            shutil.rmtree(old)
        else:
            stage.rename(directory)
    except OSError as error:
        raise BundleError(f"{directory} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
