"""What a reader of the report does next."""

from dataclasses import dataclass

from ticketkin.core.wording import number_of
from ticketkin.evaluation.power import is_within_reach
from ticketkin.evaluation.schema import Report
from ticketkin.reports.wording import has_silver_labels


@dataclass(frozen=True)
class NextStep:
    """One thing to do, with the command that does it where there is one."""

    words: str
    command: str = ""


def next_steps(report: Report, is_synthetic: bool, n_examples: int, n_to_review: int = 0) -> list[NextStep]:
    """Return what to do next, most useful first; `n_to_review` pairs wait in to_review.csv."""
    verdict = report.verdict
    if is_synthetic:
        return [
            NextStep("Run it on your own export:", "ticketkin run incidents.csv"),
            NextStep(
                "If people marked duplicates in another file, give it too: more links make a better model "
                "and a surer answer.",
                "ticketkin run incidents.csv --links duplicates.csv",
            ),
        ]
    steps = []
    if n_to_review and verdict.answer != "yes":
        steps.append(
            NextStep(
                f"Judge the {number_of(n_to_review, 'pair')} in to_review.csv, which lies beside this "
                "report: fill in the column kind, leave it empty where you are not sure. Then, where FOLDER "
                "is the folder of this report:",
                "ticketkin run FOLDER --reviewed FOLDER/to_review.csv",
            )
        )
    if has_silver_labels(report):
        steps.append(
            NextStep(
                "Get links made by people (duplicate-of, parent, problem) and give them with --links FILE."
            )
        )
    if verdict.answer == "unproven":
        steps.append(NextStep(f"Until then rank with {verdict.champion}, which learns from no links."))
    elif verdict.kept_baseline:
        steps.append(NextStep(_to_try_again(report)))
    else:
        steps.append(
            NextStep(
                "Put it to use: bundle/ in the run folder answers for new tickets; model/ is the best "
                "encoder alone, for programs that load it themselves. To ask about a ticket that just "
                "opened, where FOLDER is the folder of this report:",
                'ticketkin relate FOLDER --text "VPN drops every ten minutes"',
            )
        )
    if n_examples:
        steps.append(
            NextStep(
                "Read the worst mistakes below with someone from the desk: some “false alarms” may be kin "
                "that nobody linked."
            )
        )
    if report.warnings:
        steps.append(NextStep("Go through the warnings below before you rely on the numbers."))
    return steps


def _to_try_again(report: Report) -> str:
    power, baseline = report.power, report.verdict.baseline
    more = None if power is None else power.n_more_kin_groups
    if power is not None and more is not None and is_within_reach(more, power.n_kin_groups):
        return (
            f"Keep using {baseline}. To find out whether the gain is real, link about "
            f"{number_of(more, 'more group')} of duplicates and give them with --links FILE."
        )
    return f"Keep using {baseline}. To try again, add links of people with --links FILE."
