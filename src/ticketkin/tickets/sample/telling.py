"""How one person tells of one event: chosen side, places named or not, slips of the hand."""

from dataclasses import dataclass
from random import Random

from ticketkin.tickets.sample import phrases
from ticketkin.tickets.sample.faults import Fault, Service

# How often a report names the place, and how often it names the thing by its proper word. Chosen so
# that neither words nor the untuned encoder find every kin: see the recalls asserted by the tests.
_NAMES_PLACE = 0.85
_NAMES_THING = 0.8
_VAGUE_THINGS = ("it", "that one", "ours", "the usual one", "this")
# Short ones count too: a greeting before them makes them longer.
_UNIQUE_FROM_WORDS = 3
_MISTYPED_SHARE = 0.3


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


class SentenceRegister:
    """Which event used a sentence, so that no two events share one."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}

    def claim(self, sentence: str, event: int) -> bool:
        """Return False where another event already used this sentence; the shortest are free."""
        if len(sentence.split()) < _UNIQUE_FROM_WORDS:
            return True
        return self._owners.setdefault(sentence.lower(), event) == event


def hour_of(random: Random) -> str:
    """Return a clock time in one of the ways people write it."""
    hour, minute = random.randint(6, 19), random.randint(0, 59)
    return random.choice(
        (f"{hour}:{minute:02d}", f"{hour}.{minute:02d}h", f"{hour} o'clock", f"{hour}h{minute:02d}")
    )


def person(random: Random) -> str:
    """Return an invented name."""
    return f"{random.choice(phrases.FIRST)} {random.choice(phrases.LAST)}"


def _fill(template: str, event: Event, random: Random, clause: str = "") -> str:
    place = ""
    if "{place}" in template and random.random() < _NAMES_PLACE:
        place = random.choice(phrases.PLACES).format(town=event.town, building=event.building)
    since = random.choice(phrases.SINCE).format(hour=hour_of(random))
    return template.format(
        clause=clause, place=place, since=since, town=event.town, building=event.building, team=event.team,
        asset=event.asset, code=event.code, caller=person(random), hour=hour_of(random),
        n=random.randint(2, 60), attempt=random.choice(phrases.ATTEMPTS),
    )  # fmt: skip


def _sentence(event: Event, random: Random, register: SentenceRegister, clause: str | None) -> str:
    """Return one sentence that no other event has used; a desk number settles stubborn cases."""
    for _ in range(6):
        template = random.choice(phrases.LEADS if clause else phrases.ASIDES)
        text = _fill(template, event, random, clause or "").strip()
        text = text[0].upper() + text[1:]
        if register.claim(text, event.number):
            return text if text.endswith("?") else text + "."
    stamped = f"{text.rstrip('?')}, desk {event.number}-{random.randint(10, 99)}"
    register.claim(stamped, event.number)
    return stamped + "."


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


def tell(event: Event, side: int, random: Random, register: SentenceRegister) -> tuple[str, str]:
    """Return title and description of one report of the event, seen from one side of its fault."""
    title, clause = event.fault.tellings[side % len(event.fault.tellings)]
    thing = event.thing
    if random.random() > _NAMES_THING:
        thing = random.choice(_VAGUE_THINGS)
        clause = clause.replace("the {thing}", "{thing}").replace("my {thing}", "{thing}")
    said = _sentence(event, random, register, clause.format(thing=thing))
    asides = [_sentence(event, random, register, None) for _ in range(random.randint(1, 3))]
    body = " ".join(part for part in (random.choice(phrases.OPENERS), said, *asides) if part)
    title = random.choice((title, title, f"{title} - {event.town}", f"{event.service.name}: {title.lower()}",
                           f"{event.thing} {random.choice(('problem', 'trouble', 'issue', '???'))}"))  # fmt: skip
    if random.random() < _MISTYPED_SHARE:
        title, body = mistype(title, random), mistype(mistype(body, random), random)
    if random.random() < 0.25:
        body += signature(random, event.team)
    return title, body


def tell_follow_up(event: Event, random: Random, register: SentenceRegister) -> tuple[str, str]:
    """Return title and description of a symptom elsewhere that the event caused."""
    title, clause = random.choice(phrases.FOLLOW_UPS)
    said = _sentence(event, random, register, clause.format(cause=event.service.name))
    return title, f"{said} {_sentence(event, random, register, None)}"


def tell_alert(service: Service, item: str, random: Random) -> tuple[str, str]:
    """Return title and description of a monitoring alert: a template, as monitors write."""
    limit = random.choice((80, 90, 95))
    text = random.choice(phrases.ALERTS).format(
        monitor=random.choice(phrases.MONITORS), item=item, metric=random.choice(phrases.METRICS),
        value=limit + random.randint(1, 40), limit=limit,
    )  # fmt: skip
    return text, f"{text}\nService: {service.name}\nHost: {item}.example.net\nSee the runbook of this check."
