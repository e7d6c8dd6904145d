"""Pairs that come as a file instead of an export: their texts become tickets, their labels links."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.tables import Kind, Labeller, Links, Origin, SplitName, Splits
from ticketkin.core.wording import number_of
from ticketkin.pairs.interchange import TextPairs, read_text_pairs
from ticketkin.tickets.cleaning import clean_text
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.reading import RawTable
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.settings import TicketSettings

GIVEN_SCHEMA: Mapping[str, pl.DataType] = {
    "left": pl.String(),
    "right": pl.String(),
    "label": pl.Int8(),
    "phase": pl.Int8(),
    "is_test": pl.Boolean(),
    "kind": pl.String(),
    "grade": pl.Float64(),
}
"""Ticket ids, 1 kin or 0 not, 1 to 3 or 0 where the file has no phases, which file it came from, what kind of
kin it is (duplicate where the file tells kin or not alone), and its grade (null where labels are none)."""
NO_PAIRS = pl.DataFrame(schema=dict(GIVEN_SCHEMA))
_UNNAMED = {1: Kind.DUPLICATE.value, 0: "none"}
SIMILARITY_KINDS = frozenset(_UNNAMED.values())
"""Kinds that a similarity learns; related and causal tickets are neither near nor far."""
MAPPING = {"ticket_id": "id", "description": "text", "category": "category"}
"""Columns of the table of texts."""


def read_given(
    train: Path, test: Path | None, settings: TicketSettings, kin_from: float | None = None
) -> tuple[RawTable, pl.DataFrame]:
    """Return the texts of one or two pair files as a table of tickets, and the pairs as `GIVEN_SCHEMA`.

    The same text is the same ticket wherever it stands, and so are texts that cleaning and redaction with
    `settings` make the same; how many these are stands in the notes. Labels may be grades, kin
    from `kin_from` on. Raises as `read_text_pairs`.
    """
    files = [(read_text_pairs(train, kin_from), False)]
    if test is not None:
        files.append((read_text_pairs(test, kin_from), True))
    ids = _TextIds(settings)
    raw_of: dict[str, str] = {}
    categories: dict[str, str] = {}
    for pairs, _ in files:
        for texts, named in (
            (pairs.left, pairs.left_categories),
            (pairs.right, pairs.right_categories),
        ):
            for text, category in zip(texts, named or [""] * len(texts), strict=True):
                ticket_id = ids.of(text)
                raw_of.setdefault(ticket_id, text)
                categories[ticket_id] = categories.get(ticket_id) or category
    table = pl.DataFrame(
        {"id": list(raw_of), "text": list(raw_of.values()), "category": list(categories.values())}
    )
    given = pl.concat([_as_frame(pairs, is_test, ids) for pairs, is_test in files])
    rows = list(range(1, table.height + 1))
    notes = [note for pairs, _ in files for note in pairs.notes]
    notes += _notes_on_merging([pairs for pairs, _ in files], ids)
    return RawTable(table, rows, table.height, notes=notes), given


class _TextIds:
    """The ticket id of each text: a hash of what stays visible of it.

    A hash of the text as it came would give away what redaction takes out: of a PIN there are ten thousand,
    and each can be tried.
    """

    def __init__(self, settings: TicketSettings) -> None:
        self._redactor = Redactor.if_asked(settings)
        self._known: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Return the id of a text."""
        if text not in self._known:
            cleaned = clean_text(text)
            visible = self._redactor.redact(cleaned) if self._redactor else cleaned
            digest = hashlib.sha256(visible.encode("utf-8", "surrogatepass")).hexdigest()
            self._known[text] = f"P{digest[:12]}"
        return self._known[text]

    @property
    def n_merged(self) -> int:
        """Texts that became another's ticket."""
        return len(self._known) - len(set(self._known.values()))


def _notes_on_merging(files: Sequence[TextPairs], ids: _TextIds) -> list[str]:
    """Tell what cleaning and redaction made the same."""
    notes = []
    if ids.n_merged:
        notes.append(
            f"{number_of(ids.n_merged, 'text is', 'texts are')} the same as another once they are cleaned "
            "and personal data is replaced; each such group is one ticket"
        )
    n_equal = sum(
        left != right and ids.of(left) == ids.of(right)
        for pairs in files
        for left, right in zip(pairs.left, pairs.right, strict=True)
    )
    if n_equal:
        notes.append(
            f"{number_of(n_equal, 'pair holds', 'pairs hold')} two texts that became the same so: left out"
        )
    return notes


def _as_frame(pairs: TextPairs, is_test: bool, ids: _TextIds) -> pl.DataFrame:
    n = len(pairs)
    return pl.DataFrame(
        {
            "left": [ids.of(text) for text in pairs.left],
            "right": [ids.of(text) for text in pairs.right],
            "label": pairs.labels,
            "phase": np.zeros(n, dtype=np.int64) if pairs.phases is None else pairs.phases,
            "is_test": [is_test] * n,
            "kind": pairs.kinds or [_UNNAMED[label] for label in pairs.labels.tolist()],
            "grade": [None] * n if pairs.grades is None else pairs.grades,
        },
        schema=dict(GIVEN_SCHEMA),
    )


_ORIGIN: Mapping[Labeller, Origin] = {
    "unknown": Origin.UNKNOWN,
    "person": Origin.FILE,
    "rule": Origin.RULE,
    "model": Origin.MODEL,
}
_WHO_LABELLED: Mapping[Labeller, str] = {
    "unknown": "nobody has said who labelled the pairs of the file: state it with --labels-from person, rule "
    "or model; the check circular_labels looks whether a similarity did",
    "person": "a person labelled the pairs of the file, as --labels-from says",
    "rule": "a rule labelled the pairs of the file, as --labels-from says: they prove nothing",
    "model": "a model labelled the pairs of the file, as --labels-from says: they prove nothing",
}


def links_of_given(given: pl.DataFrame, labeller: Labeller = "unknown") -> LinkResult:
    """Return the pairs labelled kin as links of their kind, duplicates where the file names none.

    A training pair that holds a text of the test pairs is no link: it would carry the test into
    training. Such pairs are counted in the notes.
    """
    test = test_ids(given)
    kin = given.filter((pl.col("label") == 1) & (pl.col("left") != pl.col("right")))
    crossing = ~kin["is_test"] & (kin["left"].is_in(test) | kin["right"].is_in(test))
    kept = kin.filter(~crossing)
    frame = kept.select(
        pl.col("left").alias("source"),
        pl.col("right").alias("target"),
        "kind",
        pl.lit(_ORIGIN[labeller].value).alias("origin"),
    ).unique(["source", "target", "kind"], keep="first", maintain_order=True)
    notes = [_WHO_LABELLED[labeller]]
    same = given.filter(pl.col("left") == pl.col("right")).height
    if same:
        notes.append(f"{number_of(same, 'pair holds', 'pairs hold')} the same text twice: left out")
    if crossing.any():
        notes.append(
            f"{number_of(int(crossing.sum()), 'training pair holds', 'training pairs hold')} a text of "
            "the test pairs: left out"
        )
    return LinkResult(
        links=Links(frame),
        n_read=given.filter(pl.col("label") == 1).height,
        n_self=given.filter((pl.col("label") == 1) & (pl.col("left") == pl.col("right"))).height,
        n_repeated=kept.height - frame.height,
        n_ignored=int(crossing.sum()),
        notes=notes,
    )


def test_ids(given: pl.DataFrame) -> list[str]:
    """Return the ids of all texts of the test pairs."""
    test = given.filter("is_test")
    return pl.concat([test["left"], test["right"]]).unique().to_list()


def with_given_holdout(splits: Splits, given: pl.DataFrame) -> Splits:
    """Return `splits` with exactly the texts of the test file held out, where there is one."""
    test = test_ids(given)
    if not test:
        return splits
    name = pl.col("split")
    return Splits(
        splits.frame.with_columns(
            pl.when(pl.col("ticket_id").is_in(test))
            .then(pl.lit(SplitName.HOLDOUT.value))
            .when(name == SplitName.HOLDOUT.value)
            .then(pl.lit(SplitName.TRAIN.value))
            .otherwise(name)
            .alias("split")
        )
    )
