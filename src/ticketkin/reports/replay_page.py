"""The page of a replay: what would have been said, and how much of it was right."""

from collections.abc import Sequence

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.bands import BAND_WORDS
from ticketkin.relations.replay_result import Replay, ReplayQuality
from ticketkin.reports.formatting import format_count, format_interval, format_share
from ticketkin.reports.page import render_page

QUALITY_HEADS = ("kind", "band", "lines", "right", "precision", "tickets with such kin", "helped", "recall",
                 "false alarms in 1,000 tickets")  # fmt: skip
_MOST_LINES = 50


def replay_html(result: Replay) -> str:
    """Return the page of a replay; it names tickets."""
    said = [line for line in result.lines if line.band == "say"]
    suggested = [line for line in result.lines if line.band != "say"]
    return render_page(
        "replay.html",
        result=result,
        heads=QUALITY_HEADS,
        qualities=quality_rows(result.qualities),
        tables={"Said outright": said[:_MOST_LINES], "Suggested": suggested[:_MOST_LINES]},
        totals={"Said outright": len(said), "Suggested": len(suggested)},
    )


def quality_rows(qualities: Sequence[ReplayQuality]) -> list[list[str]]:
    """Return the table of what lines were worth, one row a kind and band, in the order of the heads."""
    return [
        [
            quality.kind,
            BAND_WORDS[quality.band],
            format_count(quality.n_lines),
            format_count(quality.n_right),
            _with_interval(quality.precision),
            format_count(quality.n_tickets_with_kin),
            format_count(quality.n_tickets_helped),
            _with_interval(quality.recall),
            f"{quality.false_alarms_per_1000_tickets:.1f}",
        ]
        for quality in qualities
    ]


def _with_interval(share: Interval) -> str:
    return f"{format_share(share.value, 2)} {format_interval(share)}".strip()
