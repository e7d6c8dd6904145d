"""How one person tells of one event: chosen side, places named or not, slips of the hand."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ticketkin.tickets.sample import phrases
from ticketkin.tickets.sample.faults import Fault, Service
from ticketkin.tickets.sample.wording import hedge, reword

# How often a report names the place, and how often it names the thing by its proper word. Chosen so
# that neither words nor the untuned encoder find every kin: see the recalls asserted by the tests.
_NAMES_PLACE = 0.85
_NAMES_THING = 0.8
# Where several things of a kind broke at once, the desk asks which.
_NAMES_THING_BESIDE_OTHERS = 0.97
_VAGUE_NAMES = ("it", "that one", "ours", "the usual one", "this")
# Short ones count too: a greeting before them makes them longer.
_MISTYPED_SHARE = 0.3
# Tries with the plain wording, then with words around it, then with two sentences in one; after the last
# a shared template is accepted, which happens only in samples far larger than the default.
_PLAIN_TRIES, _HEDGED_TRIES, _ALL_TRIES = 2, 6, 14


@dataclass(frozen=True)
class Event:
    """Something that broke once: everything its reporters could know about it."""

    number: int
    service: Service
    fault: Fault
    thing: str
    town: str
    building: str
    team: str
    asset: str
    code: str
    cause: str
    beside_others: bool = False
    """Others of its fault, service, town and hour broke, too."""


class TemplateRegister:
    """Which event used a sentence template, so that no two events share one."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}
        self.n_shared = 0
        """Sentences whose template another event had used, as none better was found."""

    def claim(self, propose: Callable[[int], str], event: int) -> str:
        """Return the first of the templates `propose(try)` that no other event has used."""
        for attempt in range(_ALL_TRIES):
            template = propose(attempt)
            if self._owners.setdefault(template.lower(), event) == event:
                return template
        self.n_shared += 1
        return template


def hour_of(random: Random) -> str:
    """Return a clock time in one of the ways people write it."""
    hour, minute = random.randint(6, 19), random.randint(0, 59)
    return random.choice(
        (f"{hour}:{minute:02d}", f"{hour}.{minute:02d}h", f"{hour} o'clock", f"{hour}h{minute:02d}")
    )


def person(random: Random) -> str:
    """Return an invented name."""
    return f"{random.choice(phrases.FIRST)} {random.choice(phrases.LAST)}"


def _fill(template: str, event: Event, random: Random) -> str:
    place = ""
    if "{place}" in template and random.random() < _NAMES_PLACE:
        place = random.choice(phrases.PLACES).format(town=event.town, building=event.building)
    thing = event.thing
    if random.random() > (_NAMES_THING_BESIDE_OTHERS if event.beside_others else _NAMES_THING):
        thing = random.choice(_VAGUE_NAMES)
        template = template.replace("the {thing}", "{thing}").replace("my {thing}", "{thing}")
    since = random.choice(phrases.SINCE).format(hour=hour_of(random))
    return template.format(
        place=place, since=since, thing=thing, service=event.service.name, town=event.town,
        building=event.building, team=event.team, asset=event.asset, code=event.code, caller=person(random),
        hour=hour_of(random), n=random.randint(2, 60), attempt=random.choice(phrases.ATTEMPTS),
    )  # fmt: skip


def _proposal(attempt: int, clause: str | None, random: Random) -> str:
    """Return a sentence template: around the clause of a symptom, or one of the asides."""
    frame = random.choice(phrases.LEADS if clause else phrases.ASIDES)
    template = reword(frame.replace("{clause}", clause or ""), random)
    if attempt >= _HEDGED_TRIES:
        joint = random.choice((", and ", "; ", ", so ", " - ", ", also "))
        template += joint + reword(random.choice(phrases.ASIDES), random)
    return hedge(template, random) if attempt >= _PLAIN_TRIES or random.random() < 0.4 else template


def _sentence(event: Event, random: Random, register: TemplateRegister, clause: str | None) -> str:
    """Return one sentence of a template that no other event has used."""
    template = register.claim(lambda attempt: _proposal(attempt, clause, random), event.number)
    text = _fill(template, event, random).strip()
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")


def _title(event: Event, random: Random, register: TemplateRegister, title: str) -> str:
    """Return a title of a template that no other event has used."""

    def propose(attempt: int) -> str:
        frame = random.choice(phrases.TITLES[:2] if random.random() < 0.3 else phrases.TITLES)
        template = reword(frame.replace("{title}", title), random)
        return hedge(template, random) if attempt >= _PLAIN_TRIES else template

    text = _fill(register.claim(propose, event.number), event, random).strip()
    return text[0].upper() + text[1:]


def mistype(text: str, random: Random) -> str:
    """Return the text with one slip: two letters swapped, one lost or one doubled."""
    letters = [place for place in range(1, len(text) - 1) if text[place - 1 : place + 2].isalpha()]
    if not letters:
        return text
    at = random.choice(letters)
    slips = (
        text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
        text[:at] + text[at + 1 :],
        text[:at] + text[at] + text[at:],
    )
    return random.choice(slips)


def signature(random: Random, team: str) -> str:
    """Return a closing with invented personal data: example domains, reserved and test numbers."""
    name = person(random)
    mail = name.lower().replace(" ", ".").replace("ö", "oe") + random.choice(("@example.com", "@example.org"))
    phone = f"+1 202-555-01{random.randint(0, 99):02d}"
    return random.choice(
        (
            f"\n\nKind regards\n{name}\n{team.title()}\n{mail}",
            f"\n\nThanks, {name}\nTel. {phone}",
            f"\n-- \n{name}, {mail}, {phone}",
            f"\nCard 4111 1111 1111 1111, {mail}",
        )
    )


def tell(event: Event, side: int, random: Random, register: TemplateRegister) -> tuple[str, str]:
    """Return title and description of one report of the event, seen from one side of its fault."""
    title, clause = event.fault.tellings[side % len(event.fault.tellings)]
    sentence = _sentence(event, random, register, clause)
    asides = [_sentence(event, random, register, None) for _ in range(random.randint(1, 3))]
    body = " ".join(part for part in (random.choice(phrases.OPENERS), sentence, *asides) if part)
    title = _title(event, random, register, title)
    if random.random() < _MISTYPED_SHARE:
        title, body = mistype(title, random), mistype(mistype(body, random), random)
    if random.random() < 0.25:
        body += signature(random, event.team)
    return title, body


def tell_follow_up(event: Event, random: Random, register: TemplateRegister) -> tuple[str, str]:
    """Return title and description of a symptom elsewhere that the event caused."""
    title, clause = random.choice(phrases.FOLLOW_UPS)
    sentence = _sentence(event, random, register, clause)
    return _title(event, random, register, title), f"{sentence} {_sentence(event, random, register, None)}"


def tell_alert(service: Service, item: str, random: Random) -> tuple[str, str]:
    """Return title and description of a monitoring alert: a template, as monitors write."""
    limit = random.choice((80, 90, 95))
    text = random.choice(phrases.ALERTS).format(
        monitor=random.choice(phrases.MONITORS), item=item, metric=random.choice(phrases.METRICS),
        value=limit + random.randint(1, 40), limit=limit,
    )  # fmt: skip
    return text, f"{text}\nService: {service.name}\nHost: {item}.example.net\nSee the runbook of this check."
