"""Runners of models: Keras in this process, or an exported SavedModel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.checkpoints.saved_graph import SAVED_MODEL, check_graph
from tfner.data.features import (
    INPUT_IDS,
    LABELED_POSITIONS,
    TAGGER_INPUTS,
    Feature,
    to_wire,
)
from tfner.data.windows import Ints
from tfner.errors import BundleError, TfnerError, lacks_memory
from tfner.inference.batching import POSITIONS, Floats
from tfner.storage.foreign_files import check_files
from tfner.storage.remote import quiet_tensorflow

if TYPE_CHECKING:
    import keras

VARIABLES = "variables/variables"
READ = (SAVED_MODEL, "fingerprint.pb", "debug/saved_model_debug_info.pb")
"""Files of a SavedModel that TensorFlow reads, beside variables and assets."""
EMBEDDINGS = "embeddings/word_embeddings"


class KerasRunner:
    """Runs a task's Keras model; its weights may change between calls.

    Args:
        model: from features to logits.
        jit_compile: compile with XLA: pays for itself on many rows of few shapes.
    """

    row_length: int | None = None

    def __init__(self, model: keras.Model, *, jit_compile: bool = False) -> None:
        import tensorflow as tf

        self.packs = bool(getattr(model.encoder, "packs", False))

        @tf.function(jit_compile=jit_compile, reduce_retracing=not jit_compile)
        def probabilities(features: Any) -> Any:
            logits = model(features, training=False)
            if hasattr(model, "predictions"):
                return model.predictions(logits)
            return {"probs": tf.nn.softmax(logits)}

        self._run = probabilities

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T), or what the model's `predictions` gives."""
        found = self._run(dict(features))
        return {name: values.numpy() for name, values in found.items()}


class SavedModelRunner:
    """Runs the signature `serving_default` of an exported SavedModel.

    Args:
        directory: holds `saved_model.pb`.
        packs: whether its graph takes several windows in a row.
        inputs: what it is fed with.
        trims: whether its graph cuts away what is padding in all rows. One that does
            not gets fewer rows at once: short ones take it as much memory as long ones.
        trust_graph: see `load_signature`.

    Attributes:
        num_tags: tags it predicts; None if the signature does not say.

    Raises:
        BundleError: it cannot be loaded, or its signature is not a tagger's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        packs: bool,
        inputs: Iterable[Feature] = TAGGER_INPUTS,
        trims: bool = True,
        trust_graph: bool = False,
    ) -> None:
        self.packs, self._directory = packs, directory
        self._loaded, self._run = load_signature(
            directory, "serving_default", trust_graph=trust_graph
        )
        taken = self._run.structured_input_signature[1]
        outputs = self._run.structured_outputs
        self._probs = next((n for n in outputs if n.endswith("_probs")), None)
        wanted = {feature.wire for feature in inputs}
        if set(taken) != wanted or self._probs is None:
            raise BundleError(
                f"{directory} is no tagger that takes {sorted(wanted)}: its signature "
                f"takes {sorted(taken)} and gives {sorted(outputs)}."
            )
        self.row_length: int | None = taken[INPUT_IDS.wire].shape[1]
        shape = outputs[self._probs].shape
        self.num_tags: int | None = shape[-1] if shape.rank else None
        self._tags: Sequence[int | None] | None = None
        self._rows_at_once: int | None = None
        if self.row_length and not trims:
            self._rows_at_once = max(1, POSITIONS // self.row_length)

    def select(self, tags: Sequence[int | None]) -> None:
        """Give the probabilities of other tags, which sum up to 1 again.

        Args:
            tags: for each the output of the graph; None has the probability 0.
        """
        self._tags = None if [*tags] == [*range(self.num_tags or 0)] else tags

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T), W the words of the longest row or more.

        Raises:
            BundleError: the graph cannot take the features, such as ids that its
                vocabulary does not have.
        """
        fed = to_wire(features)
        rows = len(fed[INPUT_IDS.wire])
        step = self._rows_at_once or rows
        parts = [
            self._probabilities({name: a[i : i + step] for name, a in fed.items()})
            for i in range(0, rows, step)
        ]
        words = max(part.shape[1] for part in parts)
        filled = [np.pad(p, ((0, 0), (0, words - p.shape[1]), (0, 0))) for p in parts]
        return {"probs": np.concatenate(filled)}

    def _probabilities(self, fed: Mapping[str, Ints]) -> Floats:
        results = call_signature(self._run, fed, self._directory)
        probs = np.asarray(results[self._probs])
        words = fed[LABELED_POSITIONS.wire][:, : probs.shape[1]] > 0
        if not probs[words].any(axis=-1).all():
            raise unreadable(self._directory)
        if self._tags is None:
            return probs
        never = [tag is None for tag in self._tags]
        chosen = [0 if tag is None else tag for tag in self._tags]
        probs = np.where(never, np.float32(0), probs[..., chosen])
        total = probs.sum(axis=-1, keepdims=True)
        shares: Floats = probs / np.maximum(total, np.finfo(np.float32).tiny)
        return shares

    def num_pieces(self) -> int | None:
        """Rows of the embedding table of BERT or ELECTRA, if there is one to be found.

        The loaded object does not list the variables of TensorFlow 1.
        """
        import tensorflow as tf

        if not (self._directory / f"{VARIABLES}.index").exists():
            return None  # a graph without variables
        weights = tf.train.load_checkpoint(str(self._directory / VARIABLES))
        shapes = weights.get_variable_to_shape_map().items()
        found = (shape[0] for name, shape in shapes if name.endswith(EMBEDDINGS))
        return next(found, None)


def load_signature(directory: Path, name: str, *, trust_graph: bool) -> tuple[Any, Any]:
    """Load a SavedModel, which must live as long as it is called, and its signature.

    Args:
        directory: holds `saved_model.pb`.
        name: of the signature.
        trust_graph: load it even if its graph does more than taggers do, which may be
            to read and write files or to run other code.

    Raises:
        BundleError: it cannot be loaded, or has no such signature.
    """
    import tensorflow as tf

    from tfner.checkpoints.tf_checkpoint import check_variables

    try:
        check_files(*(p for name in READ if (p := directory / name).exists()))
        if not trust_graph:
            check_graph(directory)
        if (directory / f"{VARIABLES}.index").exists():
            check_variables(directory / VARIABLES)
        with quiet_tensorflow():  # it warns of every variable of TensorFlow 1
            loaded = tf.saved_model.load(str(directory))
        return loaded, loaded.signatures[name]
    except TfnerError as error:
        raise BundleError(
            f"{directory} cannot be loaded as a SavedModel: {error}"
        ) from error
    except (tf.errors.OpError, FileNotFoundError) as error:
        if lacks_memory(error):
            raise
        raise BundleError(
            f"{directory} cannot be loaded as a SavedModel: the files "
            f"{directory / VARIABLES}.* are missing or damaged "
            f"({type(error).__name__}). Restore them, or export the model again."
        ) from error
    except Exception as error:  # of a damaged graph TensorFlow may raise anything
        if lacks_memory(error):
            raise
        first = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise BundleError(
            f"{directory} cannot be loaded as a SavedModel with a signature "
            f"{name}: {first[:200]}"
        ) from error


def call_signature(run: Any, fed: Mapping[str, Ints], directory: Path) -> Any:
    """Run a signature; returns its outputs by their names on the wire.

    Args:
        run: the signature.
        fed: its inputs by their names on the wire.
        directory: of the SavedModel, for messages.

    Raises:
        BundleError: it cannot take the inputs.
    """
    import tensorflow as tf

    try:
        return run(**{name: tf.constant(array) for name, array in fed.items()})
    except tf.errors.InvalidArgumentError as error:
        raise unreadable(directory) from error


def unreadable(directory: Path) -> BundleError:
    """The error for rows that a graph cannot read.

    Graphs of other programs raise for them; those of tfner mark their answers, by
    probabilities of 0 or a span at -1.
    """
    return BundleError(
        f"{directory} cannot run on what the tokenizer gives. Give the tokenizer that "
        "it was trained with."
    )
