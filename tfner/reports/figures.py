"""Figures of a report, drawn with matplotlib, which is loaded when one is drawn."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from tfner.evaluation.tally import Measures
from tfner.reports.content import Report
from tfner.schemes import OUTSIDE

BLUE, ORANGE, GREY, RED = "#3366cc", "#e08214", "#8a8a8a", "#c0392b"
STYLE = {
    "svg.fonttype": "none",  # text stays text: any language, any font of the reader
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "tfner",  # equal content gives equal files
}
CJK_FONTS = ("Noto Sans CJK JP", "IPAexGothic", "Hiragino Sans", "Yu Gothic", "SimHei")
"""Fonts for labels that matplotlib's own lacks; those that are installed are used."""
SHADE_LIMIT = 0.6
"""Share of a row from which a cell is dark and its number white."""
PRETRAINING = {
    "mlm_loss": "loss on masked pieces",
    "mlm_accuracy": "accuracy on masked pieces",
    "discriminator_loss": "discriminator loss",
    "discriminator_auc": "discriminator AUC (0.5: chance)",
}
"""Columns of a pretraining run's `log.csv` that are drawn, and their headings."""


Files = dict[str, bytes]
"""One figure, as `svg` and as `png`."""


def draw_figures(report: Report) -> dict[str, Files]:
    """Draw every figure that the counts allow, by its title."""
    figures: dict[str, Files] = {}
    history, breakdown = report.history, report.breakdown
    if history:
        losses = [name for name in ("loss", "dev_loss") if name in history[0]]
        figures["Loss"] = draw_curves(history, losses, report.best_epoch)
    if history and "dev_f1" in history[0]:
        figures["F1 on dev"] = draw_curves(history, ["dev_f1"], report.best_epoch)
    if report.score.per_label:
        figures["F1 by label"] = draw_measures(report.score.per_label, "F1 (support)")
    if breakdown["confusion"]:
        figures["Confusion"] = draw_confusion(breakdown["confusion"])
    if breakdown["reliability"]:
        figures["Reliability"] = draw_reliability(breakdown["reliability"])
    if breakdown["by_length"]:
        rows = breakdown["by_length"]
        figures["F1 by length"] = draw_measures(rows, "F1 by words of an entity")
    if breakdown["by_novelty"]:
        rows = breakdown["by_novelty"]
        figures["F1 by novelty"] = draw_measures(rows, "F1 by surface")
    return figures


def draw(
    plot: Callable[[Any], None],
    *,
    width: float,
    height: float,
    grid: tuple[int, int] = (1, 1),
) -> Files:
    """Draw one figure.

    Args:
        plot: draws on the axes it is given; on an array of them in a larger grid.
        width: in inches.
        height: in inches.
        grid: rows and columns of axes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    fonts = {"font.family": ["sans-serif", *_cjk_fonts()]}
    with mpl.rc_context({**STYLE, **fonts}), warnings.catch_warnings():
        # Without such a font the PNG shows boxes; the page's SVG is text and does not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height))
        plot(figure.subplots(*grid))
        files = {}
        for kind in ("svg", "png"):
            stream = io.BytesIO()
            about = {"Date": None} if kind == "svg" else {}
            figure.savefig(stream, format=kind, dpi=150, metadata=about)
            files[kind] = stream.getvalue()
    return files


@cache
def _cjk_fonts() -> list[str]:
    from matplotlib.font_manager import get_font_names

    return [name for name in CJK_FONTS if name in get_font_names()]


def draw_curves(
    history: Sequence[Mapping[str, float]], names: Sequence[str], best_epoch: int | None
) -> Files:
    """Draw values of each epoch as lines, and mark the epoch that was kept.

    Args:
        history: a record an epoch.
        names: keys of the values to draw.
        best_epoch: number of the epoch that was kept, or None.
    """

    def plot(axes: Any) -> None:
        epochs = [line["epoch"] for line in history]
        for name, color in zip(names, (BLUE, ORANGE, GREY), strict=False):
            values = [line.get(name) for line in history]
            axes.plot(epochs, values, marker="o", color=color, label=name)
        if best_epoch:
            axes.axvline(best_epoch, color=GREY, linestyle=":", label="kept")
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)

    return draw(plot, width=5, height=3)


def draw_measures(rows: Mapping[str, Measures], heading: str) -> Files:
    """Draw the F1 of each row as a bar, with its support."""
    names = list(rows)[::-1]

    def plot(axes: Any) -> None:
        values = [rows[name]["f1"] for name in names]
        axes.barh(names, values, color=BLUE, height=0.7)
        for height, (name, value) in enumerate(zip(names, values, strict=True)):
            note = f" {value:.3f}  ({rows[name]['support']:,})"
            axes.text(value, height, note, va="center", fontsize=8)
        axes.set_xlim(0, 1.22)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.set_xlabel(heading)
        axes.grid(axis="y", visible=False)

    return draw(plot, width=5, height=0.9 + 0.28 * len(names))


def draw_confusion(cells: Sequence[Mapping[str, Any]]) -> Files:
    """Draw gold labels in rows, predicted ones in columns; O is missed or invented."""
    names = sorted({c[side] for c in cells for side in ("gold", "predicted")})
    names = [name for name in names if name != OUTSIDE] + [OUTSIDE]
    number_of = {name: number for number, name in enumerate(names)}
    counts = [[0] * len(names) for _ in names]
    for cell in cells:
        counts[number_of[cell["gold"]]][number_of[cell["predicted"]]] = cell["entities"]
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]

    def plot(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("gold")
        for row, line in enumerate(counts):
            for column, number in enumerate(line):
                if number:
                    dark = shares[row][column] > SHADE_LIMIT
                    axes.text(
                        *(column, row, number),
                        color="white" if dark else "black",
                        ha="center",
                        va="center",
                        fontsize=7,
                    )

    side = 1.8 + 0.36 * len(names)
    return draw(plot, width=side, height=side)


def draw_reliability(rows: Sequence[Mapping[str, float]]) -> Files:
    """Draw the share of right entities by score; on the diagonal a score is true."""

    def plot(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        scores = [row["score"] for row in rows]
        hits = [row["precision"] for row in rows]
        axes.plot(scores, hits, marker="o", color=BLUE)
        for row in rows:
            note = f"{row['entities']:,}"
            axes.annotate(
                note,
                (row["score"], row["precision"]),
                xytext=(4, -10),
                textcoords="offset points",
                fontsize=7,
            )
        axes.set_xlim(0, 1.05)
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("score")
        axes.set_ylabel("share that is right")

    return draw(plot, width=4, height=4)


def draw_range_test(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
) -> Files:
    """Draw the loss by learning rate, and mark the suggested rate.

    Args:
        rates: learning rates, in order.
        losses: loss at each rate.
        smoothed: smoothed loss at each rate.
        suggestion: the suggested rate, or None.
    """

    def plot(axes: Any) -> None:
        axes.plot(rates, losses, color=GREY, alpha=0.4, label="loss")
        axes.plot(rates, smoothed, color=BLUE, label="smoothed")
        if suggestion is not None:
            axes.axvline(
                suggestion,
                color=RED,
                linestyle=":",
                label=f"suggestion {suggestion:.2g}",
            )
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend(frameon=False)

    return draw(plot, width=6, height=4)


def draw_pretraining(lines: Sequence[Mapping[str, float]]) -> Files:
    """Draw the columns of a pretraining run's `log.csv`, a curve each."""
    names = [name for name in PRETRAINING if name in lines[0]]
    steps = [line["step"] for line in lines]

    def plot(axes: Any) -> None:
        for axis, name in zip(axes.flat, names, strict=True):
            axis.plot(steps, [line[name] for line in lines], color=BLUE)
            axis.set_title(PRETRAINING[name], fontsize=10)
            axis.set_xlabel("step")

    rows = len(names) // 2
    return draw(plot, width=8, height=2.8 * rows, grid=(rows, 2))
