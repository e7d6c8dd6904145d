"""What earlier stages recorded, as report.json repeats it.

No key is required and further ones are kept: a copy for others holds only what names nobody, and a report
of an earlier version has the keys of its time.
"""

from pydantic import ConfigDict, JsonValue, with_config
from typing_extensions import TypedDict  # pydantic reads that of `typing` from Python 3.12 on

from ticketkin.core.tables import LabelsFrom
from ticketkin.evaluation.metric_results import ReportPart

_REPEATED = ConfigDict(extra="allow", use_attribute_docstrings=True)


class LeftOutKindResult(ReportPart):
    """A kind of links that is not used."""

    kind: str
    """As it is written; "" where no kind is given."""
    n_links: int
    why: str
    option: str | None
    """The option that makes links of it; null where no setting can name the kind."""


class SplitCounts(ReportPart):
    """How large one part of the split is."""

    n_tickets: int
    n_with_kin: int
    """Tickets with known kin."""
    n_kin_groups: int
    n_queries: int
    """Tickets that have kin which they may see."""


@with_config(_REPEATED)
class RecordedTickets(TypedDict, total=False):
    """The account of the import, as import.json holds it."""

    system: str
    mapping: dict[str, str]
    unused_columns: list[str]
    n_rows: int
    n_tickets: int
    n_rejected: int
    n_blank: int
    n_collapsed: int
    n_duplicate_ids: int
    rejections: dict[str, int]
    repairs: dict[str, int]
    redactions: dict[str, int]
    notes: list[str]
    people_keyed_by: str
    people_left_out: str
    other_mappings: dict[str, str]


@with_config(_REPEATED)
class RecordedLinks(TypedDict, total=False):
    """The account of the links, as links.json holds it."""

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
    n_overruled: int
    n_reversed: int
    n_cycles: int
    cycles: list[list[str]]
    ignored_kinds: dict[str, int]
    unknown_kinds: dict[str, int]
    left_out_kinds: list[LeftOutKindResult]
    said_no: dict[str, int]
    notes: list[str]
    n_people_kin_groups: int
    n_kin_groups: int
    n_tickets_with_kin: int
    nearness_of_file: dict[str, JsonValue] | None
    review: dict[str, int]
    review_contradictions: list[str]


@with_config(_REPEATED)
class RecordedProfile(TypedDict, total=False):
    """What is in the tickets, as profile.json holds it; shares lie between 0 and 1."""

    n_tickets: int
    n_empty: int
    first_opened: str | None
    last_opened: str | None
    n_without_time: int
    length_tokens_median: float
    length_tokens_p95: float
    limit_tokens: int
    share_cut: float
    categories: dict[str, int]
    languages: dict[str, float]
    n_exact_repeats: int
    templates: list[tuple[str, int]]


@with_config(_REPEATED)
class RecordedEncoder(TypedDict, total=False):
    """The untouched model, as embeddings/base.json holds it."""

    name: str
    fingerprint: str
    source_fingerprint: str
    runtime: dict[str, JsonValue]
    max_length_tokens: int
    device: str
    packaged: bool
    template: str
    code: str
    tuned_as: str


@with_config(_REPEATED)
class RecordedStrength(TypedDict):
    """How much of a tuned change was kept."""

    chosen: float


@with_config(_REPEATED)
class RecordedTraining(TypedDict, total=False):
    """The record of a training, as training_metadata.json holds it."""

    strength: RecordedStrength | None
