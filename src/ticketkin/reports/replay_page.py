"""The page of a replay: what would have been said, and how much of it was right."""

from collections.abc import Mapping, Sequence
from typing import Any

from ticketkin.core.wording import percent
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.bands import BAND_WORDS
from ticketkin.reports.formatting import format_count, format_interval, format_share
from ticketkin.reports.page import render_page

QUALITY_HEADS = ("kind", "band", "lines", "right", "precision", "tickets with such kin", "helped", "recall",
                 "false alarms in 1,000 tickets")  # fmt: skip
_MOST_LINES = 50


def replay_html(result: Mapping[str, Any]) -> str:
    """Return the page of a replay as JSON; it names tickets."""
    lines = [_row(line) for line in result["lines"]]
    reported = [row for row, line in zip(lines, result["lines"], strict=True) if line["band"] == "say"]
    suggested = [row for row, line in zip(lines, result["lines"], strict=True) if line["band"] != "say"]
    return render_page(
        "replay.html",
        result=result,
        heads=QUALITY_HEADS,
        qualities=quality_rows(result["qualities"]),
        tables={"Said outright": reported[:_MOST_LINES], "Suggested": suggested[:_MOST_LINES]},
        totals={"Said outright": len(reported), "Suggested": len(suggested)},
    )


def quality_rows(qualities: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the table of what lines were worth, one row a kind and band, in the order of the heads."""
    return [
        [
            quality["kind"],
            BAND_WORDS[quality["band"]],
            format_count(quality["n_lines"]),
            format_count(quality["n_right"]),
            _with_interval(quality["precision"]),
            format_count(quality["n_tickets_with_kin"]),
            format_count(quality["n_tickets_helped"]),
            _with_interval(quality["recall"]),
            f"{quality['false_alarms_per_1000_tickets']:.1f}",
        ]
        for quality in qualities
    ]


def _with_interval(values: Mapping[str, float | None]) -> str:
    share = Interval.from_json(values)
    return f"{format_share(share.value, 2)} {format_interval(share)}".strip()


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **line,
        "opened": line["opened_at"][:16].replace("T", " "),
        "percent": percent(line["probability"]),
        "is_right": line["kind"] == line["linked_as"],
    }
