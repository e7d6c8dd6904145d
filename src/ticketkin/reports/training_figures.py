"""What a training did: its steps, its epochs, and how much of the change is kept."""

from collections.abc import Mapping

import numpy as np

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metrics import METRICS
from ticketkin.reports.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    ReportFigure,
    add_legend,
    candidate_style,
    new_axes,
)
from ticketkin.reports.material import EpochCurve, Floats, StrengthCurve, TrainingCurve

# A loss is smoothed over a tenth of the steps, and over five at least.
_SMOOTHED_SHARE, _FEWEST_SMOOTHED = 10, 5
# Smaller gains than this fill no axis: noise would look like a mountain.
_LEAST_SPAN = 0.02


def epochs_figure(name: str, curve: EpochCurve) -> ReportFigure:
    """Return the loss of each epoch, and below it how well the model did on the evaluation links after it."""
    figure, (upper, lower) = new_axes("epoch", "mean loss", rows=2)
    epochs = np.arange(1, len(curve.mrr) + 1)
    upper.plot(epochs, curve.loss, color=BLUE, linewidth=2, marker="o", markersize=4)
    measured: list[tuple[str, Floats, str, str]] = [(METRICS.primary.title, curve.mrr, GREEN, "-")]
    if len(curve.spearman):
        measured += [("Spearman", curve.spearman, BLUE, "--"), ("Pearson", curve.pearson, ORANGE, ":")]
    for label, values, color, dash in measured:
        lower.plot(
            epochs, values, color=color, linestyle=dash, linewidth=2, marker="o", markersize=4, label=label
        )
    lower.axvline(curve.kept_epoch, color=ORANGE, linestyle="--", linewidth=1.5, label="kept")
    lower.set_ylabel("on evaluation links")
    add_legend(lower, loc="best")
    return ReportFigure(
        name=f"epochs_{name}",
        title=f"Epochs of {name}",
        explanation="Mean loss of each epoch, and how well the model did after it on links it was not "
        f"trained on. Epoch {curve.kept_epoch} is kept: its {METRICS.primary.title} is the best.",
        alt=f"Epochs of {name}: {METRICS.primary.title} "
        + ", ".join(f"{value:.3f}" for value in curve.mrr)
        + f"; epoch {curve.kept_epoch} is kept.",
        figure=figure,
    )


def training_figure(name: str, record: TrainingCurve) -> ReportFigure:
    """Return loss and the learning rate that was really applied, by optimiser step."""
    figure, (upper, lower) = new_axes("training step", "loss", rows=2)
    steps = np.arange(1, len(record.loss) + 1)
    upper.plot(steps, record.loss, color=BLUE, linestyle="", marker=".", markersize=3, alpha=0.3)
    upper.plot(steps, smoothed(record.loss), color=BLUE, linewidth=2)
    rates = record.learning_rate
    lower.plot(np.arange(1, len(rates) + 1), rates, color=GREEN, linewidth=2)
    lower.set_ylabel("learning rate")
    lower.set_ylim(bottom=0)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    lower.yaxis.get_offset_text().set_color(INK)
    peak = float(rates.max()) if len(rates) else 0.0
    return ReportFigure(
        name=f"training_{name}",
        title=f"Training of {name}",
        explanation="The loss (how wrong the model is on its training pairs; a dot a step, the line their "
        "running mean) should fall and level off; below it, the learning rate that was really applied.",
        alt=f"Training of {name} over {number_of(len(steps), 'step')}: loss from {record.loss[0]:.3g} to "
        f"{record.loss[-1]:.3g}, learning rate at most {peak:.2g}.",
        figure=figure,
    )


def smoothed(loss: Floats) -> Floats:
    """Return the running mean around each step, shape (n_steps,); near the ends of what there is."""
    half = min(max(_FEWEST_SMOOTHED, len(loss) // _SMOOTHED_SHARE), len(loss)) // 2
    sums = np.concatenate([[0.0], np.cumsum(loss)])
    steps = np.arange(len(loss))
    first, last = np.maximum(0, steps - half), np.minimum(len(loss), steps + half + 1)
    return np.asarray((sums[last] - sums[first]) / (last - first), dtype=np.float64)


def strengths_figure(curves: Mapping[str, StrengthCurve]) -> ReportFigure:
    """Return the gain over the untouched model by strength, each candidate's choice ringed.

    All lines begin at zero: strength 0 is one model, whoever was tuned.
    """
    primary = METRICS.primary.title
    figure, (axes,) = new_axes("strength λ of the tuning", f"gain in {primary}, evaluation links")
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    widest = _LEAST_SPAN
    for position, (name, curve) in enumerate(curves.items()):
        style = candidate_style(name, position)
        gains = curve.mrr - curve.mrr[int(np.argmin(np.abs(curve.strengths)))]
        widest = max(widest, float(np.abs(gains).max(initial=0.0)))
        axes.plot(
            curve.strengths, gains, label=name, linewidth=2, markersize=5,
            color=style.color, linestyle=style.dash, marker=style.marker,
        )  # fmt: skip
        at = int(np.argmin(np.abs(curve.strengths - curve.chosen)))
        axes.plot(
            curve.strengths[at], gains[at], marker="o", markersize=13, fillstyle="none",
            color=style.color, markeredgewidth=2, linestyle="",
        )  # fmt: skip
    axes.set_ylim(-1.2 * widest, 1.2 * widest)
    add_legend(axes, loc="best")
    chosen = ", ".join(f"{name} {curve.chosen:g}" for name, curve in curves.items())
    return ReportFigure(
        name="strengths",
        title="How much tuning is good?",
        explanation="At λ = 0 stands the untouched model, the same for all; 1 is the full change. Above the "
        "dotted line tuning helps. The ring marks the strength that was chosen; at 0, tuning did not help.",
        alt=f"Gain in {primary} by tuning strength; chosen: {chosen}.",
        figure=figure,
    )
