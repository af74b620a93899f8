"""ELECTRA's generator and discriminator, and BERT's masked language model.

These models return the sums over a batch that a step needs, which add up over the parts
of a batch and over devices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.masking import Masked, Masking, replaced, sample

BINS = 200
"""Bins of the discriminator's probabilities; one half is a boundary."""
FIGURES = ("masked", "mlm_loss", "mlm_right", "tokens", "discriminator_loss")
"""Sums over a batch, in order; after them the probabilities of original pieces and of
replaced ones, each counted in `BINS` bins."""
TYPES = "token_type_ids"


def initializer(encoder: Encoder) -> keras.initializers.Initializer:
    """The initializer of an encoder's heads: that of the encoder itself."""
    return keras.initializers.TruncatedNormal(stddev=encoder.initializer_range)


class MaskedPieceHead(keras.layers.Layer):
    """A score for every piece of the vocabulary, by the table of the embeddings.

    Args:
        encoder: the one whose vectors it reads and whose table it uses.

    Source: google-research/electra run_pretraining.py (_get_masked_lm_output).
    """

    def __init__(self, encoder: Encoder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.vocab_size = encoder.hidden_size, encoder.vocab_size
        # transformers gives the generator of an ELECTRA the exact GELU in any case.
        activation = "gelu" if encoder.family == "electra" else encoder.activation
        self.dense = keras.layers.Dense(
            encoder.embedding_size,
            activation=activation_named(activation),
            kernel_initializer=initializer(encoder),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=encoder.layer_norm_epsilon, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        self.dense.build((None, self.width))
        self.norm.build((None, self.dense.units))
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.vocab_size,), initializer="zeros"
        )

    def call(self, rows: Any, table: Any) -> Any:
        """Score vectors (M, H) by the table (V, E): logits (M, V), float32."""
        rows = self.norm(self.dense(rows))  # (M, E)
        table = ops.cast(table, self.compute_dtype)
        scores = ops.matmul(rows, ops.transpose(table))
        return ops.cast(scores, "float32") + ops.cast(self.output_bias, "float32")


class MaskedLanguageModel(keras.Model):
    """An encoder that predicts masked pieces (BERT's, without its pooler).

    Args:
        encoder: learns.
        masking: chooses the pieces.

    Input shape:
        The encoder's dict: (B, S) int32 each, S static.

    Output shape:
        (len(FIGURES) + 2 * BINS,) float32: sums over the batch. Those of a
        discriminator are 0.
    """

    def __init__(self, encoder: Encoder, masking: Masking, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.masking = encoder, masking
        self.head = MaskedPieceHead(encoder, dtype=self.dtype_policy, name="head")
        self.seed_generator = keras.random.SeedGenerator(0)

    def build(self, input_shape: Any = None) -> None:
        """Create every weight; no shape is needed."""
        self.encoder.build()
        self.head.build()

    def predict_hidden(
        self, features: Mapping[str, Any], masked: Masked, training: Any = None
    ) -> Any:
        """Score the pieces of the slots alone: logits (B * N, V).

        Args:
            features: as in `call`.
            masked: the rows with masked pieces, and their slots.
            training: whether dropout is on.
        """
        rows = self.encoder(  # (B, S, H)
            {**features, "input_ids": masked.input_ids}, training=training
        )
        index = ops.expand_dims(masked.positions, -1)  # (B, N, 1)
        rows = ops.take_along_axis(rows, index, axis=1)  # (B, N, H)
        rows = ops.reshape(rows, (-1, self.encoder.hidden_size))
        return self.head(rows, self.encoder.embeddings.pieces.embeddings)

    def call(self, features: Mapping[str, Any], training: Any = None) -> Any:
        """Mask, predict and sum."""
        masked = self.masking(features, self.seed_generator.next())
        logits = self.predict_hidden(features, masked, training=training)
        sums = [*masked_sums(logits, masked), _real(features)]
        return ops.stack([*sums, *[0.0] * (2 * BINS + 1)])

    def counts(self, features: Mapping[str, Any]) -> Any:
        """Count the masked pieces, by which sums are divided: (1,) float32."""
        _, hidden = self.masking.hidden(features)
        return ops.reshape(ops.sum(ops.cast(hidden, "float32")), (1,))

    def batch_loss(self, sums: Any, counts: Any) -> Any:
        """Divide sums by counts: the loss of a batch, or the share of one part."""
        return sums[1] / ops.maximum(counts[0], 1.0)


class Electra(keras.Model):
    """A generator that fills in masked pieces, and a discriminator of its errors.

    Args:
        generator: a masked language model whose encoder shares the embeddings of the
            discriminator.
        discriminator: the encoder that is pretrained.
        temperature: of the generator's draws.
        weight: factor of the discriminator's loss beside the generator's.

    Input shape:
        The encoders' dict: (B, S) int32 each, S static.

    Output shape:
        (len(FIGURES) + 2 * BINS,) float32: sums over the batch.

    Source: Clark et al. 2020, section 2; google-research/electra run_pretraining.py.
    """

    def __init__(
        self,
        generator: MaskedLanguageModel,
        discriminator: Encoder,
        *,
        temperature: float = 1.0,
        weight: float = 50.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.discriminator, self.generator = discriminator, generator
        self.temperature, self.weight = temperature, weight
        self.dense = keras.layers.Dense(
            discriminator.hidden_size,
            activation=activation_named(discriminator.activation),
            kernel_initializer=initializer(discriminator),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.verdict = keras.layers.Dense(
            1,
            kernel_initializer=initializer(discriminator),
            dtype="float32",
            name="verdict",
        )

    @property
    def encoder(self) -> Encoder:
        """The encoder that is pretrained: the discriminator."""
        return self.discriminator

    def build(self, input_shape: Any = None) -> None:
        """Create every weight; no shape is needed."""
        self.discriminator.build()
        self.generator.build()
        rows = (None, self.discriminator.hidden_size)
        self.dense.build(rows)
        self.verdict.build(rows)

    def discriminate(self, features: Mapping[str, Any], training: Any = None) -> Any:
        """Score pieces: logits (B, S), above 0 where one seems replaced."""
        rows = self.discriminator(features, training=training)  # (B, S, H)
        flat = ops.reshape(rows, (-1, self.discriminator.hidden_size))
        return ops.reshape(
            self.verdict(self.dense(flat)), ops.shape(features["input_ids"])
        )

    def call(self, features: Mapping[str, Any], training: Any = None) -> Any:
        """Mask, fill in, discriminate and sum."""
        seed = self.generator.seed_generator.next()
        masked = self.generator.masking(features, seed)
        logits = self.generator.predict_hidden(features, masked, training=training)
        drawn = sample(logits, seed, temperature=self.temperature)  # (B * N,)
        drawn = ops.reshape(drawn, ops.shape(masked.labels))  # (B, N)
        filled = replaced(features["input_ids"], masked.positions, masked.used, drawn)
        wrong = ops.not_equal(filled, features["input_ids"])  # (B, S)
        verdicts = self.discriminate({**features, "input_ids": filled}, training)
        entropy, bins = discriminator_sums(verdicts, wrong, features["attention_mask"])
        sums = [*masked_sums(logits, masked), _real(features), entropy]
        return ops.concatenate([ops.stack(sums), bins])

    def counts(self, features: Mapping[str, Any]) -> Any:
        """Count masked and real pieces, by which sums are divided: (2,) float32."""
        return ops.concatenate(
            [self.generator.counts(features), ops.reshape(_real(features), (1,))]
        )

    def batch_loss(self, sums: Any, counts: Any) -> Any:
        """Divide sums by counts: the loss of a batch, or the share of one part."""
        discriminator_loss = sums[4] / ops.maximum(counts[1], 1.0)
        generator_loss = self.generator.batch_loss(sums, counts)
        return generator_loss + self.weight * discriminator_loss


def _real(features: Mapping[str, Any]) -> Any:
    """The number of pieces that are no padding, float32."""
    return ops.sum(ops.cast(features["attention_mask"] > 0, "float32"))


def masked_sums(logits: Any, masked: Masked) -> tuple[Any, Any, Any]:
    """Number of masked pieces, their summed cross-entropy, and how many are predicted.

    Args:
        logits: (B * N, V).
        masked: the slots.
    """
    labels = ops.reshape(masked.labels, (-1,))  # (B * N,)
    used = ops.cast(ops.reshape(masked.used, (-1,)), "float32")
    hit = ops.one_hot(labels, logits.shape[-1], dtype="float32")  # (B * N, V)
    entropy = ops.logsumexp(logits, axis=-1) - ops.sum(logits * hit, axis=-1)
    first = ops.cast(ops.argmax(logits, axis=-1), "int32") == labels
    right = ops.sum(used * ops.cast(first, "float32"))
    return ops.sum(used), ops.sum(used * entropy), right


def discriminator_sums(logits: Any, replaced: Any, mask: Any) -> tuple[Any, Any]:
    """Summed cross-entropy of all real pieces, and the bins of their probabilities.

    Args:
        logits: (B, S).
        replaced: (B, S) bool.
        mask: (B, S) integers, 0 is padding.

    Returns:
        A float32 scalar; (2 * BINS,) float32: original pieces, then replaced ones.
    """
    logits = ops.cast(logits, "float32")
    target = ops.cast(replaced, "float32")
    real = ops.cast(mask > 0, "float32")
    entropy = ops.softplus(logits) - target * logits  # (B, S)
    probabilities = ops.sigmoid(ops.stop_gradient(logits))
    number = ops.cast(ops.minimum(probabilities * BINS, BINS - 1.0), "int32")
    number = ops.reshape(number + BINS * ops.cast(replaced, "int32"), (-1,))
    bins = ops.one_hot(number, 2 * BINS, dtype="float32")  # (B * S, 2 * BINS)
    return ops.sum(real * entropy), ops.matmul(ops.reshape(real, (-1,)), bins)
