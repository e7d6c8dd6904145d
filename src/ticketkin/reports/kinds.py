"""What the report says of kinds of kin and of families."""

from collections.abc import Mapping
from typing import Any

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.bands import BAND_WORDS
from ticketkin.reports.drawing import ReportFigure
from ticketkin.reports.formatting import ABSENT, format_count, format_metric, format_share
from ticketkin.reports.kin_figures import family_figure, kinds_confusion_figure, reliability_figure
from ticketkin.reports.material import ReportMaterial

_QUALITY = ("precision", "recall", "f1")
_NOT_LEARNED = "Kinds of kin were not learned in this run."
BAND_HEADS = (
    "band",
    "from probability",
    "reported",
    "correct",
    "true pairs",
    "false alarms in 1,000 tickets",
)
"""Columns after the kind: what is reported of held-out tickets, and how much of it is right."""


def kinds_figures(material: ReportMaterial) -> list[ReportFigure]:
    """Return the figures of kinds and families for which there is something to draw."""
    drawn = []
    learned = material.relations
    if learned.get("learned"):
        result = learned["results"][learned["model"]]
        drawn.append(kinds_confusion_figure(list(learned["counts"]), result["confusion"]))
        drawn.append(reliability_figure(result["reliability"]))
    if material.families.get("families"):
        drawn.append(family_figure(material.families["families"]))
    return drawn


def kinds_absent(material: ReportMaterial) -> str:
    """Return why there is nothing to say of kinds."""
    reason = material.relations.get("reason")
    return f"Kinds of kin were not learned: {reason}." if reason else _NOT_LEARNED


def kinds_section(material: ReportMaterial) -> dict[str, Any] | None:
    """Return what the section on kinds shows, or None where no kinds were learned."""
    learned = material.relations
    if not learned.get("learned"):
        return None
    result, two_stage = learned["results"][learned["model"]], learned["two_stage"]
    counts = ", ".join(f"{format_count(n)} {kind}" for kind, n in learned["counts"].items())
    return {
        "counts": f"Pairs whose kind people stated: {counts} (the last sampled to go with them)",
        "notes": learned["told"],
        "folds": f"{learned['n_repeats']} times {learned['n_folds']} folds, "
        f"{learned['model'].replace('_', ' ')}",
        "macro": format_metric(Interval.from_json(result["macro_f1"])),
        "rows": [
            {
                "kind": kind,
                "n": format_count(quality["n"]),
                **{name: format_metric(Interval.from_json(quality[name])) for name in _QUALITY},
            }
            for kind, quality in result["by_kind"].items()
        ],
        "n_queries": format_count(two_stage["holdout"]["n_queries"]),
        "band_heads": BAND_HEADS,
        "bands": [
            {"kind": kind, "cells": _band_cells(two_stage, kind, band)}
            for kind in two_stage["bands"]["say"]
            for band in ("say", "suggest")
        ],
        "gates": learned["gates"],
    }


def _band_cells(two_stage: Mapping[str, Any], kind: str, band: str) -> list[tuple[str, str]]:
    quality, threshold = two_stage["holdout"][f"{kind}_{band}"], two_stage["bands"][band][kind]
    false_alarms = f"{quality['false_alarms_per_1000_tickets']:.1f}"
    cells = (
        BAND_WORDS[band],
        "never" if threshold is None else format_share(threshold, 2),
        *(format_count(quality[count]) for count in ("n_said", "n_right", "n_true")),
        ABSENT if threshold is None else false_alarms,
    )
    return list(zip(BAND_HEADS, cells, strict=True))


def largest_families(material: ReportMaterial) -> dict[str, Any] | None:
    """Return the table of the largest families, or None where no link joins two tickets."""
    families = material.families
    if not families.get("families"):
        return None
    return {
        "summary": f"{format_count(families['n_families'])} families over "
        f"{format_count(families['n_tickets'])} tickets; all of them lie in families/ as CSV, JSON and "
        "GraphML.",
        "rows": [
            {
                "family": family["family"],
                "cells": [
                    ("tickets", format_count(len(family["tickets"]))),
                    ("duplicates", format_count(len(family["duplicate_of"]))),
                    ("related", format_count(len(family["related"]))),
                    ("causal", format_count(len(family["causal"]))),
                    ("longest chain", " → ".join(family["longest_chain"]) or ABSENT),
                ],
            }
            for family in families["families"]
        ],
    }
