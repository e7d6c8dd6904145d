"""What the last weeks would have looked like: every ticket answered as it opened, and counted against links.

Each ticket is asked through the same code that answers a new one, and finds only what opened before it.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from ticketkin.core.errors import InputError, MissingInputError, NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.relations.bands import REPORTED_BANDS, ReportedBand
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.replay_result import Replay, ReplayedLine, ReplayQuality
from ticketkin.serving.answers import Relation
from ticketkin.serving.kin import Kin
from ticketkin.serving.record import ServingRecord

_BLOCK = 64


def replayed_rows(
    record: ServingRecord, tickets: Tickets, linked: LinkedKinds, since: datetime, until: datetime | None
) -> IntArray:
    """Return the rows of the tickets that opened in a time, in order of opening.

    Asked before anything is encoded. Raises InputError without opening times or where nothing opened then,
    MissingInputError for a bundle that says nothing of kinds, NotEnoughDataError where nobody linked
    anything.
    """
    if not record.kinds.is_learned:
        raise MissingInputError(
            f"This bundle says nothing of kinds, so there is nothing to replay: {record.kinds.reason}"
        )
    rows = _asked(tickets, since, until)
    if not linked.n_links and not linked.groups.has_kin.any():
        raise NotEnoughDataError(
            "These tickets hold no link, so nothing can be counted as right or wrong; give --links FILE, or "
            "export the columns that name duplicates, parents, problems or causes"
        )
    return rows


def replay(
    kin: Kin,
    tickets: Tickets,
    linked: LinkedKinds,
    rows: IntArray,
    k: int = 10,
    progress: Progress = SILENT,
) -> Replay:
    """Ask `kin`, whose index holds `tickets`, for each of `rows` as `replayed_rows` returns them.

    A line is right where people linked the two tickets as it says; what nobody linked counts as wrong.
    """
    learned_until = kin.bundle.record.learned_until
    opened = tickets.frame["opened_at"].dt.to_string("iso").to_list()
    learned = np.array([bool(learned_until) and opened[row] <= learned_until for row in rows])
    lines: list[ReplayedLine] = []
    with progress.task("replay", len(rows)) as task:
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            answers = kin.relate_stored([tickets.ids[row] for row in block], k)
            learned_here = learned[start : start + _BLOCK].tolist()
            for row, was_learned, answer in zip(block.tolist(), learned_here, answers, strict=True):
                shown = [one for one in answer.relations if one.band in REPORTED_BANDS]
                lines += [_line(tickets, opened, row, one, linked, was_learned) for one in shown]
            task.advance(len(block))
    judged = rows[~learned] if (~learned).any() and learned_until else rows
    return Replay(
        since=opened[judged[0]],
        until=opened[judged[-1]],
        n_tickets=len(rows),
        learned_until=learned_until,
        n_learned_from=int(learned.sum()),
        n_judged=len(judged),
        n_links=linked.n_links,
        qualities=_qualities(tickets, linked, judged, lines),
        lines=lines,
    )


def _asked(tickets: Tickets, since: datetime, until: datetime | None) -> IntArray:
    """Return the rows that opened in the time, in order of opening."""
    order = tickets.visibility.order
    if order is None:
        raise InputError(
            "Replay needs to know when every ticket opened, and some have no time; name the column: "
            "--map opened_at=COLUMN"
        )
    opened = tickets.frame["opened_at"].to_list()
    rows = [row for row, time in enumerate(opened) if time >= since and (until is None or time <= until)]
    if not rows:
        raise InputError(
            f"No ticket opened from {since:%Y-%m-%d %H:%M} on"
            + (f" until {until:%Y-%m-%d %H:%M}" if until else "")
            + f"; the tickets opened between {min(opened):%Y-%m-%d} and {max(opened):%Y-%m-%d}"
        )
    chosen = np.array(rows, dtype=np.int64)
    in_order: IntArray = chosen[np.argsort(order[chosen])]
    return in_order


def _line(
    tickets: Tickets, opened: Sequence[str], row: int, one: Relation, linked: LinkedKinds, was_learned: bool
) -> ReplayedLine:
    other = tickets.position.get(one.ticket_id)
    return ReplayedLine(
        opened_at=opened[row],
        ticket_id=tickets.ids[row],
        title=tickets.frame["title"][row],
        kind=one.kind,
        band="say" if one.band == "say" else "suggest",
        probability=float(one.probability or 0.0),
        other_id=one.ticket_id,
        other_title=one.title,
        linked_as=NONE if other is None else KINDS[linked.of_pair(row, other)],
        was_learned_from=was_learned,
    )


def _qualities(
    tickets: Tickets, linked: LinkedKinds, judged: IntArray, lines: Sequence[ReplayedLine]
) -> list[ReplayQuality]:
    order = tickets.visibility.order
    earlier: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for row in judged.tolist():
        for other, code in linked.kin_of(row).items():
            if order is None or order[other] < order[row]:
                earlier[KINDS[code]].add(tickets.ids[row])
    asked = {tickets.ids[row] for row in judged.tolist()}
    counted = [line for line in lines if line.ticket_id in asked]
    up_to = {band: REPORTED_BANDS[: place + 1] for place, band in enumerate(REPORTED_BANDS)}
    return [
        _quality(kind, band, [line for line in counted if line.kind == kind and line.band in up_to[band]],
                 earlier[kind], len(judged))
        for kind in KINDS
        if kind != NONE
        for band in REPORTED_BANDS
    ]  # fmt: skip


def _quality(
    kind: str, band: ReportedBand, lines: Sequence[ReplayedLine], with_kin: set[str], n_tickets: int
) -> ReplayQuality:
    n_right = sum(line.is_right for line in lines)
    helped = {line.ticket_id for line in lines if line.is_right}
    return ReplayQuality(
        kind=kind,
        band=band,
        n_lines=len(lines),
        n_right=n_right,
        precision=wilson_share(n_right, len(lines)),
        n_tickets_with_kin=len(with_kin),
        n_tickets_helped=len(helped & with_kin),
        recall=wilson_share(len(helped & with_kin), len(with_kin)),
        false_alarms_per_1000_tickets=1000 * (len(lines) - n_right) / max(1, n_tickets),
    )
