"""Encoders in a bundle: by name and settings, or as Keras stores a model."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.arguments import ARGUMENTS
from tfner.data.features import POOLED_INPUTS
from tfner.errors import BundleError, ConfigError, StorageError, joined, unknown
from tfner.storage.schema import check_values

if TYPE_CHECKING:
    import keras

KERAS = "keras"
"""Kind of an encoder that is described as Keras stores a model."""
RENAMED = {"tfner": "bert"}
"""Kinds as bundles named them when there was but one."""
CODE_RUNNERS = (
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
)
"""Layers of Keras that hold code of any kind, or read it from a file."""
IMPORTED = ("keras", "keras_hub", "builtins")
"""Packages whose classes Keras finds by itself; functions are of `builtins` to it."""
MOST_NUMBERS, MOST_HEADS = 1 << 26, 64
"""What one layer may make of a row: numbers, or attention between all pieces."""


def describe_encoder(encoder: keras.Model) -> dict[str, Any]:
    """The entry of an encoder in `config.json`."""
    import keras

    name = _name_of(encoder)
    if name is not None:
        return {"class": name, "config": encoder.get_config()}
    return {"class": KERAS, "config": keras.saving.serialize_keras_object(encoder)}


def _name_of(encoder: keras.Model) -> str | None:
    """The name of an encoder's class; None if it is in no table."""
    from tfner.models.encoders import ENCODERS

    return next(
        (name for name, kind in ENCODERS.items() if type(encoder) is kind), None
    )


def restore_encoder(record: Mapping[str, Any], *, place: object) -> keras.Model:
    """Make the encoder that `describe_encoder` described, with new weights.

    Args:
        record: the description.
        place: where it stands, for messages.

    Raises:
        BundleError: it is made of a class that is not there, or would run code.
        StorageError: its arguments are none that its class takes.
    """
    import keras

    # Keras empties the config that it reads.
    config = copy.deepcopy(record["config"])
    own = own_class(record, place=place)
    if own is not None:
        return own.from_config(config)
    for name in _code_runners(config):
        raise BundleError(
            f"{place}: the encoder is made of {name}, which may run any code. Take a "
            "model of layers alone."
        )
    for name, module in _unknown_classes(config):
        raise BundleError(
            f"{place}: the encoder is made of {name}, which Keras does not know here. "
            f"{_remedy(module)}"
        )
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def own_class(record: Mapping[str, Any], *, place: object) -> Any:
    """The class of tfner that was described, its arguments checked; None if of others.

    Args:
        record: the description.
        place: where it stands, for messages.

    Raises:
        BundleError: there is no such class.
        StorageError: its arguments are none that it takes.
    """
    from tfner.models.encoders import ENCODERS

    name = record.get("class", KERAS)
    if name == KERAS:
        return None
    name = RENAMED.get(name, name)
    if name not in ENCODERS:
        raise BundleError(f"{place}: {unknown('encoder', name, ENCODERS)}")
    _check_arguments(ENCODERS[name], record["config"], place=place)
    return ENCODERS[name]


def run_once(model: keras.Model, *, length: int) -> None:
    """Run a model of layers from a file, which may contradict each other, on a row.

    Args:
        model: with its weights.
        length: pieces of the row.

    Raises:
        ValueError: a layer makes far more numbers of the row than encoders do.
    """
    import keras

    row = {f.name: keras.ops.zeros((1, length), "int32") for f in POOLED_INPUTS}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        steps = tf.function(model).get_concrete_function(row).graph.get_operations()
        made = [(s.name, o.shape.num_elements()) for s in steps for o in s.outputs]
        allowed = max(MOST_NUMBERS, MOST_HEADS * length**2)
        for name, numbers in made:
            if numbers and numbers > allowed:
                raise ValueError(
                    f"{name} makes {numbers:,} numbers of a row of {length:,} pieces; "
                    f"more than {allowed:,} are no encoder's"
                )
    model(row)


def _check_arguments(kind: Any, config: Mapping[str, Any], *, place: object) -> None:
    """Check the arguments of one of tfner's encoders.

    Raises:
        StorageError: some do not exist, or cannot be; all of them are named.
    """
    known = {"name": str, "trainable": bool, "dtype": Any, **ARGUMENTS}
    own = getattr(kind, "arguments", config)  # a class of somebody else's need not say
    taken = ("name", "trainable", "dtype", *own)
    problems = [
        unknown("setting of the encoder", name, taken)
        for name in config
        if name not in taken
    ]
    problems += check_values(config, known)
    if problems:
        raise StorageError(joined(problems), path=place)


def check_encoder(encoder: keras.Model) -> None:
    """Make sure, before it is trained, that a bundle of this encoder can be loaded.

    Raises:
        ConfigError: it is none, or Keras cannot make it again from its description.
    """
    from tfner.models.encoders.interface import first_cause, output_shape

    if _name_of(encoder) is not None:
        return
    output_shape(encoder)
    try:
        record = json.loads(json.dumps(describe_encoder(encoder)))
        again = restore_encoder(record, place=encoder.name)
        output_shape(again)
    except Exception as error:  # whatever a user's own code raises
        raise ConfigError(_lost(encoder, first_cause(error))) from error
    shapes, expected = ([tuple(w.shape) for w in e.weights] for e in (again, encoder))
    if shapes != expected:
        raise ConfigError(_lost(encoder, "its weights come back in other shapes"))


def _lost(encoder: keras.Model, reason: str) -> str:
    return (
        "an encoder must come back from its `get_config`, or the trained model could "
        f"not be loaded. Received: {type(encoder).__name__} {encoder.name!r} ({reason})"
        ". Return all arguments in `get_config`, and decorate its classes with "
        "keras.saving.register_keras_serializable()."
    )


def _code_runners(config: Any) -> Iterator[str]:
    """Names of the classes that may run code, which Keras refuses in part."""
    if isinstance(config, Mapping):
        if config.get("class_name") in CODE_RUNNERS:
            yield str(config["class_name"])
        config = list(config.values())
    if isinstance(config, list | tuple):
        yield from (found for part in config for found in _code_runners(part))


def _unknown_classes(config: Any) -> Iterator[tuple[str, str]]:
    """Registered name and module of the classes that Keras will not find."""
    import keras

    if isinstance(config, Mapping):
        name, module = config.get("registered_name"), str(config.get("module") or "")
        imported = _package(module) in IMPORTED and _is_there(module)
        registered = not name or keras.saving.get_registered_object(name) is not None
        if not (registered or imported):
            yield str(name), module
        config = list(config.values())
    if isinstance(config, list | tuple):
        yield from (found for part in config for found in _unknown_classes(part))


def _remedy(module: str) -> str:
    if module and not _is_there(module):
        package = _package(module).replace("_", "-")
        return f"Install what defines it: pip install {package}"
    return (
        f"Import the module that defines it{f' ({module})' if module else ''} before "
        "the model is loaded."
    )


def _package(module: str) -> str:
    return module.partition(".")[0]


def _is_there(module: str) -> bool:
    """Tell whether the package of a module is loaded or could be."""
    package = _package(module)
    return package in sys.modules or importlib.util.find_spec(package) is not None
