"""What runs a model's features: Keras in this process, or an exported SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.data.features import INPUT_IDS, to_wire
from tfner.data.windows import Ints
from tfner.errors import BundleError
from tfner.inference.batching import Floats

if TYPE_CHECKING:
    import keras


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
            return tf.nn.softmax(model(features, training=False))

        self._run = probabilities

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T)."""
        return {"probs": self._run(dict(features)).numpy()}


class SavedModelRunner:
    """Runs the signature `serving_default` of an exported SavedModel.

    Args:
        directory: holds `saved_model.pb`.
        packs: whether its graph takes several windows in a row.

    Raises:
        BundleError: it cannot be loaded, or its signature is not a tagger's.
    """

    def __init__(self, directory: Path, *, packs: bool) -> None:
        import tensorflow as tf

        self.packs = packs
        try:
            # The loaded object must live as long as its signature is called.
            self._loaded = tf.saved_model.load(str(directory))
            self._run = self._loaded.signatures["serving_default"]
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(
                f"{directory} cannot be loaded as a SavedModel with a signature "
                f"serving_default: {str(error)[:200]}"
            ) from error
        inputs = self._run.structured_input_signature[1]
        outputs = self._run.structured_outputs
        self._probs = next((n for n in outputs if n.endswith("_probs")), None)
        if INPUT_IDS.wire not in inputs or self._probs is None:
            raise BundleError(
                f"{directory} is no tagger: its signature takes {sorted(inputs)} and "
                f"gives {sorted(outputs)}."
            )
        self.row_length: int | None = inputs[INPUT_IDS.wire].shape[1]

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T), W the words of the longest row."""
        import tensorflow as tf

        fed = {name: tf.constant(array) for name, array in to_wire(features).items()}
        return {"probs": np.asarray(self._run(**fed)[self._probs])}
