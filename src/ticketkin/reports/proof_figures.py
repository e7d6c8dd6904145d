"""Figures of how a verdict was reached: against shuffled links, what so many links prove, more of them."""

from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_results import Metric
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.proof_results import (
    Comparison,
    CrossFittingResult,
    LearningCurveResult,
    PowerResult,
)
from ticketkin.reports.drawing import (
    BLUE,
    FAINT,
    GREY,
    INK,
    ORANGE,
    ReportFigure,
    add_legend,
    candidate_style,
    new_axes,
)
from ticketkin.reports.formatting import format_gain, format_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The curve of what could be proven reaches from a quarter of the kin groups at hand to four times as many.
_FURTHEST = 4


def shuffled_figure(folds: CrossFittingResult) -> ReportFigure:
    """Return the gain on the real links beside those on shuffled ones, each shuffle a dot."""
    gain, shuffled = folds.procedure.gain, folds.shuffled
    figure, (axes,) = new_axes(f"gain in {METRICS.primary.title} over the untouched model", "")
    heights = np.random.default_rng(0).uniform(-0.16, 0.16, len(shuffled.gains))
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.plot(shuffled.gains, heights, linestyle="", marker="o", markersize=7, color=GREY, alpha=0.65)
    _with_interval(axes, gain, 1.0)
    axes.set_yticks([0, 1], [f"shuffled\n({number_of(len(shuffled.gains), 'try')})", "your links"])
    axes.set_ylim(-0.6, 1.6)
    axes.grid(visible=False, axis="y")
    return ReportFigure(
        name="shuffled_links",
        title="Does it see a gain where there is none?",
        explanation="Each grey dot is a try with links put on tickets at random, where nothing can be "
        "gained. The blue mark is the gain on your links with its 95 % range: the farther it lies to the "
        "right of the dots, the less it looks like chance.",
        alt=f"Gain on the links {format_gain(gain)}; on {number_of(len(shuffled.gains), 'shuffle')} between "
        f"{format_share(min(shuffled.gains))} and {format_share(max(shuffled.gains))}.",
        figure=figure,
    )


def _drawn(gain: Metric) -> tuple[float, float, float]:
    """Return value, low and high; what can't be computed is NaN, which is not drawn."""
    value, low, high = (np.nan if end is None else end for end in (gain.value, gain.low, gain.high))
    return value, low, high


def _with_interval(axes: "Axes", gain: Metric, height: float) -> None:
    value, low, high = _drawn(gain)
    axes.plot([low, high], [height, height], color=BLUE, linewidth=3, solid_capstyle="butt")
    axes.plot(value, height, marker="D", markersize=10, color=BLUE, markeredgecolor=INK, linestyle="")


def power_figure(power: PowerResult, smallest: float) -> ReportFigure:
    """Return the smallest gain that can be proven over the number of kin groups, and the gain that was seen.

    `smallest` is what the kin groups at hand can prove; it falls with the root of their number.
    """
    now, more = power.n_kin_groups, power.n_more_kin_groups or 0
    figure, (axes,) = new_axes("groups of duplicates", f"gain in {METRICS.primary.title}")
    end = max(_FURTHEST * now, 1.15 * (now + more))
    shown = np.linspace(max(1.0, now / _FURTHEST), min(end, 10 * _FURTHEST * now), 200)
    axes.plot(shown, smallest * np.sqrt(now / shown), color=ORANGE, linewidth=2, label="smallest gain proven")
    axes.plot(now, smallest, marker="o", markersize=10, color=ORANGE, markeredgecolor=INK, linestyle="")
    axes.annotate(
        f"you have {now:,}", (now, smallest), xytext=(10, 10), textcoords="offset points", fontsize=10.5,
        color=INK,
    )  # fmt: skip
    seen = None if power.gain is None else power.gain.gain.value
    if seen is not None and seen > 0:
        axes.axhline(seen, color=BLUE, linestyle="--", linewidth=2, label=f"gain seen {format_share(seen)}")
    if more and now + more <= shown[-1]:
        axes.axvline(now + more, color=FAINT, linewidth=1)
        axes.annotate(
            f"{now + more:,} would prove it", (now + more, 0), xytext=(-6, 8),
            textcoords="offset points", ha="right", fontsize=10.5, color=INK,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    # Above the axes: inside, it would hide a line.
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ReportFigure(
        name="power",
        title="How large must a gain be to be proven?",
        explanation="The more groups of duplicates people linked, the smaller the gain that can be proven. A "
        "gain above the orange line is proven in four of five such studies.",
        alt=f"With {number_of(now, 'group')} of duplicates a gain of {format_share(smallest)} can be proven"
        + (f"; {more} more would prove the gain seen." if more else "."),
        figure=figure,
    )


def learning_figure(curve: LearningCurveResult) -> ReportFigure:
    """Return the gain of the learned ranking by the kin groups it learned from, one line a comparison."""
    figure, (axes,) = new_axes("groups of duplicates learned from", f"gain in {METRICS.primary.title}")
    n_kin_groups = [point.n_kin_groups for point in curve.points]
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for place, (name, gains) in enumerate(by_baseline(curve).items()):
        style = candidate_style(name, place)
        shift = 1.0 + 0.03 * place  # side by side, so that the ranges don't hide each other
        at = [shift * n for n in n_kin_groups]
        drawn = [_drawn(gain.gain) for gain in gains]
        axes.plot(
            at, [value for value, _, _ in drawn], label=f"over {name}", linewidth=2, markersize=7,
            color=style.color, linestyle=style.dash, marker=style.marker,
        )  # fmt: skip
        for x, (_, low, high) in zip(at, drawn, strict=True):
            axes.plot([x, x], [low, high], color=style.color, linewidth=1.2)
    axes.set_xscale("log", base=2)
    axes.set_xticks(n_kin_groups, [f"{n:,}" for n in n_kin_groups])
    axes.minorticks_off()
    add_legend(axes, loc="best")
    last = curve.points[-1]
    return ReportFigure(
        name="learning_curve",
        title="What would more links bring?",
        explanation="The learned ranking was fitted on an eighth, a quarter, half and all of the groups of "
        "duplicates, and asked about tickets it had not learned from. A line that still rises to the right "
        "says that more links would make it better. Bars are 95 % ranges.",
        alt="Gain of the learned ranking by groups of duplicates learned from: "
        + "; ".join(
            f"{point.n_kin_groups}: "
            + ", ".join(f"{format_gain(g.gain)} over {g.baseline}" for g in point.gains)
            for point in (curve.points[0], last)
        )
        + ".",
        figure=figure,
    )


def by_baseline(curve: LearningCurveResult) -> dict[str, list[Comparison]]:
    """Return the gains of all points over each ranking that they are compared with."""
    names = [gain.baseline for gain in curve.points[0].gains]
    return {name: [point.gains[place] for point in curve.points] for place, name in enumerate(names)}
