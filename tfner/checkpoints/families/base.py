"""A family: the settings and tensor names that one `model_type` gives an encoder.

A family is a table, and needs no more than that where its config.json is a flat list of
keys; where it is not, a subclass overrides `flat` and `nested`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.arguments import ARGUMENTS
from tfner.errors import CheckpointError, joined
from tfner.storage.schema import check_values

if TYPE_CHECKING:
    import keras

TensorMap = Mapping[str, tuple[str, ...]]
"""Where an encoder has a layer or weight -> the modules of the file that it holds.

The former is a path of attributes, in which `{}` stands for every number of a list; the
latter name that number the same way. Of several modules the weights stand side by side.
A layer that is None is passed over.
"""

EXACT_GELU = {"gelu": "gelu", "gelu_python": "gelu"}
GELUS = {**EXACT_GELU, "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
HEADS = ("classifier.", "qa_outputs.", "pooler.")
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Tensors that older versions of transformers stored."""
CLASSIFIER: TensorMap = {"classifier": ("classifier",)}
NOT_SUPPORTED = ("is_decoder", "add_cross_attention", "pruned_heads")


@dataclass(frozen=True, kw_only=True)
class Family:
    """One `model_type`.

    Every tensor of a file is named by `tensors` or passed over (see `skips`); any other
    is an error, as is a weight that no tensor fills.

    Attributes:
        name: the `model_type`.
        architecture: the start of transformers' class names.
        encoder: name of the encoder's class in `tfner.models.encoders.ENCODERS`.
        prefix: what tensor names begin with in a file that has a head as well.
        settings: argument of the encoder -> key of config.json; two arguments may have
            one key.
        tensors: layer or weight of the encoder -> modules of the file.
        defaults: argument -> what transformers takes where config.json is silent.
        fixed: arguments that config.json does not hold, with their values.
        activations: `hidden_act` of config.json -> the encoder's `activation`.
        only: key of config.json -> the one value that is supported, if it is there.
        other_prefixes: what they begin with in files of other programs.
        skipped: starts of the names of tensors that are none of the encoder's, beside
            those that any family may have.
        offset: whether positions begin after the padding id (RoBERTa).
        head_dropout: key of config.json for the dropout before a tagger's last layer.
        head: layer of a tagger's head -> module of the file.
    """

    name: str
    architecture: str
    encoder: str
    prefix: str
    settings: Mapping[str, str]
    tensors: TensorMap
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    activations: dict[str, str] = field(default_factory=lambda: GELUS)
    only: Mapping[str, Any] = field(default_factory=dict)
    other_prefixes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    offset: bool = False
    head_dropout: str = "classifier_dropout"
    head: TensorMap = field(default_factory=lambda: CLASSIFIER)

    def read_settings(
        self, config: Mapping[str, Any], *, place: object, **overrides: float | None
    ) -> dict[str, Any]:
        """The arguments of the encoder that a config.json asks for.

        Args:
            config: content of the file.
            place: where it stands, for messages.
            overrides: arguments in place of the file's, where they are not None.

        Raises:
            CheckpointError: it lacks one, or asks for what the encoder does not do.
        """
        config = self.flat(config)
        problems = self.unsupported(config)
        settings = dict(self.fixed)
        for argument, key in self.settings.items():
            value = config.get(key, self.defaults.get(argument))
            if value is None:
                problems.append(f"{key} is missing")
            elif argument == "activation" and value in self.activations:
                value = self.activations[value]
            elif argument == "activation":
                supported = " or ".join(
                    map(repr, sorted(self._activation_names.values()))
                )
                problems.append(f"{key}={value!r}; only {supported} is supported")
            settings[argument] = value
        wrong = check_values(settings, ARGUMENTS, names=self.settings)
        problems = problems or wrong  # what is missing is wrong, too
        if problems:
            problems = list(dict.fromkeys(problems))
            raise CheckpointError(f"{place}: " + joined(problems, what="settings"))
        if self.offset:
            pad = config.get("pad_token_id", 1)
            settings["position_offset"] = 0 if pad is None else pad + 1
            settings["max_positions"] -= settings["position_offset"]
        given = {name: value for name, value in overrides.items() if value is not None}
        for name in given:
            if name not in settings:
                raise CheckpointError(
                    f"{place}: encoders of family {self.name} have no `{name}`. "
                    f"Received: {name}={given[name]}. Leave it out."
                )
        return settings | given

    def skips(self, name: str) -> bool:
        """Tell whether a tensor is passed over: a head's, or a stored buffer."""
        return name.startswith((*HEADS, *BUFFERS, *self.skipped))

    @property
    def _activation_names(self) -> dict[str, str]:
        """The encoder's `activation` -> the first of its names in config.json."""
        return {ours: theirs for theirs, ours in reversed(self.activations.items())}

    def flat(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config.json with the keys that `settings` names."""
        return config

    def nested(self, config: dict[str, Any]) -> dict[str, Any]:
        """The config.json of these keys, as transformers reads it."""
        return config

    def unsupported(self, config: Mapping[str, Any]) -> list[str]:
        """Settings of a flat config.json that the encoder does not support."""
        others = [
            f"{key}={config[key]!r}; only {value!r} is supported"
            for key, value in self.only.items()
            if config.get(key) not in (None, value)
        ]
        if config.get("quantization_config"):
            others.append("quantised weights are not supported; give the whole ones")
        wanted = [key for key in NOT_SUPPORTED if config.get(key)]
        return others + [f"{key}={config[key]!r} is not supported" for key in wanted]

    def write_settings(self, encoder: Any) -> dict[str, Any]:
        """The config.json of an encoder, heads left out.

        Raises:
            CheckpointError: the family cannot express the encoder.
        """
        arguments = encoder.get_config()
        config = {key: arguments[name] for name, key in self.settings.items()}
        if "activation" in self.settings:
            key = self.settings["activation"]
            config[key] = self._activation_names.get(config[key], config[key])
        config["pad_token_id"] = 0
        if self.offset:
            config["pad_token_id"] = arguments["position_offset"] - 1
            config[self.settings["max_positions"]] += arguments["position_offset"]
        config["model_type"] = self.name
        config = self.nested(config)
        settings = self.read_settings(config, place=f"encoder of family {self.name}")
        lost = [
            f"{name}={arguments[name]!r} would be read as {value!r}"
            for name, value in settings.items()
            if arguments[name] != value
        ]
        if lost:
            raise CheckpointError(
                f"a {self.name} model cannot express this encoder: " + joined(lost)
            )
        return config

    def new_encoder(self, settings: Mapping[str, Any], *, place: Path) -> keras.Model:
        """An encoder with its weights made, and not yet filled.

        Args:
            settings: from `read_settings`.
            place: where they were read, for messages.

        Raises:
            CheckpointError: there is no such encoder.
        """
        from tfner.checkpoints.large import build_unfilled
        from tfner.models.encoders import ENCODERS

        try:
            encoder = ENCODERS[self.encoder].from_config(dict(settings))
            build_unfilled(encoder)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{place}: {error}") from error
        return encoder
