"""Which tickets' labels an encoder has learned from: `learned_tickets.json`, beside every tuned model.

A model that starts from last month's model would be judged on tickets whose links the older one was trained
on. So a model keeps a hash of each ticket that it, or its base, was tuned or chosen by; no text and no number
of a ticket can be read from the hashes.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.records import read_record
from ticketkin.core.tables import BoolArray, IntArray, Tickets
from ticketkin.core.wording import number_of

LEARNED_TICKETS = "learned_tickets.json"
_N_DIGITS = 24
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class LearnedTickets:
    """The tickets that a model has learned from, and the run that tuned it."""

    run: str
    """Name of its folder."""
    made_at: str
    """In UTC (ISO 8601)."""
    n_tickets: int
    hashes: list[str]
    """Of their texts, and of their ids with the times they opened."""

    @property
    def name(self) -> str:
        """What to call the model: by its run and day."""
        return f"the model of {self.run}, {self.made_at[:10]}"

    def among(self, tickets: Tickets) -> BoolArray:
        """Return which tickets it has learned from, by their texts or ids, shape (n_tickets,)."""
        known = set(self.hashes)
        return np.array([not known.isdisjoint(own) for own in ticket_hashes(tickets)], dtype=np.bool_)

    def among_texts(self, texts: Sequence[str]) -> BoolArray:
        """Return which texts are those of tickets it has learned from, shape (n_texts,)."""
        known = set(self.hashes)
        return np.array([not known.isdisjoint(_text_hashes(text)) for text in texts], dtype=np.bool_)


def ticket_hashes(tickets: Tickets) -> list[tuple[str, ...]]:
    """Return the hashes by which each ticket is recognised in another export.

    One is of the words of its title and description, whatever their case and punctuation; the other is of its
    id and the time it opened, since a text may be edited. Without a time there is none: ids of two desks can
    be equal.
    """
    columns = ("ticket_id", "title", "description", "opened_at")
    hashes = []
    for ticket_id, title, description, opened_at in tickets.frame.select(columns).iter_rows():
        own = _text_hashes(f"{title} {description}")
        if opened_at is not None:
            own.append(_digest("ticket", f"{ticket_id} {opened_at.isoformat()}"))
        hashes.append(tuple(own))
    return hashes


def _text_hashes(text: str) -> list[str]:
    """Return the hash of a text's words; none where it has no word."""
    words = " ".join(_WORD.findall(text.lower()))
    return [_digest("text", words)] if words else []


def _digest(what: str, content: str) -> str:
    return hashlib.sha256(f"{what}\0{content}".encode()).hexdigest()[:_N_DIGITS]


def learned_from(
    tickets: Tickets, rows: IntArray, run: str, made_at: str, before: LearnedTickets | None
) -> LearnedTickets:
    """Return what a model has learned from: the tickets at `rows`, and those of the model it began with."""
    every: Sequence[tuple[str, ...]] = ticket_hashes(tickets)
    own = {one for row in rows for one in every[row]}
    earlier = set() if before is None else set(before.hashes)
    n_known = 0 if before is None else before.n_tickets
    n_new = sum(earlier.isdisjoint(every[row]) for row in rows)
    return LearnedTickets(run, made_at, n_known + n_new, sorted(own | earlier))


def write_learned(folder: Path, learned: LearnedTickets) -> None:
    """Write `learned_tickets.json` into a model folder."""
    write_json(folder / LEARNED_TICKETS, vars(learned))


def read_learned(folder: Path) -> LearnedTickets | None:
    """Return what the model in `folder` has learned from, None where nothing says so.

    Raises UnreadableFileError where the file is damaged.
    """
    path = folder / LEARNED_TICKETS
    if not path.is_file():
        return None
    return read_record(path, LearnedTickets, "Restore it from the run that made the model")


def copy_learned(source: Path, folder: Path) -> None:
    """Keep beside a saved model what the one in `source` has learned from."""
    learned = read_learned(source)
    if learned is not None:
        write_learned(folder, learned)


def learned_folder(base_model: str) -> Path | None:
    """Return the folder of a base model that says what it has learned from; None for any other base."""
    folder = Path(base_model).expanduser()
    return folder if (folder / LEARNED_TICKETS).is_file() else None


@dataclass(frozen=True)
class LearnedByBase:
    """What the base of a run has learned from among the run's tickets: base_learned.json."""

    name: str = ""
    """What to call the base; empty where it is an untouched model."""
    n_learned: int = 0
    """Tickets that it has learned from, wherever they are."""
    n_recognised: int = 0
    """Of them, in this run."""
    ticket_ids: tuple[str, ...] = ()
    """These, and all that are of their kin groups and templates: none of them judges, unless test pairs of
    the user's are fixed."""
    n_kin_groups: int = 0
    """Kin groups that hold any of these."""
    n_fixed: int = 0
    """Of those it has learned from, in test pairs that the user fixed: they judge all the same."""

    @property
    def sentence(self) -> str:
        """What follows from it, in a sentence; empty for an untouched base."""
        if not self.name:
            return ""
        learned = number_of(self.n_learned, "ticket")
        start = f"The base is {self.name}, not an untouched one: it learned from {learned}"
        if not self.n_recognised:
            return f"{start}, none of which is among these"
        whole = f"{number_of(len(self.ticket_ids), 'ticket')}, {number_of(self.n_kin_groups, 'kin group')}"
        start = f"{start}, {self.n_recognised:,} of them among these"
        if self.n_fixed:
            return (
                f"{start}, {self.n_fixed:,} in the test pairs, which stay as given: on these the base "
                "looks better than it is. Give test pairs that it has not learned from"
            )
        return f"{start}. They, their kin and their templates ({whole}) train, and none of them judges"
