"""Does a model see in training what it is asked in the test, or what nobody knows when a ticket opens?"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.errors import LeakageError
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.core.wording import number_of, percent
from ticketkin.tickets.composing import template_fields
from ticketkin.tickets.templates import normalise

_SHORTEST_NOTE_WORDS = 4
_SHARED_NOTES = 0.02
"""Share of texts that may hold their own resolution notes by chance, for example quoted words."""
_SAME_TEMPLATE = 0.5


def leakage_checks(
    tickets: Tickets,
    texts: Sequence[str],
    template: str,
    groups: IntArray,
    templates: IntArray,
    splits: Mapping[str, IntArray],
) -> list[Check]:
    """Return the checks of what crosses from training into the test, and from the future into the text.

    `splits` gives the ticket rows of each split; `groups` the kin group of every row, `templates` its number
    by `template_groups`.
    """
    checks = [*_crossing(splits, groups, templates), _late_fields(template)]
    checks.append(_resolution_in_text(tickets, texts))
    return checks


def _crossing(splits: Mapping[str, IntArray], groups: IntArray, templates: IntArray) -> Iterator[Check]:
    names = list(splits)
    tickets, kin, alike = 0, 0, 0
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            a, b = splits[one], splits[other]
            tickets += len(np.intersect1d(a, b))
            kin += len(np.intersect1d(groups[a], groups[b]))
            alike += len(np.intersect1d(templates[a], templates[b]))
    faults = [
        f"{count} {what}"
        for count, what in (
            (tickets, "tickets stand in two splits"),
            (kin, "kin groups cross a border"),
            (alike, "groups of near-identical texts cross a border"),
        )
        if count
    ]
    if faults:
        yield failed(
            "leakage",
            f"{'; '.join(faults)}: the test asks what training showed",
            "split again with ticketkin split; a split made elsewhere must keep kin and templates together",
        )
    else:
        yield passed("leakage", "no ticket, kin group or near-identical text stands in two splits")


def _late_fields(template: str) -> Check:
    try:
        template_fields(template)
    except LeakageError as error:
        return failed("late_fields", str(error), "take them out of tickets.template")
    return passed("late_fields", f"template {template!r} holds only what is known when a ticket opens")


def _resolution_in_text(tickets: Tickets, texts: Sequence[str]) -> Check:
    """Find descriptions that hold their own resolution: edited later, or exported with it appended."""
    notes = tickets.frame["close_notes"].to_list()
    known = [(row, normalise(note)) for row, note in enumerate(notes) if note]
    known = [(row, note) for row, note in known if len(note.split()) >= _SHORTEST_NOTE_WORDS]
    if not known:
        return skipped("resolution_in_text", "the export has no resolution notes to look for")
    hits = sum(note in normalise(texts[row]) for row, note in known)
    share = hits / len(known)
    evidence = f"{hits:,} of {number_of(len(known), 'text')} hold their own resolution notes"
    if share > _SHARED_NOTES:
        return failed(
            "resolution_in_text",
            f"{evidence}: a model reads the answer that nobody knows when a ticket opens",
            "export descriptions as first filed; cut what was added at closing",
        )
    return passed("resolution_in_text", evidence)


def template_shortcut(templates: IntArray, left: IntArray, right: IntArray) -> Check:
    """Find out whether kin are merely tickets of one template. `left`, `right` are rows of kin pairs.

    `templates` is the number of each ticket by `template_groups`.
    """
    if not len(left):
        return skipped("template_shortcut", "there is no pair of kin")
    share = float((templates[left] == templates[right]).mean())
    evidence = f"{percent(share)} of {number_of(len(left), 'kin pair')} are near-identical texts"
    if share > _SAME_TEMPLATE:
        return warning(
            "template_shortcut",
            f"{evidence}: finding them proves little about tickets that people wrote",
            "judge tickets of people apart from those of monitoring",
        )
    return passed("template_shortcut", evidence)


def context_fields(template: str) -> list[str]:
    """Return the fields of a template that say where a ticket belongs rather than what it tells."""
    return [name for name in template_fields(template) if name not in ("title", "description")]


def content_only(template: str) -> str:
    """Return a template of the fields alone that tell what happened."""
    context = context_fields(template)
    kept = [name for name in template_fields(template) if name not in context]
    return "\n".join(f"{{{name}}}" for name in kept or ("title", "description"))
