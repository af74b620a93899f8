"""The encoder of BERT, ELECTRA, DistilBERT, RoBERTa, XLM-R and CamemBERT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from tfner.models.encoders.embeddings import Embeddings
from tfner.models.encoders.stack import StackedEncoder, check_heads
from tfner.models.encoders.transformer import TransformerLayer


@keras.saving.register_keras_serializable(package="tfner")
class Encoder(StackedEncoder):
    """A transformer encoder whose rows may hold several windows (are packed).

    `attention_mask` holds 0 for padding and 1, 2, … for the window within its row:
    pieces attend within their window, and positions restart there. An ordinary 0/1
    mask is the case of one window a row. Rows of padding alone stay finite.

    The name of the class stays: Keras writes it into files of models that hold one.

    Args:
        vocab_size: V, pieces.
        hidden_size: H, a multiple of `num_heads`.
        num_layers: transformer layers.
        num_heads: attention heads.
        intermediate_size: width of the feed-forward halves.
        embedding_size: width of the embeddings, projected to H (ELECTRA); H if None.
        always_projects: project also embeddings of width H (ALBERT, RemBERT).
        max_positions: pieces a window may have.
        position_offset: unused rows at the start of the position table (RoBERTa: 2).
        type_vocab_size: segments; 0 for a model without them (DistilBERT).
        activation: "gelu" is the exact one (erf).
        layer_norm_epsilon: epsilon of every normalisation.
        hidden_dropout: rate on the output of every half layer, 0 to 1.
        attention_dropout: rate on attention probabilities, 0 to 1.
        initializer_range: standard deviation of new weights.
        family: `model_type` of the Hugging Face format the model is written as.
        embeddings: those of another encoder, to share them (ELECTRA's generator); new
            ones if None.

    Input shape:
        A dict of `input_ids`, `attention_mask` and, optional, `token_type_ids`:
        (B, S) integers each.

    Output shape:
        (B, S, H).

    Raises:
        ValueError: `hidden_size` is no multiple of `num_heads`.
    """

    arguments: ClassVar[tuple[str, ...]] = (
        "vocab_size",
        "hidden_size",
        "num_layers",
        "num_heads",
        "intermediate_size",
        "embedding_size",
        "always_projects",
        "max_positions",
        "position_offset",
        "type_vocab_size",
        "activation",
        "layer_norm_epsilon",
        "hidden_dropout",
        "attention_dropout",
        "initializer_range",
        "family",
    )

    def __init__(
        self,
        *,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        intermediate_size: int,
        embedding_size: int | None = None,
        always_projects: bool = False,
        max_positions: int = 512,
        position_offset: int = 0,
        type_vocab_size: int = 2,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-12,
        hidden_dropout: float = 0.1,
        attention_dropout: float = 0.1,
        initializer_range: float = 0.02,
        family: str = "bert",
        embeddings: Embeddings | None = None,
        **kwargs: Any,
    ) -> None:
        check_heads(hidden_size, num_heads)
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_layers, self.num_heads = num_layers, num_heads
        self.intermediate_size = intermediate_size
        self.embedding_size = embedding_size or hidden_size
        self.always_projects = always_projects
        self.max_positions, self.position_offset = max_positions, position_offset
        self.type_vocab_size, self.activation = type_vocab_size, activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.initializer_range, self.family = initializer_range, family
        self.embeddings = embeddings or self._new_embeddings()
        self.embedding_projection = self._new_projection()
        self.blocks = self._new_blocks()

    def _new_embeddings(self) -> Embeddings:
        return Embeddings(
            vocab_size=self.vocab_size,
            width=self.embedding_size,
            num_positions=self.max_positions + self.position_offset,
            type_vocab_size=self.type_vocab_size,
            epsilon=self.layer_norm_epsilon,
            dropout=self.hidden_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="embeddings",
        )

    def _new_projection(self) -> keras.layers.Dense | None:
        if self.embedding_size == self.hidden_size and not self.always_projects:
            return None
        init = keras.initializers.TruncatedNormal(stddev=self.initializer_range)
        return keras.layers.Dense(
            self.hidden_size,
            kernel_initializer=init,
            dtype=self.dtype_policy,
            name="embedding_projection",
        )

    def _new_blocks(self) -> list[TransformerLayer]:
        return [self._new_block(number) for number in range(self.num_layers)]

    def _new_block(self, number: int) -> TransformerLayer:
        return TransformerLayer(**self._layer_settings(number))

    def _embed(self, inputs: Mapping[str, Any], positions: Any, training: Any) -> Any:
        return super()._embed(inputs, positions + self.position_offset, training)
