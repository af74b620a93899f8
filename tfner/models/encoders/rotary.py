"""The encoder of ModernBERT, EuroBERT and Nomic's BERT: rotary positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from tfner.models.encoders.embeddings import Embeddings
from tfner.models.encoders.norms import new_norm
from tfner.models.encoders.prediction_head import PredictionHead
from tfner.models.encoders.rotary_layer import RotaryLayer, turns_of
from tfner.models.encoders.stack import Around, StackedEncoder, check_heads
from tfner.models.encoders.windows import nearby


@keras.saving.register_keras_serializable(package="tfner")
class RotaryEncoder(StackedEncoder):
    """A transformer encoder that turns vectors by positions; rows may be packed.

    Args:
        vocab_size: pieces.
        hidden_size: H, a multiple of `num_heads`.
        num_layers: transformer layers.
        num_heads: attention heads.
        num_key_value_heads: of which several queries share one; `num_heads` if None.
        intermediate_size: width of the feed-forward halves, which are gated.
        max_positions: pieces a window may have.
        type_vocab_size: segments; 0 for a model without them.
        activation: of the gates; "gelu" is the exact one (erf).
        norm: kind of normalisations; see `new_norm`.
        norm_first: whether halves are normalised before, not after, they are added;
            then the output is normalised, too.
        embedding_norm: whether embeddings are normalised. If so and `norm_first`, the
            first layer does not normalise them again.
        attention_bias: whether products of attention add a bias.
        feed_forward_bias: whether those of the feed-forward halves do.
        theta: base of the wave lengths of positions.
        local_layers: numbers of the layers whose attention is local.
        local_reach: pieces to either side that they see.
        local_theta: `theta` of these.
        layer_norm_epsilon: epsilon of every normalisation.
        embedding_dropout: rate on the embeddings, 0 to 1.
        hidden_dropout: rate on the output of every half layer, 0 to 1.
        attention_dropout: rate on attention probabilities, 0 to 1.
        initializer_range: standard deviation of new weights.
        head_activation: of the dense layer with which every tagger of this encoder
            begins (ModernBERT); None for a model without it.
        head_bias: whether that layer adds a bias.
        family: `model_type` of the Hugging Face format the model is written as.

    Input shape:
        A dict of `input_ids`, `attention_mask` and, optional, `token_type_ids`:
        (B, S) integers each; see `tfner.models.Encoder`.

    Output shape:
        (B, S, H).

    Raises:
        ValueError: `hidden_size` is no multiple of `num_heads`.

    Source: Warner et al. 2024, "Smarter, Better, Faster, Longer" (ModernBERT); Boizard
    et al. 2025, "EuroBERT"; Nussbaum et al. 2024, "Nomic Embed".
    """

    arguments: ClassVar[tuple[str, ...]] = (
        *("vocab_size", "hidden_size", "num_layers", "num_heads"),
        *("num_key_value_heads", "intermediate_size", "max_positions"),
        *("type_vocab_size", "activation", "norm", "norm_first", "embedding_norm"),
        *("attention_bias", "feed_forward_bias", "theta", "local_layers"),
        *("local_reach", "local_theta", "layer_norm_epsilon", "embedding_dropout"),
        *("hidden_dropout", "attention_dropout", "initializer_range"),
        *("head_activation", "head_bias", "family"),
    )

    def __init__(
        self,
        *,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        intermediate_size: int,
        num_key_value_heads: int | None = None,
        max_positions: int = 8192,
        type_vocab_size: int = 0,
        activation: str = "gelu",
        norm: str = "scale",
        norm_first: bool = True,
        embedding_norm: bool = True,
        attention_bias: bool = False,
        feed_forward_bias: bool = False,
        theta: float = 160_000.0,
        local_layers: Sequence[int] = (),
        local_reach: int = 64,
        local_theta: float = 10_000.0,
        layer_norm_epsilon: float = 1e-5,
        embedding_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        initializer_range: float = 0.02,
        head_activation: str | None = None,
        head_bias: bool = False,
        family: str = "modernbert",
        **kwargs: Any,
    ) -> None:
        check_heads(hidden_size, num_heads)
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_layers, self.num_heads = num_layers, num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.intermediate_size, self.max_positions = intermediate_size, max_positions
        self.type_vocab_size, self.activation = type_vocab_size, activation
        self.norm, self.norm_first = norm, norm_first
        self.embedding_norm, self.attention_bias = embedding_norm, attention_bias
        self.feed_forward_bias, self.theta = feed_forward_bias, theta
        self.local_layers, self.local_reach = tuple(local_layers), local_reach
        self.local_theta, self.layer_norm_epsilon = local_theta, layer_norm_epsilon
        self.embedding_dropout = embedding_dropout
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.initializer_range, self.family = initializer_range, family
        self.head_activation, self.head_bias = head_activation, head_bias
        self.embeddings = self._new_embeddings()
        self.blocks = [self._new_block(number) for number in range(num_layers)]
        self.final_norm = new_norm(
            norm if norm_first else "none",
            epsilon=layer_norm_epsilon,
            dtype=self.dtype_policy,
            name="final_norm",
        )

    def _new_embeddings(self) -> Embeddings:
        return Embeddings(
            vocab_size=self.vocab_size,
            width=self.hidden_size,
            num_positions=0,
            type_vocab_size=self.type_vocab_size,
            norm=self.norm if self.embedding_norm else "none",
            epsilon=self.layer_norm_epsilon,
            dropout=self.embedding_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="embeddings",
        )

    def _new_block(self, number: int) -> RotaryLayer:
        normed = number == 0 and self.norm_first and self.embedding_norm
        return RotaryLayer(
            num_key_value_heads=self.num_key_value_heads,
            norm=self.norm,
            norm_first=self.norm_first,
            first_norm=not normed,
            attention_bias=self.attention_bias,
            feed_forward_bias=self.feed_forward_bias,
            **self._layer_settings(number),
        )

    def settings_of_layers(self, chosen: Sequence[int]) -> dict[str, Any]:
        """Choose arguments as any encoder does; attention stays local where it is."""
        local = [i for i, number in enumerate(chosen) if number in self.local_layers]
        return {**super().settings_of_layers(chosen), "local_layers": local}

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if not self.built and self.final_norm is not None:
            self.final_norm.build((None, self.hidden_size))
        super().build()

    def _transform(
        self,
        rows: Any,
        inputs: Mapping[str, Any],
        positions: Any,
        bias: Any,
        *,
        training: Any,
    ) -> Any:
        size = self.hidden_size // self.num_heads

        def around(bias: Any, theta: float) -> Around:
            return Around(bias, fixed=turns_of(positions, size=size, theta=theta))

        everywhere = local = around(bias, self.theta)
        if self.local_layers:
            local = around(nearby(bias, self.local_reach), self.local_theta)
        for number, block in enumerate(self.blocks):
            scope = local if number in self.local_layers else everywhere
            rows = self._run(block, rows, scope, training=training)
        return rows if self.final_norm is None else self.final_norm(rows)

    def new_head(self) -> PredictionHead | None:
        """The layer with which every tagger of this encoder begins, if it has one."""
        if self.head_activation is None:
            return None
        return PredictionHead(
            width=self.hidden_size,
            activation=self.head_activation,
            bias=self.head_bias,
            norm=self.norm,
            epsilon=self.layer_norm_epsilon,
            initializer_range=self.initializer_range,
            name="head",
        )

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings, then the layers; the last normalisation is with the last."""
        groups = super().layer_groups()
        if self.final_norm is not None:
            groups[-1].append(self.final_norm)
        return groups
