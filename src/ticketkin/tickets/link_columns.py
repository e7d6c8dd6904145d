"""Columns of an export that name linked tickets by kind, as Jira and Bugzilla write them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

# "Outward issue link (Duplicate)"; a repeated column has a number behind its name.
_JIRA = re.compile(r"^(outward|inward) issue link \((.+?)\)(?:_\d+)?$", re.IGNORECASE)
# Bugzilla's own columns; "duplicates" lists the reports that were closed in favour of this one.
_BUGZILLA = {
    "depends_on": ("depends on", True),
    "dependson": ("depends on", True),
    "blocks": ("blocks", True),
    "blocked": ("blocks", True),
    "see_also": ("see also", True),
    "duplicates": ("duplicate", False),
    "regressed_by": ("regressed by", True),
    "regressions": ("regressions", True),
}
_SEPARATORS = r"[,;\s]+"
# Jira's REST API keeps all links of an issue in one field, read as lines "type: …", "outwardIssue: …".
_ISSUE_LINKS = "issuelinks"
_ISSUE_LINK = re.compile(
    r"^ *type: (?P<kind>.+)\n(?:(?! *type: ).*\n)*? *(?P<way>outward|inward)Issue: (?P<key>\S+)", re.MULTILINE
)


@dataclass(frozen=True)
class LinkColumn:
    """A column of ticket references, all linked in one way to the ticket of their row."""

    name: str
    kind: str
    """The link type as the system calls it."""
    """Empty where each cell names the types of its links itself, as Jira's REST API does."""
    outward: bool
    """True where the type reads from this ticket to the other, such as 'duplicates'."""


def link_columns(columns: Sequence[str], system: str) -> list[LinkColumn]:
    """Return the columns among `columns` that name linked tickets."""
    linking = []
    for name in columns:
        if match := _JIRA.match(name.strip()):
            linking.append(LinkColumn(name, match[2].strip(), match[1].lower() == "outward"))
        elif system == "jira" and name.strip().lower() == _ISSUE_LINKS:
            linking.append(LinkColumn(name, "", outward=True))
        elif system == "bugzilla" and (key := name.strip().lower().replace(" ", "_")) in _BUGZILLA:
            linking.append(LinkColumn(name, *_BUGZILLA[key]))
    return linking


def stated_links(frame: pl.DataFrame, columns: Sequence[LinkColumn]) -> pl.Series:
    """Return the links of each row as lines `kind > reference` or, where inward, `kind < reference`."""
    if not columns:
        return pl.Series("stated_links", [""] * frame.height, dtype=pl.String)
    parts = []
    for column in columns:
        if not column.kind:
            written = [_issue_links(cell) for cell in frame[column.name]]
            parts.append(pl.lit(pl.Series(written, dtype=pl.String)))
            continue
        sign = " > " if column.outward else " < "
        references = pl.col(column.name).str.replace_all(_SEPARATORS, " ").str.strip_chars(" ")
        kind = _kind(column.kind)
        lines = pl.lit(f"{kind}{sign}") + references.str.replace_all(" ", f"\n{kind}{sign}", literal=True)
        parts.append(pl.when(references != "").then(lines))
    return (
        frame.select(pl.concat_str(parts, separator="\n", ignore_nulls=True).fill_null(""))
        .to_series()
        .alias("stated_links")
    )


def _kind(written: str) -> str:
    return re.sub(r"[\s<>]+", " ", written).strip()


def _issue_links(cell: str) -> str | None:
    lines = [
        f"{_kind(link['kind'])} {'>' if link['way'] == 'outward' else '<'} {link['key']}"
        for link in _ISSUE_LINK.finditer(cell)
    ]
    return "\n".join(lines) or None


def read_stated_links(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield kind, reference and whether it is outward for each line of a ticket's `stated_links`."""
    for line in text.splitlines():
        kind, sign, reference = line.rpartition(" > ") if " > " in line else line.rpartition(" < ")
        yield kind, reference, sign == " > "
