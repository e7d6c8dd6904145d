"""The figures of the report, each from plain arrays, each with its words for a newcomer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.metrics import METRICS
from ticketkin.reports.drawing import (
    BLUE,
    INK,
    ORANGE,
    ReportFigure,
    add_legend,
    candidate_style,
    new_axes,
)
from ticketkin.reports.formatting import format_share
from ticketkin.reports.material import (
    PairSimilarities,
    RecallCurve,
    TokenLengths,
)
from ticketkin.training.candidates import CANDIDATES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_BINS = 30
_N_MARKERS = 8
# Where the scale of probabilities ends, and what is written on it.
_PROBABILITIES = (0.0005, 0.9995)
_PROBABILITY_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def confusion_counts(pairs: PairSimilarities) -> tuple[int, int, int, int]:
    """Return hits, misses, false alarms and right rejections at the threshold.

    Raises ValueError if the pairs have no threshold.
    """
    if pairs.threshold is None:
        raise ValueError("confusion_counts needs a threshold")
    called, kin = pairs.similarities >= pairs.threshold, pairs.labels == 1
    counts = (called & kin, ~called & kin, called & ~kin, ~called & ~kin)
    hits, misses, false_alarms, rejections = (int(chosen.sum()) for chosen in counts)
    return hits, misses, false_alarms, rejections


def has_both_classes(pairs: PairSimilarities) -> bool:
    """Return whether there are kin and not-kin pairs: without both, no curve can be drawn."""
    return bool((pairs.labels == 1).any() and (pairs.labels == 0).any())


def similarity_histogram(name: str, pairs: PairSimilarities) -> ReportFigure:
    """Return the histograms of kin and not-kin similarities of one candidate."""
    is_probability = name in CANDIDATES and CANDIDATES[name].is_learned
    figure, (axes,) = new_axes("probability of kin" if is_probability else "similarity", "share of the pairs")
    shown = np.clip(pairs.similarities, *_PROBABILITIES) if is_probability else pairs.similarities
    kin, other = (shown[pairs.labels == label] for label in (1, 0))
    if is_probability:
        # Evenly spaced, nearly all would lie at the two ends, and a threshold of .004 on the axis.
        low, high = (np.log(p / (1 - p)) for p in _PROBABILITIES)
        inner = 1 / (1 + np.exp(-np.linspace(low, high, _N_BINS + 1)[1:-1]))
        bins = [_PROBABILITIES[0], *inner.tolist(), _PROBABILITIES[1]]
        axes.set_xscale("logit")
        axes.set_xticks(_PROBABILITY_TICKS, [format_share(p, 3).rstrip("0") for p in _PROBABILITY_TICKS])
        axes.set_xticks([], minor=True)
    else:
        bins = np.linspace(min(0.0, float(shown.min())), max(1.0, float(shown.max())), _N_BINS + 1).tolist()
    for values, color, hatch, label in ((other, ORANGE, "///", "not kin"), (kin, BLUE, None, "kin")):
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            text = f"{label} ({len(values):,})"
            axes.hist(values, bins=bins, weights=weights, color=color, alpha=0.3)
            axes.hist(
                values, bins=bins, weights=weights, histtype="step", color=color, linewidth=1.8,
                hatch=hatch, label=text,
            )  # fmt: skip
    if pairs.threshold is not None:
        axes.axvline(
            float(np.clip(pairs.threshold, *_PROBABILITIES)) if is_probability else pairs.threshold,
            color=INK,
            linestyle="--",
            label=f"threshold {format_share(pairs.threshold)}",
        )
    # Above the axes: inside, it would hide one of the two hills.
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, handlelength=1.3, columnspacing=1)
    return ReportFigure(
        name=f"similarities_{name}",
        title=f"How similar are kin and strangers? ({name})",
        explanation="The less the two hills overlap, the better kin can be told from strangers; "
        "pairs right of the dashed line are called kin."
        + " Very small and very large probabilities are drawn apart."
        * is_probability,
        alt=f"Histogram of similarities by {name} of {len(kin)} kin and "
        f"{number_of(len(other), 'not-kin test pair')}.",
        figure=figure,
    )


def roc_figure(pairs: Mapping[str, PairSimilarities]) -> ReportFigure:
    """Return the ROC curves with the point of each threshold (scikit-learn's roc_curve)."""
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, (axes,) = new_axes("false alarms among strangers", "kin found")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    areas = []
    for position, (name, scored) in enumerate(pairs.items()):
        false_alarms, recall, _ = roc_curve(scored.labels, scored.similarities)
        style = candidate_style(name, position)
        areas.append(f"{name} {format_share(roc_auc_score(scored.labels, scored.similarities))}")
        axes.plot(false_alarms, recall, label=areas[-1], linewidth=2, color=style.color, linestyle=style.dash)
        _mark_threshold(axes, scored, style.color, precision=False)
    add_legend(axes, loc="lower right", title=METRICS["roc_auc"].title)
    _ink_legend_title(axes)
    return ReportFigure(
        name="roc",
        title="Kin found against false alarms (ROC)",
        explanation="The closer a curve hugs the upper left corner, the more kin are found for the same "
        "false alarms; the dot is where the threshold puts us, the dotted line is guessing.",
        alt="ROC curves on the test pairs; areas: " + ", ".join(areas) + ".",
        figure=figure,
    )


def precision_recall_figure(pairs: Mapping[str, PairSimilarities]) -> ReportFigure:
    """Return the precision-recall curves with the point of each threshold."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, (axes,) = new_axes("kin found (recall)", "calls that are right (precision)")
    areas = []
    for position, (name, scored) in enumerate(pairs.items()):
        precision, recall, _ = precision_recall_curve(scored.labels, scored.similarities)
        style = candidate_style(name, position)
        areas.append(f"{name} {format_share(average_precision_score(scored.labels, scored.similarities))}")
        axes.plot(recall, precision, label=areas[-1], linewidth=2, color=style.color, linestyle=style.dash)
        _mark_threshold(axes, scored, style.color, precision=True)
    axes.set_ylim(0, 1.03)
    add_legend(axes, loc="lower left", title=METRICS["pr_auc"].title)
    _ink_legend_title(axes)
    return ReportFigure(
        name="precision_recall",
        title="How many calls are right? (precision and recall)",
        explanation="A curve that stays high to the right finds most kin while few calls are wrong. "
        "In daily use kin are rarer than among these pairs, so expect lower precision there.",
        alt="Precision-recall curves on the test pairs; average precision: " + ", ".join(areas) + ".",
        figure=figure,
    )


def _mark_threshold(axes: "Axes", pairs: PairSimilarities, color: str, precision: bool) -> None:
    """Put a dot where the threshold lies on a ROC or precision-recall curve."""
    if pairs.threshold is None:
        return
    hits, misses, false_alarms, rejections = confusion_counts(pairs)
    recall = hits / (hits + misses)
    if not precision:
        point = (false_alarms / (false_alarms + rejections), recall)
    elif hits + false_alarms:
        point = (recall, hits / (hits + false_alarms))
    else:  # nothing is called kin: precision is not defined
        return
    axes.plot(*point, marker="o", markersize=8, color=color, markeredgecolor=INK, linestyle="")


def _ink_legend_title(axes: "Axes") -> None:
    legend = axes.get_legend()
    if legend is not None:
        legend.get_title().set_color(INK)
        legend.get_title().set_fontsize(10.5)


def confusion_figure(name: str, pairs: PairSimilarities) -> ReportFigure:
    """Return the confusion matrix of one candidate at its threshold."""
    hits, misses, false_alarms, rejections = confusion_counts(pairs)
    figure, (axes,) = new_axes("", "")
    cells = (
        (0, 0, hits, "kin found", BLUE), (1, 0, misses, "kin missed", ORANGE),
        (0, 1, false_alarms, "false alarm", ORANGE), (1, 1, rejections, "rightly left apart", BLUE),
    )  # fmt: skip
    for column, row, count, label, color in cells:
        total = hits + misses if row == 0 else false_alarms + rejections
        share = count / total if total else 0.0
        axes.fill_between(
            [column - 0.48, column + 0.48], row - 0.47, row + 0.47, color=color, alpha=0.08 + 0.4 * share,
            linewidth=0,
        )  # fmt: skip
        axes.text(column, row - 0.1, f"{count:,}", ha="center", va="center", fontsize=18, color=INK)
        axes.text(
            column, row + 0.22, f"{label}\n{percent(share)} of this row", ha="center", va="center",
            fontsize=10.5, color=INK,
        )  # fmt: skip
    axes.set_xlim(-0.5, 1.5)
    axes.set_ylim(1.5, -0.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([0, 1], ["called kin", "not called kin"])
    axes.set_yticks([0, 1], ["kin", "not\nkin"])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    return ReportFigure(
        name="confusion",
        title=f"Right and wrong calls ({name})",
        explanation="Each test pair is counted in one of the four boxes; blue boxes are right calls, "
        "orange ones are mistakes.",
        alt=f"Confusion matrix of {name}: {hits} kin found, {misses} missed, "
        f"{number_of(false_alarms, 'false alarm')}, "
        f"{rejections} rightly left apart.",
        figure=figure,
    )


def recall_figure(curves: Mapping[str, RecallCurve], champion: str, links: str) -> ReportFigure:
    """Return the share of queries with kin in the top k, one line a candidate; `links` says which judged."""
    figure, (axes,) = new_axes("results looked at (k)", "tickets that find kin")
    lowest = 1.0
    for position, (name, curve) in enumerate(curves.items()):
        width = 3.0 if name == champion else 1.6
        every = max(1, len(curve.k) // _N_MARKERS)
        style = candidate_style(name, position)
        axes.plot(
            curve.k, curve.share, label=name, linewidth=width, markevery=every, markersize=5,
            color=style.color, linestyle=style.dash, marker=style.marker,
        )  # fmt: skip
        lowest = min(lowest, float(np.min(curve.share, initial=1.0)))
    axes.set_ylim(max(0.0, np.floor(lowest * 10) / 10 - 0.05), 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    add_legend(axes, loc="lower right")
    return ReportFigure(
        name="recall_at_k",
        title="How far down must one look?",
        explanation="Of all tickets that have kin, the share that shows at least one of them within "
        f"the first k results ({links}); higher and earlier is better.",
        alt="Recall at k by candidate; at the largest k: "
        + ", ".join(
            f"{name} {percent(curve.share[-1])}" for name, curve in curves.items() if len(curve.share)
        )
        + ".",
        figure=figure,
    )


def lengths_figure(lengths: TokenLengths) -> ReportFigure:
    """Return the histogram of text lengths with the encoder's limit."""
    figure, (axes,) = new_axes("length in tokens (about 3/4 of a word)", "tickets")
    tokens = lengths.tokens
    # The longest 1 % would squeeze all others into one bar; they are counted in the last.
    end = max(float(np.percentile(tokens, 99)), lengths.limit * 1.1)
    axes.hist(np.minimum(tokens, end), bins=np.linspace(0, end, _N_BINS + 1).tolist(), color=BLUE, alpha=0.6)
    axes.axvline(
        lengths.limit, color=ORANGE, linestyle="--", linewidth=2, label=f"the model reads {lengths.limit}"
    )
    add_legend(axes)
    cut = float((tokens > lengths.limit).mean())
    return ReportFigure(
        name="lengths",
        title="Are tickets too long for the model?",
        explanation=f"What lies right of the dashed line is cut off before the model reads it: "
        f"{percent(cut, 1)} of the tickets lose their end.",
        alt=f"Histogram of the length of {number_of(len(tokens), 'ticket')}; median {np.median(tokens):.0f} "
        "tokens, limit "
        f"{lengths.limit}, {percent(cut, 1)} longer.",
        figure=figure,
    )
