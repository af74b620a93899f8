"""A head that gives every word of an encoder's rows scores for its tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfner.models.dropout import Dropout
from tfner.models.encoders.interface import output_shape
from tfner.models.encoders.transformer import Part
from tfner.models.heads.crf import CRF, chains_of
from tfner.models.heads.pooling import WordPooling
from tfner.models.named_inputs import INPUTS, NamedInputsModel

NEVER = -1e4
"""The score of a tag that is never predicted; finite, so that sums of it are."""


@keras.saving.register_keras_serializable(package="tfner")
class TokenClassifier(NamedInputsModel):
    """One score per tag for every labelled position.

    Args:
        encoder: any Keras model from `input_ids`, `attention_mask` and
            `token_type_ids` (B, S) to (B, S, H).
        num_tags: T.
        dropout: rate before the output layer, 0 to 1.
        crf: whether the tags of neighbouring words depend on each other.
        pool: what is read of a word's pieces: see `WordPooling`.

    Input shape:
        The encoder's dict, and `labeled_positions` (B, W) integers: where in its row
        each word begins; and, unless the first piece is all that is read,
        `word_lengths` (B, W): how many pieces it has.

    Output shape:
        (B, W, T) logits, float32; with a CRF log-probabilities, and in training those
        of each tag given the one before, (B, W, T, T). `summed_crossentropy` takes all
        of them.
    """

    def __init__(
        self,
        encoder: keras.Model,
        num_tags: int,
        *,
        dropout: float = 0.1,
        crf: bool = False,
        pool: str = "first",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder, self.num_tags = encoder, num_tags
        self.dropout_rate = dropout
        self.head = encoder.new_head() if hasattr(encoder, "new_head") else None
        self.dropout = Dropout(dropout)
        # float32 whatever the policy: a loss over logits in bfloat16 does not learn.
        self.classifier = keras.layers.Dense(
            num_tags,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype="float32",
            name="classifier",
        )
        self.crf = CRF(name="crf") if crf else None
        self.pooling = WordPooling(pool, name="pooling")

    @property
    def packs(self) -> bool:
        """True if the encoder reads window numbers in `attention_mask`."""
        return bool(getattr(self.encoder, "packs", False))

    @property
    def input_keys(self) -> tuple[str, ...]:
        """The encoder's, and where words begin and how many pieces are read of them."""
        lengths = () if self.pooling.pool == "first" else ("word_lengths",)
        return (*INPUTS, "labeled_positions", *lengths)

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if self.classifier.built:
            return
        self.classifier.build(output_shape(self.encoder))
        self.pooling.build(output_shape(self.encoder))
        if self.head is not None:
            self.head.build()
            if (values := getattr(self.encoder, "head_values", None)) is not None:
                self.head.set_weights(values)
        if self.crf is not None:
            self.crf.build((None, None, self.num_tags))

    def call(self, features: Mapping[str, Any], training: Any = None) -> Any:
        """Score the tags of the labelled positions."""
        words = self.words(features, training=training)
        return self.scores(words, features, training=training)

    def words(self, features: Mapping[str, Any], *, training: Any = None) -> Any:
        """Make the vectors (B, W, H) of the labelled words."""
        inputs = {name: features[name] for name in INPUTS if name in features}
        rows = self.encoder(inputs, training=training)  # (B, S, H)
        return self.pooling(
            rows, features["labeled_positions"], features.get("word_lengths")
        )

    def scores(
        self, words: Any, features: Mapping[str, Any], *, training: Any = None
    ) -> Any:
        """Score the tags of words.

        Args:
            words: (B, W, H).
            features: as in `call`; a CRF reads off them which words are neighbours.
            training: whether dropout is on.
        """
        if self.head is not None:
            words = self.head(words)
        logits = self.classifier(self.dropout(words, training=training))
        if self.crf is None:
            return logits
        return self.crf(logits, chains_of(features), training=training)

    def compile_parts(self, *compilers: Callable[..., Part]) -> bool:
        """Let training compute the encoder by compiled parts, and tell if it can.

        Args:
            *compilers: those of `StackedEncoder.compile_parts`.
        """
        found = getattr(self.encoder, "compile_parts", None)
        return found is not None and bool(found(*compilers))

    def with_outputs(self, rows: Sequence[int | None]) -> TokenClassifier:
        """Make a model of this encoder with other tags; there must be no CRF.

        Args:
            rows: for each of its tags that of this model whose score it gets; None for
                a tag that is never predicted.
        """
        model = TokenClassifier(
            self.encoder,
            len(rows),
            dropout=self.dropout_rate,
            pool=self.pooling.pool,
        )
        model.build()
        model.pooling.set_weights(self.pooling.get_weights())
        if model.head is not None and self.head is not None:
            model.head.set_weights(self.head.get_weights())
        kernel, bias = self.classifier.get_weights()
        never = [row is None for row in rows]
        chosen = [0 if row is None else row for row in rows]
        model.classifier.set_weights(
            [
                np.where(never, 0, kernel[:, chosen]),
                np.where(never, NEVER, bias[chosen]),
            ]
        )
        return model

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> tuple[Any, ...]:
        """Shape of the output in inference, (B, W, T)."""
        return (*input_shape["labeled_positions"], self.num_tags)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "num_tags": self.num_tags,
            "dropout": self.dropout_rate,
            "crf": self.crf is not None,
            "pool": self.pooling.pool,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> TokenClassifier:
        """Make the model again, its encoder included."""
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})

    def build_from_config(self, config: Any) -> None:
        """Build without the shapes that were stored; `build` needs none."""
        self.build()
