"""Who labelled the pairs of a file, in the first line of a verdict on them."""

from dataclasses import replace

from ticketkin.core.tables import Labeller
from ticketkin.evaluation.verdict import Verdict
from ticketkin.evaluation.verdict_words import first_sentence

_WHAT_TO_DO = "State it with --labels-from person, rule or model: labels of a person alone prove anything."


def with_labeller(verdict: Verdict, labeller: Labeller) -> Verdict:
    """Return the verdict with who labelled the pairs in its first sentence; a person goes without saying."""
    if labeller == "person":
        return verdict
    answer, grounds = first_sentence(verdict.reason)
    if labeller == "unknown":
        reason = f"{answer[:-1]}; nobody has said who labelled these pairs. {_WHAT_TO_DO} {grounds}"
        return replace(verdict, reason=reason.strip())
    reason = (
        f"A {labeller} labelled these pairs, so they prove nothing: whatever is nearest to that {labeller} "
        f"looks best. {grounds}"
    )
    message = (
        f"A {labeller} made the labels, as --labels-from says, so a ranking near to it looks best. Let "
        "people judge some pairs, or give links that they made"
    )
    warnings = [
        warning.model_copy(update={"message": message}) if warning.code == "silver_labels" else warning
        for warning in verdict.warnings
    ]
    return replace(verdict, reason=reason.strip(), warnings=warnings)
