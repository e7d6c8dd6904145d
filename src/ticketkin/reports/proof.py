"""How the verdict was reached and what so many links can prove, for a reader who is no engineer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.power import FEWEST_KIN_GROUPS
from ticketkin.evaluation.proof_results import ChoiceResult, CrossFittingResult, PowerResult
from ticketkin.evaluation.schema import Report
from ticketkin.reports.drawing import ReportFigure
from ticketkin.reports.formatting import format_gain, format_share
from ticketkin.reports.proof_figures import by_baseline, learning_figure, power_figure, shuffled_figure

# A last doubling of the links that brought less than this, by the upper end of its range, brought nothing.
_HARDLY = 0.02
# Names of what is chosen, by candidate; another one is called by its own.
_OPTIONS = {
    "head": "strength of the adjustment (head)",
    "fusion": "how far the learned ranking may move from the hybrid",
}
_TICKETS = {"evaluation": "evaluation", "holdout": "held-out"}
_SPLITS = {
    "train": "learned from",
    "evaluation": "compared on",
    "holdout": "kept aside for one last check",
}


@dataclass(frozen=True)
class ChoiceRow:
    """One thing that was chosen anew in each fold."""

    name: str
    in_folds: str
    """Each value with how often it was chosen."""
    kept: str
    """What was chosen on all links."""


@dataclass(frozen=True)
class ProofSection:
    """What the section shows: sentences, what was chosen, figures."""

    judged: list[str]
    shuffled: str
    choices: list[ChoiceRow]
    n_choices: int
    power: list[str]
    learning: list[str]


def proof_section(report: Report) -> ProofSection:
    """Return the words of the section."""
    folds = report.cross_fitting
    return ProofSection(
        judged=_judged_by_folds(report, folds) if folds else _judged_by_split(report),
        shuffled=_shuffled(folds) if folds and folds.shuffled.gains else "",
        choices=_choices(folds) if folds else [],
        n_choices=len(folds.choices) if folds else 0,
        power=_power(report),
        learning=_learning(report),
    )


def proof_figures(report: Report) -> list[ReportFigure]:
    """Return the figures for which there is something to draw."""
    drawn = []
    folds, power = report.cross_fitting, report.power
    if folds is not None and folds.shuffled.gains:
        drawn.append(shuffled_figure(folds))
    if power is not None and power.smallest_provable_gain is not None:
        drawn.append(power_figure(power, power.smallest_provable_gain))
    if report.learning_curve is not None:
        drawn.append(learning_figure(report.learning_curve))
    return drawn


def _judged_by_folds(report: Report, folds: CrossFittingResult) -> list[str]:
    procedure, verdict = folds.procedure, report.verdict
    others = folds.n_folds - 1
    gain = format_gain(procedure.gain)
    return [
        f"No links were put aside: all of them judged, in turn. The {number_of(folds.n_kin_groups, 'group')} "
        f"of duplicates were dealt into {number_of(folds.n_folds, 'part')}. The tickets of each part were "
        f"ranked by what had learned from the other {others} alone, so nothing that ranked a ticket had seen "
        f"its links. This was done {_times(folds.n_repeats)}; a ticket counts once, with the mean of its "
        "results.",
        "What was judged is the whole procedure, its choices included: in every part it chose anew what to "
        f"rank by. Over {report.base_called} it gained {gain} in {METRICS.primary.title} (95 % range in "
        f"brackets) on {number_of(procedure.n_queries, 'ticket')} with known kin in "
        f"{number_of(procedure.n_clusters, 'group')} of duplicates.",
        f"What is kept, “{verdict.champion}”, "
        + (
            "learns nothing from links."
            if verdict.kept_baseline or verdict.champion not in folds.final.options
            else "was then fitted on all links. No link was left to judge it by: it was the procedure that "
            "was judged, and with all links it has learned from more than it had in any part."
        ),
        *(
            [
                f"Not judged: {', '.join(folds.left_out)}. To train it once for each part would take too "
                "long. To try it on links that are put aside: --set evaluation.by=split"
            ]
            if folds.left_out
            else []
        ),
    ]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times with other parts"


def _judged_by_split(report: Report) -> list[str]:
    if report.verdict.answer == "unproven":
        return [
            "Nothing was judged: nobody linked these tickets. The tables and figures below rest on labels "
            "guessed from similar wording, and say nothing about your desk.",
        ]
    sentences = []
    parts = [
        f"{counts.n_tickets:,} were {_SPLITS[name]} ({counts.n_with_kin:,} with known kin)"
        for name, counts in report.splits.items()
        if name in _SPLITS
    ]
    if parts:
        sentences.append(
            "The tickets were dealt into three parts, each group of duplicates whole in one of them: "
            f"{', '.join(parts)}."
        )
    verdict = report.verdict
    own = {
        comparison.split: comparison
        for comparison in report.comparisons
        if comparison.metric == METRICS.primary.name
        and (comparison.challenger, comparison.baseline) == (verdict.champion, verdict.baseline)
    }
    shown = [
        f"{format_gain(one.gain)} on {one.n_queries:,} {_TICKETS[split]} "
        f"tickets in {number_of(one.n_clusters, 'group')} of duplicates"
        for split, one in own.items()
    ]
    if shown:
        sentences.append(
            f"Over {report.base_called}, “{verdict.champion}” gained in {METRICS.primary.title} (95 % range "
            f"in brackets) {', and '.join(shown)}."
        )
    return sentences


def _shuffled(folds: CrossFittingResult) -> str:
    shuffled = folds.shuffled
    n = len(shuffled.gains)
    above = sum(gain >= (folds.procedure.gain.value or 0.0) for gain in shuffled.gains)
    return (
        "As a check, the same procedure was tried on links put on tickets at random, where there is "
        f"nothing to find: {shuffled.n_yes} of {number_of(n, 'try')} looked like a gain (at most 1 in 20 is "
        f"expected by chance), and {above or 'none'} came up to the gain on your links."
    )


def _choices(folds: CrossFittingResult) -> list[ChoiceRow]:
    fitted = list(folds.final.options)
    rows = [ChoiceRow("what to rank by", _counted([c.champion for c in folds.choices]), folds.final.champion)]
    for name in fitted:
        values = [_option(choice, name) for choice in folds.choices]
        rows.append(ChoiceRow(_OPTIONS.get(name, name), _counted(values), _option(folds.final, name)))
    return rows


def _option(choice: ChoiceResult, name: str) -> str:
    value = choice.options[name].removeprefix("strength ")
    return "not at all" if (name, value) == ("fusion", "hybrid") else value


def _counted(values: Sequence[str]) -> str:
    return ", ".join(f"{value} ({n} of {len(values)})" for value, n in Counter(values).most_common())


def _power(report: Report) -> list[str]:
    power, primary = report.power, METRICS.primary.title
    if power is None:
        return [
            "Without links that people made nothing can be proven, however good it is. About "
            f"{FEWEST_KIN_GROUPS} groups of duplicates prove a gain of .10 in {primary} in four of five "
            "cases."
        ]
    if power.smallest_provable_gain is None:
        return [
            f"{number_of(power.n_kin_groups, 'group')} of duplicates are too few to tell what they could "
            "prove."
        ]
    first = (
        f"{number_of(power.n_kin_groups, 'group')} of duplicates judged. So many prove a gain of "
        f"{format_share(power.smallest_provable_gain, 2)} or more in {primary}, in four of five such studies."
    )
    return [first, _more(report, power)]


def _more(report: Report, power: PowerResult) -> str:
    seen = None if power.gain is None else power.gain.gain.value
    shown = "" if seen is None else f" of {format_share(seen, 2)}"
    if power.n_more_kin_groups is None:
        return "No gain was seen, so more links of the same kind would prove none either."
    if not power.n_more_kin_groups:
        return f"The gain{shown} that was seen is larger than that."
    if power.is_proven:
        return (
            f"The gain{shown} that was seen is smaller, and was proven all the same, as one in a few such "
            "studies can."
        )
    links = _links_for(report, power.n_more_kin_groups)
    return (
        f"The gain{shown} that was seen is smaller. If it is real, about "
        f"{number_of(power.n_more_kin_groups, 'more group')} of duplicates would prove it{links}."
    )


def _links_for(report: Report, n_kin_groups: int) -> str:
    """Return how many links so many kin groups are, where groups are as large as those at hand."""
    groups, tickets = report.links.get("n_kin_groups"), report.links.get("n_tickets_with_kin")
    if not groups or tickets is None:
        return ""
    return f", which takes about {number_of(ceil(n_kin_groups * (tickets - groups) / groups), 'link')}"


def _learning(report: Report) -> list[str]:
    curve = report.learning_curve
    if curve is None:
        return []
    first, last = curve.points[0], curve.points[-1]
    gains = by_baseline(curve)
    name = "hybrid" if "hybrid" in gains else next(iter(gains))
    what = (
        "words and meaning added up (the hybrid, which needs no links)" if name == "hybrid" else f"“{name}”"
    )
    doubled = curve.last_doubling.paired_gain()
    brought = f"The last doubling brought {format_gain(doubled.gain)}: "
    if doubled.is_gain:
        brought += "it still learns, so more links should make it better."
    elif doubled.is_loss:
        brought += "more links made it worse here, which is unusual; look at the checks of the labels."
    elif doubled.gain.high is not None and doubled.gain.high <= _HARDLY:
        brought += "it has learned most of what links of this kind can teach."
    else:
        brought += "that could be chance, so whether more links would help can't be told yet."
    return [
        f"Against {what}, the learned ranking gained {format_gain(gains[name][0].gain)} in "
        f"{METRICS.primary.title} when it learned from {number_of(first.n_kin_groups, 'group')} of "
        f"duplicates, and {format_gain(gains[name][-1].gain)} from {last.n_kin_groups:,}.",
        brought,
    ]
