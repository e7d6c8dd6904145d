"""The section on pairs that the winner can hardly tell."""

from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.borderline import BorderlineKind
from ticketkin.reports.material import PairExample, ReportMaterial

_TITLE = "On the border"
_ABSENT = "There are none: no test pair was decided."


def borderline_section(material: ReportMaterial) -> tuple[str, str, tuple[PairExample, ...], str]:
    """Return title, what was measured, the pairs, and what stands in place of none."""
    test = material.borderline
    if test is None:
        return _TITLE, "", (), _ABSENT
    n = sum(kind.n_pairs for kind in test.kinds)
    told = "; ".join(_told(kind) for kind in test.kinds if kind.n_pairs)
    return (
        _TITLE,
        f"The {number_of(n, 'test pair')} nearest the threshold of {test.threshold:.3f} (similarity "
        f"{test.lowest:.3f} to {test.highest:.3f}), where the winner can hardly tell: {told}. The nearest of "
        "them:",
        material.borderline_pairs,
        _ABSENT,
    )


def _told(kind: BorderlineKind) -> str:
    what = "kin" if kind.is_kin else "strangers"
    overall = "" if kind.share_right_of_all is None else f", {percent(kind.share_right_of_all)} of all {what}"
    return f"of {kind.n_pairs:,} {what} {kind.n_right:,} are told rightly{overall}"
