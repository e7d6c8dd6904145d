"""The tables that travel between stages: their columns, types and invariants.

Tickets are kept as columns (polars), not as one object a row: a service desk exports
hundreds of thousands of them. `Tickets`, `Links`, `Splits` and `Pairs` check what they
are given once, so that every later function may rely on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from ticketkin.core.ticket_fields import LINK_FIELDS, OPENING_FIELDS, PERSON_FIELDS, RESOLUTION_FIELDS
from ticketkin.core.ticket_row import TicketRow

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


LabelsFrom = Literal["person", "unknown", "silver"]
"""Who says which tickets are kin: people, nobody knows, or the overlap of words, a rule or a model."""
Labeller = Literal["unknown", "person", "rule", "model"]
"""Who labelled a file of pairs, as far as somebody said so."""


class Origin(StrEnum):
    """Who says two tickets are kin. Silver links are circular and never count as proof."""

    DUPLICATE_OF = "duplicate_of"
    PARENT = "parent"
    PROBLEM = "problem"
    CAUSED_BY = "caused_by"
    CLOSE_NOTES = "close_notes"
    STATED = "stated"
    FILE = "file"
    REVIEW = "review"
    UNKNOWN = "unknown"
    """A file of pairs of which nobody said who labelled it."""
    RULE = "rule"
    MODEL = "model"
    SILVER = "silver"

    @property
    def labels_from(self) -> LabelsFrom:
        """What the label is worth."""
        if self is Origin.UNKNOWN:
            return "unknown"
        return "silver" if self in (Origin.SILVER, Origin.RULE, Origin.MODEL) else "person"


class Kind(StrEnum):
    """What the link says; for CAUSAL the source caused the target."""

    DUPLICATE = "duplicate"
    RELATED = "related"
    CAUSAL = "causal"


class SplitName(StrEnum):
    """Where a ticket belongs."""

    TRAIN = "train"
    EVALUATION = "evaluation"
    HOLDOUT = "holdout"


class Phase(IntEnum):
    """Difficulty of a training pair, measured, not assumed."""

    EASY = 1
    MEDIUM = 2
    HARD = 3


TICKETS_SCHEMA: Mapping[str, pl.DataType] = {
    "ticket_id": pl.String(),
    "number": pl.String(),
    "sys_id": pl.String(),
    "opened_at": pl.Datetime("us"),
    **{name: pl.String() for name in OPENING_FIELDS},
    **{name: pl.String() for name in PERSON_FIELDS},
    **{name: pl.String() for name in RESOLUTION_FIELDS},
    **{name: pl.String() for name in LINK_FIELDS},
    "source_row": pl.Int64(),
}
_TICKET_TEXTS = [name for name, dtype in TICKETS_SCHEMA.items() if dtype == pl.String()]
LINKS_SCHEMA: Mapping[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
    "origin": pl.String(),
}
SPLITS_SCHEMA: Mapping[str, pl.DataType] = {"ticket_id": pl.String(), "split": pl.String()}
PAIRS_SCHEMA: Mapping[str, pl.DataType] = {
    "left": pl.String(),
    "right": pl.String(),
    "label": pl.Int8(),
    "kind": pl.String(),
    "phase": pl.Int8(),
    "origin": pl.String(),
    "split": pl.String(),
    "lexical_similarity": pl.Float32(),
    "base_similarity": pl.Float32(),
}


def field_codes(values: pl.Series) -> IntArray:
    """Return a number for each different text of a column, -1 where it is empty; shape (len(values),)."""
    coded = values.replace("", None).cast(pl.Categorical).to_physical().cast(pl.Int64)
    return np.asarray(coded.fill_null(-1).to_numpy(), dtype=np.int64)


def conform(frame: pl.DataFrame, schema: Mapping[str, pl.DataType], name: str) -> pl.DataFrame:
    """Return `frame` with exactly the columns of `schema`, in its order and types.

    Raises ValueError naming the missing columns: a programming fault, not a user's.
    """
    if list(frame.schema.items()) == list(schema.items()):
        return frame
    missing = [column for column in schema if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks the columns {missing}; it has {frame.columns}")
    return frame.select([pl.col(column).cast(dtype) for column, dtype in schema.items()])


@dataclass(frozen=True)
class Tickets:
    """Cleaned, redacted tickets, one a row, `ticket_id` unique; strings are "" where absent.

    `opened_at` is null where the export had no usable time.
    """

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        frame = self.frame
        if "stated_links" not in frame.columns:  # a run folder of version 0.1 has none
            frame = frame.with_columns(pl.lit("").alias("stated_links"))
        frame = conform(frame, TICKETS_SCHEMA, "Tickets")
        n_null = frame.null_count().row(0, named=True)
        if any(n_null[name] for name in _TICKET_TEXTS):
            frame = frame.with_columns(pl.col(_TICKET_TEXTS).fill_null(""))
        if frame["ticket_id"].n_unique() != frame.height:
            raise ValueError("Tickets: ticket_id must be unique")
        object.__setattr__(self, "frame", frame)

    @classmethod
    def none(cls) -> "Tickets":
        """Return a table without a ticket."""
        return cls(pl.DataFrame(schema=dict(TICKETS_SCHEMA)))

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def ids(self) -> list[str]:
        """Ticket ids in row order."""
        return self.frame["ticket_id"].to_list()

    def by_field(self) -> Iterator[TicketRow]:
        """Yield each ticket by field, in row order."""
        return cast("Iterator[TicketRow]", self.frame.iter_rows(named=True))

    def one_by_field(self, row: int) -> TicketRow:
        """Return one ticket by field."""
        return cast("TicketRow", self.frame.row(row, named=True))

    @cached_property
    def position(self) -> dict[str, int]:
        """Row number of each ticket id."""
        return {ticket_id: row for row, ticket_id in enumerate(self.ids)}

    @cached_property
    def has_times(self) -> bool:
        """True if every ticket has an opening time: only then can history be replayed."""
        return len(self) > 0 and self.frame["opened_at"].null_count() == 0

    @cached_property
    def visibility(self) -> "Visibility":
        """Which tickets a query may see: those opened before it, or all others without times.

        Of tickets opened in the same instant, the one with the shorter id, then the id that sorts first,
        counts as earlier: the order of the file does not matter.
        """
        if not self.has_times:
            return Visibility(n_tickets=len(self), order=None)
        filed = ("opened_at", pl.col("ticket_id").str.len_chars(), "ticket_id")
        by_time = self.frame.with_row_index("row").sort(*filed)["row"].to_numpy()
        order = np.empty(len(self), dtype=np.int64)
        order[by_time] = np.arange(len(self))
        return Visibility(n_tickets=len(self), order=order)


@dataclass(frozen=True)
class Visibility:
    """Which tickets existed when a query was opened; rows are those of `Tickets`."""

    n_tickets: int
    order: IntArray | None
    """Place of each row in opening order, shape (n_tickets,); None: all others are visible."""

    def mask(self, queries: IntArray) -> BoolArray:
        """Return what each query may see, shape (len(queries), n_tickets)."""
        if self.order is None:
            allowed = np.ones((len(queries), self.n_tickets), dtype=np.bool_)
            allowed[np.arange(len(queries)), queries] = False
            return allowed
        return self.order[None, :] < self.order[queries][:, None]


@dataclass(frozen=True)
class Links:
    """Links between tickets that are both present; undirected unless `kind` is causal."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", conform(self.frame, LINKS_SCHEMA, "Links"))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def labels_from(self) -> LabelsFrom:
        """'person' if people made every link: one silver or unknown link taints the proof."""
        values = {Origin(origin).labels_from for origin in self.frame["origin"].unique()}
        return "silver" if "silver" in values else "unknown" if "unknown" in values else "person"


@dataclass(frozen=True)
class Splits:
    """The split of every ticket."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", conform(self.frame, SPLITS_SCHEMA, "Splits"))

    def rows(self, tickets: Tickets, name: SplitName) -> IntArray:
        """Return the ascending row numbers of the tickets in split `name`."""
        chosen = self.frame.filter(pl.col("split") == name.value)["ticket_id"]
        return np.sort(np.array([tickets.position[t] for t in chosen], dtype=np.int64))


@dataclass(frozen=True)
class Pairs:
    """Labelled pairs; `label` 1 kin, 0 not kin. Both tickets lie in the pair's `split`."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", conform(self.frame, PAIRS_SCHEMA, "Pairs"))

    def __len__(self) -> int:
        return self.frame.height

    def of(self, split: SplitName) -> "Pairs":
        """Return the pairs of one split."""
        return Pairs(self.frame.filter(pl.col("split") == split.value))

    def rows(self, tickets: Tickets) -> tuple[IntArray, IntArray]:
        """Return the row numbers of the left and of the right tickets, each shape (n_pairs,)."""
        at = tickets.position
        left = np.array([at[t] for t in self.frame["left"]], dtype=np.int64)
        right = np.array([at[t] for t in self.frame["right"]], dtype=np.int64)
        return left, right
