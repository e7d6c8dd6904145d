"""The incidents: events over time, their reports, alerts, follow-ups, and the links people keep."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import log
from random import Random

from ticketkin.tickets.sample import phrases
from ticketkin.tickets.sample.business_bank import BUSINESS
from ticketkin.tickets.sample.faults import Fault, Service
from ticketkin.tickets.sample.network_bank import NETWORK
from ticketkin.tickets.sample.office_bank import OFFICE
from ticketkin.tickets.sample.telling import (
    Event,
    TemplateRegister,
    hour_of,
    person,
    tell,
    tell_alert,
    tell_follow_up,
)

SERVICES: tuple[Service, ...] = OFFICE + NETWORK + BUSINESS
_SERVICE_BY_NAME = {service.name: service for service in SERVICES}
_START = datetime(2024, 1, 8, 6, 0)
# A busy desk, and people who report hours after one another: time alone does not tell kin.
_MINUTES_PER_TICKET = 6
_MEDIAN_DELAY_MINUTES, _DELAY_SPREAD = 90, 1.3
# Few items a service and town, so that other faults hit the same one now and then.
_ITEMS_PER_TOWN = 6
_WRONG_CATEGORY_SHARE = 0.08
_REPORTS = (2, 2, 2, 3, 3, 3, 4, 4, 5, 6)
_AT_ONCE = (3, 4, 5)
_AT_ONCE_MINUTES = 30


@dataclass
class Incident:
    """One ticket before it is numbered; `event` is None for an alert."""

    opened_at: datetime
    title: str
    description: str
    service: Service
    item: str
    category: str
    subcategory: str
    caller: str
    event: Event | None = None
    role: str = "single"
    """report (one of several of an event), single, alert or follow_up."""
    columns: dict[str, str] = field(default_factory=dict)
    """Link and resolution columns, filled once numbers are known."""
    number: str = ""


@dataclass
class SampleCounts:
    """How many links were written and left out, and how many sentences had to share a template."""

    written: int = 0
    omitted: int = 0
    causes: int = 0
    shared_templates: int = 0


def _event(number: int, random: Random) -> Event:
    service = random.choice(SERVICES)
    fault = random.choice(service.faults)
    town = random.choice(phrases.TOWNS)
    return _event_at(number, service, fault, random.choice(fault.objects), town, random)


def _event_at(number: int, service: Service, fault: Fault, thing: str, town: str, random: Random) -> Event:
    return Event(
        number, service, fault, thing, town, random.choice(phrases.BUILDINGS),
        random.choice(phrases.TEAMS), _some_item(service, town, random),
        f"{random.choice('EXWKR')}{random.randint(100, 9999)}", random.choice(fault.causes),
    )  # fmt: skip


def _events_at_once(first: Event, random: Random) -> Iterator[Event]:
    """Yield `first` and events that share its fault, service and town, but hit something else."""
    yield replace(first, beside_others=True)
    others = [thing for thing in first.fault.objects if thing != first.thing]
    for place, thing in enumerate(random.sample(others, min(len(others), random.choice(_AT_ONCE) - 1)), 1):
        event = _event_at(first.number + place, first.service, first.fault, thing, first.town, random)
        yield replace(event, beside_others=True)


def _some_item(service: Service, town: str, random: Random) -> str:
    return f"{service.item}-{town[:3].lower()}-{random.randint(1, _ITEMS_PER_TOWN):03d}"


def _item(event: Event, random: Random) -> str:
    """Return what the caller's agent put as the item: right, empty, or another of the same town."""
    return random.choice((event.asset, "", _some_item(event.service, event.town, random)))


def _incident(event: Event, opened: datetime, texts: tuple[str, str], role: str, random: Random) -> Incident:
    category, subcategory = event.service.category, event.fault.subcategory
    if random.random() < _WRONG_CATEGORY_SHARE:
        category, subcategory = random.choice((("Inquiry", "Other"), ("Hardware", "Other"), ("Software", "")))
    return Incident(
        opened,
        *texts,
        event.service,
        _item(event, random),
        category,
        subcategory,
        person(random),
        event,
        role,
    )


def _reports(event: Event, begin: datetime, random: Random, register: TemplateRegister) -> list[Incident]:
    sides = random.sample(range(len(event.fault.tellings)), len(event.fault.tellings))
    incidents = []
    for report in range(random.choice(_REPORTS)):
        delay = random.lognormvariate(log(_MEDIAN_DELAY_MINUTES), _DELAY_SPREAD) if report else 0.0
        opened = begin + timedelta(minutes=delay)
        texts = tell(event, sides[report % len(sides)], random, register)
        incidents.append(_incident(event, opened, texts, "report", random))
    if random.random() < 0.25:
        service = _SERVICE_BY_NAME[random.choice(event.service.hits)]
        texts = tell_follow_up(event, random, register)
        effect = _incident(event, begin + timedelta(hours=random.randint(1, 5)), texts, "follow_up", random)
        effect.service, effect.category, effect.subcategory = service, service.category, ""
        effect.item = _some_item(service, event.town, random)
        incidents.append(effect)
    return incidents


def _alert(opened: datetime, random: Random) -> Incident:
    service = random.choice(SERVICES)
    item = _some_item(service, random.choice(phrases.TOWNS), random)
    texts = tell_alert(service, item, random)
    return Incident(opened, *texts, service, item, service.category, "Monitoring", "monitoring", role="alert")


def _happenings(
    n_tickets: int, at_once: float, random: Random, register: TemplateRegister
) -> Iterator[list[Incident]]:
    """Yield the tickets of one happening after another, without end."""
    number = 0
    ahead = 0  # Events that broke at once take the place of later ones: the mix of tickets stays the same.
    while True:
        number += 1
        begin = _START + timedelta(minutes=random.uniform(0, n_tickets * _MINUTES_PER_TICKET))
        chance = random.random()
        if chance < 0.42 and ahead:
            ahead -= 1
        elif chance < 0.42:
            event = _event(number, random)
            if at_once and random.random() < at_once:
                for other in _events_at_once(event, random):
                    ahead += other.number - number
                    number = other.number
                    later = timedelta(minutes=random.uniform(0, _AT_ONCE_MINUTES))
                    yield _reports(other, begin + later, random, register)
            else:
                yield _reports(event, begin, random, register)
        elif chance < 0.84:
            event = _event(number, random)
            yield [
                _incident(event, begin, tell(event, random.randrange(4), random, register), "single", random)
            ]
        else:
            yield [_alert(begin, random)]


def _resolve(incident: Incident, random: Random) -> None:
    hours = random.choice((1, 2, 4, 8, 26, 50)) + random.random()
    resolved = incident.opened_at + timedelta(hours=hours)
    closed = resolved + timedelta(days=random.randint(1, 5))
    cause = incident.event.cause if incident.event else "a threshold set too low"
    notes = random.choice(phrases.FIXES).format(
        cause=cause, caller=incident.caller, group=incident.service.group, hour=hour_of(random)
    )
    incident.columns.update(
        close_code=random.choice(("Solved (Permanently)", "Solved (Work Around)")), close_notes=notes[0].upper() + notes[1:],
        resolved_at=f"{resolved:%Y-%m-%d %H:%M:%S}", closed_at=f"{closed:%Y-%m-%d %H:%M:%S}",
        sys_updated_on=f"{closed:%Y-%m-%d %H:%M:%S}",
    )  # fmt: skip


def _link(
    tickets: list[Incident], problem: int, omitted: float, random: Random, counts: SampleCounts
) -> None:
    """Fill the link columns of one event's tickets; the share `omitted` stays empty, as in life."""
    master, *others = tickets
    shared_problem = f"PRB{problem:07d}" if len(tickets) > 2 and random.random() < 0.4 else ""
    for other in others:
        if random.random() < omitted:
            counts.omitted += 1
        elif other.role == "follow_up":
            other.columns["caused_by"] = master.number
            counts.causes += 1
            counts.written += 1
        else:
            counts.written += 1
            if random.random() < 0.6:
                other.columns["parent_incident"] = master.number
            else:
                notes = random.choice(phrases.MASTER_NOTES).format(number=master.number)
                other.columns.update(close_code="Duplicate", close_notes=notes)
        if shared_problem and random.random() > omitted:
            other.columns["problem_id"] = master.columns["problem_id"] = shared_problem


def make_incidents(
    n_tickets: int, random: Random, *, at_once: float, omitted: float
) -> tuple[list[Incident], SampleCounts]:
    """Return exactly `n_tickets` incidents in order of opening, numbered and linked, and the counts.

    `at_once` is the chance that others break beside a reported event which share all but the text with it,
    `omitted` the chance that nobody records a link.
    """
    incidents: list[Incident] = []
    register = TemplateRegister()
    for happening in _happenings(n_tickets, at_once, random, register):
        incidents.extend(happening)
        if len(incidents) >= n_tickets:
            break
    incidents = sorted(incidents[:n_tickets], key=lambda incident: incident.opened_at)
    by_event: dict[int, list[Incident]] = {}
    for row, incident in enumerate(incidents):
        incident.number = f"INC{row + 1000001:07d}"
        _resolve(incident, random)
        if incident.event is not None:
            by_event.setdefault(incident.event.number, []).append(incident)
    counts = SampleCounts(shared_templates=register.n_shared)
    for problem, tickets in enumerate(by_event.values(), start=40001):
        tickets.sort(key=lambda ticket: ticket.role == "follow_up")
        _link(tickets, problem, omitted, random, counts)
    return incidents, counts
