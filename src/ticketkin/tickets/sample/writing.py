"""Incidents to a file, with the scars that exports carry."""

import csv
import json
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import ConfigurationError
from ticketkin.core.outputs import check_file_output
from ticketkin.core.wording import number_of
from ticketkin.tickets.sample.incidents import Incident, make_incidents

COLUMNS = (
    "number", "sys_id", "opened_at", "short_description", "description", "category", "subcategory",
    "business_service", "cmdb_ci", "assignment_group", "priority", "state", "caller_id", "parent_incident",
    "problem_id", "caused_by", "close_code", "close_notes", "resolved_at", "closed_at", "sys_updated_on",
)  # fmt: skip
AT_ONCE = 0.8
"""What the demo and `ticketkin sample` are written with: fields and times alone tell few events apart."""
OMITTED = 0.05
"""Share of links that nobody records, at the good desk that both show. Of two tickets of one event that nobody
links, a true answer counts as a false alarm, and no threshold can tell it from one."""
_SMALLEST = 20
_KNOWN_SUFFIXES = (".csv", ".jsonl")
# Excel counts days from here; an export that went through it has numbers in place of some times.
_EXCEL_SCAR_SHARE = 0.02
_NULL_SHARE = 0.03
# Carriage returns that a spreadsheet wrote out, and UTF-8 once read as Windows-1252.
_ESCAPE_SHARE = _MOJIBAKE_SHARE = 0.02


@dataclass(frozen=True)
class SampleSummary:
    """What was written, and the truth behind it."""

    n_tickets: int
    n_events: int
    """Events behind the tickets, alerts apart."""
    n_kin_groups: int
    """Events that at least two people reported."""
    n_links: int
    """Links written: parents, notes of duplicates and causes."""
    n_links_omitted: int
    """Links that are true but that nobody recorded."""
    n_causes: int
    """Follow-up symptoms whose `caused_by` names the ticket of the cause."""
    n_alerts: int
    n_shared_templates: int
    """Sentences that share a template with another event; 0 in samples of the default size."""


def _row(incident: Incident, random: Random) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "")
    row.update(
        number=incident.number, sys_id=uuid.UUID(int=random.getrandbits(128)).hex,
        opened_at=f"{incident.opened_at:%Y-%m-%d %H:%M:%S}", short_description=incident.title,
        description=incident.description, category=incident.category, subcategory=incident.subcategory,
        business_service=incident.service.name, cmdb_ci=incident.item,
        assignment_group=incident.service.group, caller_id=incident.caller, state="Closed",
        priority=random.choice(("1 - Critical", "2 - High", "3 - Moderate", "3 - Moderate", "4 - Low")),
    )  # fmt: skip
    row.update(incident.columns)
    if random.random() < _EXCEL_SCAR_SHARE:
        row["closed_at"] = f"{45300 + random.random() * 100:.5f}"
    if random.random() < _ESCAPE_SHARE:
        row["description"] = row["description"].replace(". ", "._x000D_\n")
    if random.random() < _MOJIBAKE_SHARE:
        quoted = row["description"].replace("'", "\u2019").replace(" - ", " \u2013 ")
        row["description"] = quoted.encode("utf-8").decode("cp1252", errors="replace")
    if random.random() < _NULL_SHARE:
        row[random.choice(("subcategory", "cmdb_ci", "problem_id", "priority"))] = "null"
    return row


def _write_rows(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...], json_lines: bool) -> None:
    # Excel starts "CSV UTF-8" with a byte order mark.
    encoding = "utf-8" if json_lines else "utf-8-sig"
    with atomic_path(path) as temporary, temporary.open("w", encoding=encoding, newline="") as file:
        if json_lines:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def write_sample(
    path: Path,
    n_tickets: int = 1200,
    seed: int = 7,
    *,
    at_once: float = 0.0,
    omitted: float = 0.2,
    write_truth: bool = False,
    force: bool = False,
) -> SampleSummary:
    """Write `n_tickets` synthetic incidents to a .csv or .jsonl file and return the counts.

    The same seed writes the same bytes. With the chance `at_once`, an event that several people report
    breaks beside others of the same fault, service, town and hours, so that the text alone tells them apart.
    The share `omitted` of the true links is left out. With `write_truth`, `truth.csv` beside the file gives
    every ticket's number, event (empty for alerts), role (report, single, follow_up, alert) and cause.
    Raises ConfigurationError for another suffix or fewer than 20 tickets, OutputRefusedError where a file
    exists and `force` is not given.
    """
    suffix = path.suffix.lower()
    if suffix not in _KNOWN_SUFFIXES:
        raise ConfigurationError(
            f"The sample can't be written as '{path.name}': use a name that ends in .csv or .jsonl."
        )
    if n_tickets < _SMALLEST:
        raise ConfigurationError(
            f"A sample of {number_of(n_tickets, 'ticket')} is too small: ask for {_SMALLEST} or more."
        )
    truth_path = path.with_name("truth.csv")
    for written in (path, truth_path) if write_truth else (path,):
        check_file_output(written, force=force)
    random = Random(seed)
    incidents, counts = make_incidents(n_tickets, random, at_once=at_once, omitted=omitted)
    _write_rows(path, [_row(incident, random) for incident in incidents], COLUMNS, suffix == ".jsonl")
    if write_truth:
        truth = [_truth(incident) for incident in incidents]
        _write_rows(truth_path, truth, tuple(truth[0]), json_lines=False)
    reports = Counter(i.event.number for i in incidents if i.event and i.role == "report")
    return SampleSummary(
        n_tickets=len(incidents),
        n_events=len({i.event.number for i in incidents if i.event}),
        n_kin_groups=sum(size > 1 for size in reports.values()),
        n_links=counts.written,
        n_links_omitted=counts.omitted,
        n_causes=counts.causes,
        n_alerts=sum(i.role == "alert" for i in incidents),
        n_shared_templates=counts.shared_templates,
    )


def _truth(incident: Incident) -> dict[str, str]:
    event = incident.event
    return {
        "number": incident.number,
        "event": str(event.number) if event else "",
        "role": incident.role,
        "cause": event.cause if event else "",
    }
