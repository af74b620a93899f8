"""Memory that the server needs, measured on the graph that was written.

    a full row    = 2 * bytes alive at the peak of a run with one row of full length
    a batch       = max_batch_size * a full row
    the server    = 256 MiB + 3 * weights of every model + threads * the largest batch

The bytes alive at the peak come from the allocations that a session records, so that
encoders of every kind have their own. For a BERT of hidden size H with A heads they are
about 4 * S * (A * S + 6 * H) at S pieces: one attention and six activations.
The process takes 1.5 to 1.7 times that, because freed memory is kept in pieces; a
TensorFlow Serving took up to 2 times. Weights count three times: two versions are
served, and a third comes before the first one goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MIB = 2**20
BASE = 256 * MIB
"""The program, its threads, and the requests that are under way."""
BATCH = 1024 * MIB
"""What one batch may take."""
OVERHEAD = 2
COPIES = 3
MOST_ROWS = 64
"""Larger batches are not faster on a CPU, and all wait for the whole of it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Memory of one model, and the batches that follow from it.

    Args:
        weights: bytes.
        row: bytes of one full row while it is computed.
        max_rows: most rows of a batch.
        batched: the server may join requests, because every output of every signature
            has a row for each of the inputs.
    """

    weights: int
    row: int
    max_rows: int
    batched: bool = True


def rows_of(row: int) -> int:
    """Most rows of a batch, from the bytes that a full row takes."""
    return min(max(BATCH // row, 1), MOST_ROWS)


def server_mib(models: Iterable[Sizes], threads: int) -> int:
    """Mebibytes that a server of several models needs, rounded up to hundreds.

    Args:
        models: what it serves.
        threads: batches that run at the same time.
    """
    models = list(models)
    batch = max((model.max_rows * model.row for model in models), default=0)
    weights = sum(model.weights for model in models)
    needed = BASE + COPIES * weights + threads * batch
    return -(-needed // (100 * MIB)) * 100
