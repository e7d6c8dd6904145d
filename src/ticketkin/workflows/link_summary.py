"""What became of the links of a run, and how far a review is: links.json."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from ticketkin.core.tables import LabelsFrom, Links
from ticketkin.evaluation.recorded import LeftOutKindResult
from ticketkin.pairs.nearness import Nearness
from ticketkin.tickets.kin import KinGroups
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.review_links import Contradiction
from ticketkin.tickets.reviewed import Review

CONTRADICTED = "contradicted"
_MOST_CYCLES = 20
_MOST_CONTRADICTIONS = 20


@dataclass(frozen=True)
class ReviewSummary:
    """How far the review of a run is, and what contradicts it; empty where there is none."""

    counts: dict[str, int] = field(default_factory=dict)
    """Judged pairs by what was answered, and those that links contradict."""
    contradictions: list[str] = field(default_factory=list)
    """The first of the judged pairs that links join all the same, in words."""

    @classmethod
    def of(cls, review: Review, against: list[Contradiction]) -> "ReviewSummary":
        """Count the answers of a review and what stands `against` it."""
        counts = {"judged": review.answers.height, **review.by_kind}
        counts |= {
            "unsure": len(review.unsure),
            "without an answer": review.n_empty,
            CONTRADICTED: len(against),
        }
        shown = [str(contradiction) for contradiction in against[:_MOST_CONTRADICTIONS]]
        return cls(counts, shown)


class LinkSummary(BaseModel):
    """The whole of links.json: what was read, what of it are links of the run, and how far a review is."""

    model_config = ConfigDict(frozen=True)

    n_links: int
    labels_from: LabelsFrom
    by_kind: dict[str, int]
    by_origin: dict[str, int]
    n_read: int
    n_absent: int
    n_self: int
    n_repeated: int
    n_ignored: int
    n_rejected: int
    n_overruled: int = 0
    n_reversed: int
    n_cycles: int
    cycles: list[list[str]]
    """The first of them."""
    ignored_kinds: dict[str, int]
    unknown_kinds: dict[str, int]
    left_out_kinds: list[LeftOutKindResult] = []
    said_no: dict[str, int] = {}
    """Labels that say of their rows that they are no links, as written."""
    notes: list[str]
    n_people_kin_groups: int = 0
    """Independent kin groups that people linked."""
    n_kin_groups: int
    n_tickets_with_kin: int
    nearness_of_file: Nearness | None = None
    review: dict[str, int] = {}
    """Judged pairs by what was answered; none where nothing was put to a person."""
    review_contradictions: list[str] = []
    """The first of the judged pairs that links join all the same, in words."""

    @classmethod
    def of(
        cls,
        result: LinkResult,
        links: Links,
        groups: KinGroups,
        *,
        n_people_kin_groups: int,
        nearness: Nearness | None,
        review: ReviewSummary,
    ) -> "LinkSummary":
        """Count what was read (`result`) and what the run goes on with (`links` and their kin groups)."""
        return cls(
            n_links=len(links),
            labels_from=links.labels_from,
            by_kind=_counted(links, "kind"),
            by_origin=_counted(links, "origin"),
            n_read=result.n_read,
            n_absent=result.n_absent,
            n_self=result.n_self,
            n_repeated=result.n_repeated,
            n_ignored=result.n_ignored,
            n_rejected=result.n_rejected,
            n_overruled=result.n_overruled,
            n_reversed=result.n_reversed,
            n_cycles=len(result.cycles),
            cycles=result.cycles[:_MOST_CYCLES],
            ignored_kinds=result.ignored_kinds,
            unknown_kinds=result.unknown_kinds,
            left_out_kinds=[
                LeftOutKindResult(kind=kind.written, n_links=kind.n_links, why=kind.why, option=kind.option)
                for kind in result.left_out_kinds
            ],
            said_no=result.said_no,
            notes=result.notes,
            n_people_kin_groups=n_people_kin_groups,
            n_kin_groups=len(groups.groups),
            n_tickets_with_kin=int(groups.has_kin.sum()),
            nearness_of_file=None if nearness is None else nearness.rounded(),
            review=review.counts,
            review_contradictions=review.contradictions,
        )


def _counted(links: Links, column: str) -> dict[str, int]:
    return dict(links.frame.group_by(column).len().sort(column).iter_rows())
