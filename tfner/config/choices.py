"""The values of settings that are words, each set declared once.

`typing.get_args` gives them as a tuple to whoever implements them.
"""

from __future__ import annotations

from typing import Literal

Join = Literal["auto", "space", "none"]
Words = Literal["gold", "own"]
Splitter = Literal["whitespace", "punctuation", "mecab", "icu"]
TokenizerSplitter = Literal["whitespace", "punctuation", "mecab", "icu", "pieces"]
Misaligned = Literal["split", "expand", "drop"]
Discontinuous = Literal["outer", "parts", "drop", "error"]
LabelPieces = Literal["first", "all"]
Activation = Literal["gelu", "gelu_tanh"]
Pool = Literal["first", "last", "mean", "max", "attention"]
Overflow = Literal["window", "error", "truncate"]
Head = Literal["softmax", "crf"]
Decode = Literal["argmax", "viterbi"]
Loss = Literal["crossentropy", "focal"]
SpanLoss = Literal["bce", "dice"]
SpanCandidates = Literal["all", "pred_and_gold", "pred_gold_random", "gold"]
Layout = Literal["packed", "bucketed", "padded"]
Best = Literal["f1", "loss", "last"]
Recipe = Literal["auto", "published"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Engine = Literal["auto", "tensorflow", "xla", "openvino", "onnxruntime", "litert"]
EnginePrecision = Literal["float32", "bfloat16", "int8"]
Strategy = Literal["auto", "none", "mirrored", "multi-worker", "tpu"]
Objective = Literal["electra", "mlm"]
