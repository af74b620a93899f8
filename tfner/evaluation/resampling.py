"""Significance of an F1, and of the difference of two, by drawing documents anew.

Every test here sums the counts of documents many times over, each time with other
weights, and takes its statistic of the sums; `resample` is that loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from tfner.evaluation.tally import DocumentCounts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Statistic = Callable[[Floats], Floats]
    """Sums of counts, (R, C) -> values, (R,)."""
    Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[Any]]
    """Weights of documents, of a shape (R, N)."""

LEVEL = 0.95
UNITS = 4000
"""Most units that are drawn: larger corpora are drawn in blocks of documents."""
CHUNK = 1_000_000
"""Most weights that are held in memory at once."""
TOLERANCE = 1e-12
"""Differences that are equal but for rounding count as equal."""


class Interval(TypedDict):
    """A bootstrap interval of the F1, with all that is needed to get it again."""

    low: float
    high: float
    level: float
    resamples: int
    seed: int
    documents: int


def resample(
    counts: Floats,
    statistic: Statistic,
    *,
    draw: Draw,
    resamples: int,
    generator: np.random.Generator,
) -> Floats:
    """Take a statistic of the documents' counts, summed with weights drawn anew.

    Args:
        counts: (N, C), a row a document.
        statistic: maps sums of rows, (R, C), to R values.
        draw: gives the weights of the rows, (R, N), for R resamples.
        resamples: how often to draw; memory does not grow with it.
        generator: decides every draw.

    Returns:
        (resamples,) values.
    """
    import numpy as np

    values = np.empty(resamples)
    step = max(1, CHUNK // len(counts))
    for start in range(0, resamples, step):
        part = values[start : start + step]
        part[:] = statistic(draw(generator, (len(part), len(counts))) @ counts)
    return values


def bootstrap_interval(
    documents: Sequence[DocumentCounts], *, resamples: int = 1000, seed: int = 0
) -> Interval | None:
    """Estimate the percentile bootstrap interval of the micro F1 over documents.

    Documents are drawn with replacement, as many as there are. More than 4,000 are
    first dealt at random into 4,000 blocks, and blocks are drawn: the variance stays
    the same, the time stays under a second.

    Args:
        documents: counts of each document, those without entities included.
        resamples: how often to draw; 0 skips the interval.
        seed: equal seeds give equal intervals.

    Returns:
        The interval of the middle 95 %, or None without documents or resamples.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13.
    """
    if not documents or resamples < 2:
        return None
    low, high = _middle(_table(documents), _f1, resamples=resamples, seed=seed)
    return {
        "low": low,
        "high": high,
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "documents": len(documents),
    }


def paired_bootstrap(
    first: Sequence[DocumentCounts],
    second: Sequence[DocumentCounts],
    *,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Estimate the middle 95 % of the difference in F1 when documents are drawn anew.

    Both sides are counted on the same draws, in blocks as in `bootstrap_interval`.

    Args:
        first: counts of each document by A.
        second: counts of the same documents by B.
        resamples: how often to draw.
        seed: equal seeds give equal intervals.

    Returns:
        Lowest and highest difference, F1 of B less that of A.

    Source: Koehn, "Statistical Significance Tests for Machine Translation Evaluation",
    EMNLP 2004 (paired bootstrap resampling).
    """
    import numpy as np

    if len(first) < 2:
        return (0.0, 0.0)
    both = np.hstack([_table(first), _table(second)])  # (N, 6)

    def difference(sums: Floats) -> Floats:
        return _f1(sums[:, 3:]) - _f1(sums[:, :3])

    return _middle(both, difference, resamples=resamples, seed=seed)


def randomization_test(
    first: Sequence[DocumentCounts],
    second: Sequence[DocumentCounts],
    *,
    resamples: int,
    seed: int,
) -> float:
    """Estimate how often exchanging the sides at random gives as large a difference.

    Args:
        first: counts of each document by A.
        second: counts of the same documents by B.
        resamples: how often to exchange, each document with probability one half.
        seed: equal seeds give equal results.

    Returns:
        The two-sided p value; 1 where A and B have equal counts everywhere.

    Source: Yeh, "More accurate tests for the statistical significance of result
    differences", COLING 2000 (approximate randomization).
    """
    import numpy as np

    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    if not pairs:
        return 1.0
    totals = _table(first).sum(axis=0), _table(second).sum(axis=0)  # (3,) each
    gain = _table([b for _, b in pairs]) - _table([a for a, _ in pairs])  # (D, 3)

    def distance(exchanged: Floats) -> Floats:
        # What the exchanged documents gain, A takes and B gives.
        return np.abs(_f1(totals[1] - exchanged) - _f1(totals[0] + exchanged))

    drawn = resample(
        gain,
        distance,
        draw=_coin_flips,
        resamples=resamples,
        generator=np.random.default_rng(seed),
    )
    actual = distance(np.zeros((1, 3)))
    larger = np.count_nonzero(drawn >= actual - TOLERANCE)
    return (int(larger) + 1) / (resamples + 1)


def _middle(
    counts: Floats, statistic: Statistic, *, resamples: int, seed: int
) -> tuple[float, float]:
    """The middle share `LEVEL` of a statistic over documents drawn with replacement."""
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = resample(
        _in_blocks(counts, generator),
        statistic,
        draw=_with_replacement,
        resamples=resamples,
        generator=generator,
    )
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _in_blocks(counts: Floats, generator: np.random.Generator) -> Floats:
    """The rows, dealt at random into `UNITS` sums where there are more."""
    import numpy as np

    if len(counts) <= UNITS:
        return counts
    blocks = np.zeros((UNITS, counts.shape[1]))
    np.add.at(blocks, generator.permutation(len(counts)) % UNITS, counts)
    return blocks


def _with_replacement(
    generator: np.random.Generator, shape: tuple[int, int]
) -> NDArray[np.intp]:
    """How often each of N units is among N drawn, R times over."""
    import numpy as np

    rows, units = shape
    drawn = generator.integers(units, size=shape) + units * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * units).reshape(shape)


def _coin_flips(
    generator: np.random.Generator, shape: tuple[int, int]
) -> NDArray[np.int8]:
    import numpy as np

    return generator.integers(2, size=shape, dtype=np.int8)


def _table(documents: Sequence[DocumentCounts]) -> Floats:
    """Credit, predicted and gold entities of each document, (N, 3)."""
    import numpy as np

    return np.array(documents, np.float64)


def _f1(sums: Floats) -> Floats:
    """F1 of sums of credit, predicted and gold entities, (R, 3); 0 without entities."""
    import numpy as np

    credit, predicted, gold = sums.T
    whole = predicted + gold
    f1 = np.zeros(len(sums))
    np.divide(2 * credit, whole, out=f1, where=whole > 0)
    return f1
