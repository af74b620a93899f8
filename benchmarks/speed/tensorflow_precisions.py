"""Products of a transformer layer by TensorFlow's kernels in float32, bfloat16, int8.

    python -m benchmarks.speed.tensorflow_precisions --output precisions.json

Takes half a minute. Says whether a SavedModel with bfloat16 or int8 inside would be
faster on the processor at hand. Shapes are those of MiniLM at 2,048 pieces. `bfloat16`
has rows and kernels that are cast before; `cast_bfloat16` casts rows and results, as a
model in mixed precision does; `int8` are oneDNN's quantized products, with the
quantization of the rows, which a SavedModel would have to do for every batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import harness

SHAPES = {
    "query_key_value": (384, 1152),
    "intermediate": (384, 1536),
    "output": (1536, 384),
}
"""Products by name: width of their input and of their output."""
ROWS, ROUNDS, TIMES = 2048, 5, 20


def main() -> None:
    """Measure every product in every form, in turns."""
    args = harness.parser(__doc__).parse_args()
    found = {name: measure(*shape) for name, shape in SHAPES.items()}
    harness.write({"rows": ROWS, "gflop_per_second": found}, args.output)


def measure(inner: int, outer: int) -> dict[str, float]:
    """Billions of operations in a processor second, by form: medians of the rounds."""
    forms = _forms(inner, outer)
    ways = {name: partial(_processor_seconds, run) for name, run in forms.items()}
    times = harness.medians(harness.in_turn(ways, ROUNDS))
    work = 2e-9 * ROWS * inner * outer
    return {name: work / taken for name, taken in times.items()}


def _processor_seconds(run: Callable[[], Any]) -> float:
    run()
    start = time.process_time()
    for _ in range(TIMES):
        run()
    return (time.process_time() - start) / TIMES


def _forms(inner: int, outer: int) -> dict[str, Callable[[], Any]]:
    import tensorflow as tf

    rows = tf.random.normal([ROWS, inner], seed=0)
    kernel = tf.random.normal([inner, outer], seed=1)
    half_rows, half = (tf.cast(values, tf.bfloat16) for values in (rows, kernel))
    low, high = (tf.reduce_min(kernel), tf.reduce_max(kernel))
    small, *range_of_small = tf.quantization.quantize(
        kernel, low, high, tf.qint8, mode="SCALED"
    )
    bias = tf.zeros([outer])

    @tf.function
    def in_float32() -> Any:
        return tf.matmul(rows, kernel)

    @tf.function
    def in_bfloat16() -> Any:
        return tf.matmul(half_rows, half)

    @tf.function
    def cast_to_bfloat16() -> Any:
        return tf.cast(tf.matmul(tf.cast(rows, tf.bfloat16), half), tf.float32)

    @tf.function
    def in_int8() -> Any:
        found, *bounds = tf.quantization.quantize(
            rows, tf.reduce_min(rows), tf.reduce_max(rows), tf.quint8, mode="MIN_FIRST"
        )
        sums, *limits = tf.raw_ops.QuantizedMatMulWithBias(
            a=found,
            b=small,
            bias=bias,
            min_a=bounds[0],
            max_a=bounds[1],
            min_b=range_of_small[0],
            max_b=range_of_small[1],
            Toutput=tf.qint32,
        )
        return tf.quantization.dequantize(sums, *limits, mode="MIN_FIRST")

    return {
        "float32": in_float32,
        "bfloat16": in_bfloat16,
        "cast_bfloat16": cast_to_bfloat16,
        "int8": in_int8,
    }


if __name__ == "__main__":
    main()
