"""A linear-chain conditional random field over the words of packed rows.

A row is read as one Markov chain in which a window's first word does not depend on the
word before, so that several windows share a row as they share a batch. The layer gives
log-probabilities, never bare scores: of each tag in inference, and in training of each
tag given the one before, whose sum along the gold tags is the log-likelihood.

So a decoder sees of a CRF what it sees of a softmax: probabilities, which windows share
and documents merge word by word; the scores of steps stay inside the model.

Source: Lafferty, McCallum and Pereira 2001; Sutton and McCallum 2012, section 4.1
(forward-backward).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

RATE = 100.0
"""How many times faster than other weights the scores of steps are learned.

Adam moves a weight by about the learning rate a step, whatever its gradient: a score
that starts at 0 would stay there. They are kept divided by this. Measured on the first
1,500 sentences of MIT Movie (MiniLM, 4 epochs, rate 3e-4, seed 0): the largest score is
2.7 instead of 0.03, and test F1 0.727 instead of 0.713.
"""


@keras.saving.register_keras_serializable(package="tfner")
class CRF(keras.layers.Layer):
    """Probabilities of tags that depend on those of the neighbours, from their scores.

    It computes in float32 whatever the policy.

    Call arguments:
        emissions: (B, W, T) score of every tag at every word.
        chains: (B, W) int, equal for neighbours of one chain; 0 for padding, whose
            outputs mean nothing.
        training: decides what is returned.

    Output shape:
        (B, W, T) log-probabilities of the tags. In training (B, W, T, T): those of the
        tag of the last axis given that of the axis before at the word before. Their
        gradient is that of the log-likelihood of whole chains, found without going
        back through the recursions: expected minus observed counts.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, emissions_shape: Any, chains_shape: Any = None) -> None:
        """Create the scores of steps, starts and ends, all 0."""
        tags = emissions_shape[-1]
        self.transitions = self._scores("transitions", (tags, tags))
        self.start = self._scores("start", (tags,))
        self.end = self._scores("end", (tags,))

    def _scores(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(name=name, shape=shape, initializer="zeros")

    def call(self, emissions: Any, chains: Any, training: Any = None) -> Any:
        """Give log-probabilities (B, W, T); in training (B, W, T, T)."""
        firsts, lasts = chain_ends(chains)  # (B, W) each
        transitions = RATE * self.transitions  # (T, T): from the tag before, to the tag
        nodes = (  # (B, W, T)
            emissions
            + ops.where(firsts[..., None], RATE * self.start, 0.0)
            + ops.where(lasts[..., None], RATE * self.end, 0.0)
        )
        if not training:
            left, right = _messages(nodes, transitions, firsts, lasts)
            return ops.log_softmax(nodes + left + right)
        # A step has a score of its own, none at a chain's first word: (B, W, T, T).
        steps = ops.where(firsts[..., None, None], 0.0, transitions)
        return _conditionals(
            nodes[:, :, None, :] + steps, nodes, transitions, firsts, lasts
        )

    def compute_output_shape(
        self, emissions_shape: Any, chains_shape: Any = None
    ) -> tuple[Any, ...]:
        """Shape of the output in inference, (B, W, T)."""
        return tuple(emissions_shape)


def chains_of(features: Any) -> Any:
    """The number of the window of every word, (B, W); 0 past a row's last word.

    Args:
        features: `attention_mask` (B, S) with window numbers, `labeled_positions`
            (B, W), rising and then 0.
    """
    positions = features["labeled_positions"]
    windows = ops.take_along_axis(features["attention_mask"], positions, axis=1)
    # Where no piece comes before a text, 0 is the place of its first word.
    first = ops.arange(ops.shape(positions)[1]) == 0
    return ops.where(ops.logical_or(positions > 0, first), windows, 0)


def chain_ends(chains: Any) -> tuple[Any, Any]:
    """The first and the last words of chains: two (B, W) of booleans."""
    changes = chains[:, 1:] != chains[:, :-1]
    edge = ops.ones_like(chains[:, :1], dtype="bool")
    return (
        ops.concatenate([edge, changes], axis=1),
        ops.concatenate([changes, edge], axis=1),
    )


def _conditionals(
    steps: Any, nodes: Any, transitions: Any, firsts: Any, lasts: Any
) -> Any:
    """Log-probabilities of tags given the tag before, with the gradient of a chain's.

    Their sum along a path is `score(path) - log Z`, and the derivative of `log Z` is
    the expected score of each step: no derivative of a recursion is needed, which
    backends disagree on.

    Args:
        steps: (B, W, T, T), the score of a tag and of the step to it.
        nodes: (B, W, T), the score of a tag.
        transitions: (T, T).
        firsts: (B, W), whether a word is the first of its chain.
        lasts: (B, W).
    """
    fixed = ops.stop_gradient(nodes)
    left, right = _messages(fixed, ops.stop_gradient(transitions), firsts, lasts)
    marginals = ops.log_softmax(fixed + left + right)  # (B, W, T)
    values = ops.log_softmax(ops.stop_gradient(steps) + right[:, :, None, :])
    # (B, W, T, T): probabilities of the tag before together with the tag.
    pairs = ops.exp(ops.roll(marginals, 1, axis=1)[..., None] + values)
    zeros = steps - ops.stop_gradient(steps)  # with the gradient of the steps
    expected = ops.sum(pairs * zeros, axis=(2, 3), keepdims=True)
    return values + zeros - expected


def _messages(nodes: Any, transitions: Any, firsts: Any, lasts: Any) -> tuple[Any, Any]:
    """Messages of the words to the left, and to the right, of each word: (B, W, T)."""
    left = _from_left(nodes, transitions, firsts)
    right = _from_left(
        ops.flip(nodes, axis=1), ops.transpose(transitions), ops.flip(lasts, axis=1)
    )
    return left, ops.flip(right, axis=1)


def _from_left(nodes: Any, transitions: Any, firsts: Any) -> Any:
    """Messages from the left: m[w,j] = log sum_i exp(m[w-1,i] + n[w-1,i] + t[i,j]).

    n are the nodes, t the transitions. A message is 0 at a chain's first word and
    elsewhere normalised: a constant for all tags of a word changes no probability, and
    sums along a row would lose digits.

    `while_loop` is the one loop of Keras that XLA compiles in a second.
    """
    words = ops.shape(nodes)[1]
    before = ops.transpose(ops.roll(nodes, 1, axis=1), (1, 0, 2))  # (W, B, T)
    firsts = ops.transpose(firsts)[..., None]  # (W, B, 1)
    numbers = ops.reshape(ops.arange(words), (-1, 1, 1))  # (W, 1, 1)

    def step(word: Any, message: Any, messages: Any) -> tuple[Any, Any, Any]:
        # (B, T, 1) + (T, T): from the tag before, to the tag.
        scores = (message + ops.take(before, word, axis=0))[..., None] + transitions
        message = ops.log_softmax(ops.logsumexp(scores, axis=1))  # (B, T)
        message = ops.where(ops.take(firsts, word, axis=0), 0.0, message)
        return word + 1, message, ops.where(numbers == word, message, messages)

    _, _, messages = ops.while_loop(
        lambda word, *_: word < words,
        step,
        (0, ops.zeros_like(ops.sum(before, axis=0)), ops.zeros_like(before)),
        maximum_iterations=words,
    )
    return ops.transpose(messages, (1, 0, 2))
