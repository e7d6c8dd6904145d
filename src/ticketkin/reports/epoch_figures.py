"""What a training was worth after each epoch."""

import numpy as np

from ticketkin.evaluation.metrics import METRICS
from ticketkin.reports.drawing import BLUE, GREEN, ORANGE, ReportFigure, add_legend, new_axes
from ticketkin.reports.material import EpochCurve, Floats


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
