"""Does the procedure find nothing where there is nothing?"""

from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks

_CODE = "shuffled_links"


def shuffled_links(shuffled: ShuffledLinks) -> Check:
    """Judge what the whole procedure gained on shuffled links."""
    if not shuffled.gains:
        return skipped(_CODE, shuffled.evidence)
    if shuffled.passed:
        return passed(_CODE, shuffled.evidence)
    return failed(
        _CODE,
        shuffled.evidence,
        "folds call chance a gain on these tickets, so their yes can't be trusted; judge on a split instead: "
        "--set evaluation.by=split",
    )
