"""Figures of the kinds of kin: confusion, reliability, the graph of a family."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.wording import number_of, percent
from ticketkin.relations.families import FamilyRecord
from ticketkin.relations.record import ReliabilityBin
from ticketkin.reports.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    ReportFigure,
    add_legend,
    new_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KIND_STYLES = {"duplicate": (BLUE, "-"), "related": (GREEN, ":"), "causal": (ORANGE, "--")}
_MOST_DRAWN = 30
_FEWEST_IN_A_BIN = 3


def kinds_confusion_figure(n_pairs: Mapping[str, int], confusion: Sequence[Sequence[float]]) -> ReportFigure:
    """Return the confusion matrix of the kinds of which there are pairs; shares are of a row.

    `n_pairs` counts each kind, in the order of the rows and columns of `confusion`.
    """
    figure, (axes,) = new_axes("predicted", "true")
    present = [place for place, n in enumerate(n_pairs.values()) if n]
    kinds = [list(n_pairs)[place] for place in present]
    counts = np.array(confusion)[np.ix_(present, present)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    for row in range(len(kinds)):
        for column in range(len(kinds)):
            color = BLUE if row == column else ORANGE
            axes.fill_between(
                [column - 0.48, column + 0.48], row - 0.47, row + 0.47, color=color,
                alpha=0.06 + 0.5 * shares[row, column], linewidth=0,
            )  # fmt: skip
            label = f"{counts[row, column]:,.0f}\n{percent(shares[row, column])}"
            axes.text(column, row, label, ha="center", va="center", fontsize=11, color=INK)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.tick_params(length=0)
    hits = ", ".join(f"{kind} {percent(shares[place, place])}" for place, kind in enumerate(kinds))
    return ReportFigure(
        name="kinds_confusion",
        title="Which kinds are taken for which?",
        explanation="Each row is a true kind, each column the predicted kind, out of fold; blue boxes are "
        "right, the percentages are of the row.",
        alt=f"Confusion matrix of kinds; share of each that was predicted rightly: {hits}.",
        figure=figure,
    )


def reliability_figure(reliability: Mapping[str, Sequence[ReliabilityBin]]) -> ReportFigure:
    """Return the share that is true over the predicted probability, one line a kind."""
    figure, (axes,) = new_axes("predicted probability (uncalibrated)", "share that is true")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for kind, bins in reliability.items():
        full = [part for part in bins if part.n >= _FEWEST_IN_A_BIN]
        if kind in _KIND_STYLES and full:
            color, line = _KIND_STYLES[kind]
            predicted, true = [part.predicted for part in full], [part.true for part in full]
            axes.plot(predicted, true, label=kind, color=color, linestyle=line, marker="o", markersize=5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    add_legend(axes, loc="upper left")
    return ReportFigure(
        name="kinds_reliability",
        title="Can the probabilities of kinds be believed?",
        explanation="On the dotted line a predicted probability is right; below it the model is too sure. "
        "What ticketkin relate answers is calibrated on other tickets first.",
        alt="Share of pairs that are truly of a kind by predicted probability, out of fold.",
        figure=figure,
    )


def family_figure(families: Sequence[FamilyRecord]) -> ReportFigure:
    """Return the largest family that can be drawn legibly, cut at 30 tickets if none is smaller."""
    import networkx as nx

    chosen = next((f for f in families if len(f.tickets) <= _MOST_DRAWN), families[0])
    drawn = set(chosen.tickets[:_MOST_DRAWN])
    edges = {
        "duplicate": list(chosen.duplicate_of.items()),
        "related": [(tie.source, tie.target) for tie in chosen.related],
        "causal": [(tie.source, tie.target) for tie in chosen.causal],
    }
    edges = {kind: [e for e in pairs if set(e) <= drawn] for kind, pairs in edges.items()}
    graph: nx.Graph[str] = nx.Graph(edge for pairs in edges.values() for edge in pairs)
    places = nx.kamada_kawai_layout(graph)
    figure, (axes,) = new_axes("", "")
    for kind, pairs in edges.items():
        for one, other in pairs:
            _draw_edge(axes, places[one], places[other], kind)
        if pairs:
            color, line = _KIND_STYLES[kind]
            axes.plot([], [], color=color, linestyle=line, label=f"{kind} ({len(pairs)})")
    parents = set(chosen.duplicate_of.values())
    for ticket, (x, y) in places.items():
        ink: str = PURPLE if ticket in parents else INK
        axes.plot(x, y, marker="o", markersize=7 if ticket in parents else 5, color=ink, linestyle="")
        axes.annotate(
            ticket, (x, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=7.5, color=INK
        )
    axes.axis("off")
    axes.margins(0.14)
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    n = len(chosen.tickets)
    cut = "" if n <= _MOST_DRAWN else f", its first {_MOST_DRAWN}"
    return ReportFigure(
        name="family",
        title=f"A family of {number_of(n, 'ticket')}{cut}",
        explanation="The largest family that can be drawn: duplicates point to their one parent (large dot), "
        "causes to their effects. families/families.graphml holds all of them.",
        alt=f"Graph of family {chosen.family}: "
        + ", ".join(f"{len(pairs)} {kind} links" for kind, pairs in edges.items())
        + ".",
        figure=figure,
        names_tickets=True,
    )


def _draw_edge(axes: "Axes", start: Sequence[float], end: Sequence[float], kind: str) -> None:
    color, line = _KIND_STYLES[kind]
    arrow = "-" if kind == "related" else "-|>"
    axes.annotate(
        "", xy=(end[0], end[1]), xytext=(start[0], start[1]),
        arrowprops={
            "arrowstyle": arrow, "color": color if kind != "related" else GREEN, "linestyle": line,
            "linewidth": 1.4, "shrinkA": 4, "shrinkB": 5,
        },
    )  # fmt: skip
    axes.plot([start[0], end[0]], [start[1], end[1]], color=FAINT, linewidth=0)
