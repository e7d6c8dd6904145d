"""How often the links that judge were looked at before a number came of them."""

from ticketkin.core.checks import Check, passed, warning
from ticketkin.core.wording import number_of
from ticketkin.runs.holdout_ledger import Looks

_CODE = "holdout_openings"


def holdout_openings(looks: Looks) -> Check:
    """Warn where the links that judge were opened with other settings, too: whoever chooses is among them."""
    n_seeds = len(looks.seeds)
    tried = f"; {number_of(n_seeds, 'seed was', 'seeds were')} tried on these tickets" if n_seeds > 1 else ""
    evidence = f"{looks.sentence}{tried}"
    if looks.n_looks > 1:
        return warning(
            _CODE,
            evidence,
            "whoever chooses among these settings by this number chooses on the links that judge: prove the "
            "last choice on links that nobody has looked at, such as those of a later month",
        )
    return passed(_CODE, evidence)
