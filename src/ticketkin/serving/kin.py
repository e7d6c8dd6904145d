"""Ask a bundle about a ticket that opened a minute ago.

from ticketkin import Kin

with Kin.open("kin-june") as kin:                      # its index lies in kin-june/index
    kin.add("incidents.csv")                           # or records: [{"number": …, "title": …}, …]
    answer = kin.relate("Outlook asks for the password again", service="Email")
    for relation in answer.relations:
        print(relation.band, relation.kind, relation.ticket_id, relation.probability, relation.evidence)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import numpy as np

from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import Tickets
from ticketkin.core.threads import matrices_in_one_thread
from ticketkin.core.wording import number_of
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.refit import Refit
from ticketkin.serving.answers import Answer
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import Incoming, Value, new_ticket, tickets_of_files, tickets_of_records
from ticketkin.serving.index import Index, IndexChange
from ticketkin.serving.indexing import store_in_batches
from ticketkin.serving.manifest import default_index
from ticketkin.serving.search import AskedByWords, KinSearch, Nearest

_BLOCK_QUERIES = 64
_MOST_AHEAD = timedelta(days=1)
_LONG_UNFED = timedelta(days=30)
"""An index whose newest ticket is older than this is behind its service desk."""
_CHARACTERS_A_TOKEN = 6
"""Most tokens are shorter than this: a text with more characters for each allowed token is certainly cut."""
# Searches the words of a new ticket while the encoder reads it.
_BESIDE = ThreadPoolExecutor(thread_name_prefix="words")
NO_KINDS = "no kinds of kin were learned in the run of this bundle, so tickets are ranked and not named"


class Kin:
    """A bundle and the tickets it answers from."""

    def __init__(
        self,
        bundle: Bundle,
        index: Index,
        refit: Refit | None = None,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """`refit` scores in place of the bundle's own weights. While `is_busy`, an answer takes one core."""
        self.bundle, self.index, self.refit, self._is_busy = bundle, index, refit, is_busy
        self._search = KinSearch(bundle, index, refit)

    @property
    def refit_number(self) -> int:
        """Number of the refit that scores; 0 for the bundle's own weights."""
        return 0 if self.refit is None else self.refit.number

    @classmethod
    def open(
        cls,
        folder: str | Path,
        index: str | Path | None = None,
        *,
        redact_words: str | Path | None = None,
        create: bool = True,
        trust_code: Iterable[str] = (),
    ) -> "Kin":
        """Return what answers by the bundle in `folder` from the tickets in `index`, by default those in
        it, or beside it where it is a run's own.

        `redact_words` is the file of words to mask, where the run masked one. Without `create` the index must
        exist. `trust_code` allows code that an encoder brings along, REPO@COMMIT, for this process. Raises as
        `Bundle.open` and `Index.open`.
        """
        from ticketkin.encoders import model_code

        model_code.trust_code(trust_code)
        words = None if redact_words is None else Path(redact_words)
        bundle = Bundle.open(Path(folder), words)
        place = default_index(Path(folder)) if index is None else Path(index)
        return cls(bundle, Index.open(place, bundle.scorer, bundle.id, create=create))

    def __enter__(self) -> "Kin":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: no resource stays open."""

    def __len__(self) -> int:
        """Tickets that answers come from."""
        return len(self.index)

    def add(
        self,
        tickets: str | Path | Sequence[Mapping[str, Value]] | Tickets,
        progress: Progress = SILENT,
    ) -> IndexChange:
        """Store tickets: the file of an export, or records by ticket field; those stored before are updated.

        Only what is new or changed is encoded. Raises InputError for an unknown field; for a file as
        `import_tickets`.
        """
        return self.store(self._read(tickets, progress).tickets, progress)

    def store(self, tickets: Tickets, progress: Progress = SILENT) -> IndexChange:
        """Store tickets that were cleaned and masked already."""
        return store_in_batches(self.index, self.bundle.embed, tickets, progress)

    def link(self, pairs: Sequence[tuple[str, str]]) -> int:
        """Store pairs of ids or numbers that people know to be duplicates; return how many were new.

        They tell which ticket a new duplicate is closed under. Raises InputError naming an absent ticket.
        """
        rows = self._rows(dict.fromkeys(name for pair in pairs for name in pair))
        ids = (
            dict(
                zip(rows, self.index.tickets(np.array(list(rows.values()), dtype=np.int64)).ids, strict=True)
            )
            if rows
            else {}
        )
        return self.index.link((ids[one], ids[other]) for one, other in pairs)

    def relate(self, ticket: str | Mapping[str, Value], k: int = 10, **fields: Value) -> Answer:
        """Return what the `k` nearest stored tickets are to a ticket.

        `ticket` is a text (its first line is the title), the id or number of a stored ticket, or a record of
        fields; `fields` such as service="Email" are added. Tickets of one template count once. Raises
        InputError for an unknown field, for a ticket without a text, and where nothing is stored.
        """
        if isinstance(ticket, str) and not fields and self.index.row_of(ticket.strip()) is not None:
            return self.relate_stored([ticket.strip()], k)[0]
        incoming = self._new(ticket, fields)
        return self._answers(replace(incoming, notes=[*incoming.notes, *self._behind(incoming)]), k)[0]

    def relate_stored(self, names: Sequence[str], k: int = 10) -> list[Answer]:
        """Return answers for stored tickets by id or number. Raises InputError naming one that is absent."""
        known = self._rows(names)
        given = self.index.embedded(np.array([known[name] for name in names], dtype=np.int64))
        return self._related(given, [[] for _ in names], k)

    def _rows(self, names: Iterable[str]) -> dict[str, int]:
        rows = {}
        for name in names:
            row = self.index.row_of(name)
            if row is None:
                raise InputError(
                    f"The index holds no ticket {name!r}; give an id or number that was stored, or a new "
                    'ticket with --text "…"'
                )
            rows[name] = row
        return rows

    def relate_all(
        self,
        tickets: str | Path | Sequence[Mapping[str, Value]],
        k: int = 10,
        progress: Progress = SILENT,
        *,
        mapping: Mapping[str, str] | None = None,
    ) -> list[Answer]:
        """Return answers for each ticket of an export or of records, in their order.

        `mapping` says which column of the export is which field, by default as in the run. Raises as `add`.
        """
        incoming = self._read(tickets, progress, mapping)
        return self._answers(incoming, k, progress)

    def relate_tickets(self, tickets: Tickets, k: int = 10, progress: Progress = SILENT) -> list[Answer]:
        """Return answers for tickets that were cleaned and masked already."""
        return self._answers(Incoming(tickets, []), k, progress)

    def _read(
        self,
        tickets: str | Path | Sequence[Mapping[str, Value]] | Tickets,
        progress: Progress,
        mapping: Mapping[str, str] | None = None,
    ) -> Incoming:
        settings = self.bundle.ticket_settings
        if mapping is not None:
            settings = settings.model_copy(update={"mapping": dict(mapping)})
        if isinstance(tickets, Tickets):
            return Incoming(tickets, [])
        if isinstance(tickets, str | Path):
            return tickets_of_files([Path(tickets)], settings, self.bundle.pseudonymising, progress)
        return tickets_of_records(tickets, settings, self.bundle.pseudonymising)

    def _new(self, ticket: str | Mapping[str, Value], fields: Mapping[str, Value]) -> Incoming:
        return new_ticket(
            ticket, fields, self.bundle.ticket_settings, self.bundle.pseudonymising, self._now()
        )

    @property
    def _newest_opening(self) -> datetime:
        return datetime(1970, 1, 1) + timedelta(microseconds=self.index.newest_opening)

    def _now(self) -> datetime:
        """Return when a ticket that opens now opens on the clock of the stored ones.

        Times without a zone are a desk's local ones: the newest stored ticket may seem to lie up to a day
        ahead of UTC, and would be hidden.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        ahead = self._newest_opening + timedelta(microseconds=1)
        return ahead if now < ahead < now + _MOST_AHEAD else now

    def _behind(self, incoming: Incoming) -> list[str]:
        """Return a note if no ticket was stored for a long time before a new one opened."""
        opened = incoming.tickets.frame["opened_at"][0]
        if opened is None or not self.index.newest_opening or not self.bundle.scorer.state.has_times:
            return []
        newest = self._newest_opening
        if opened - newest < _LONG_UNFED:
            return []
        return [
            f"the newest stored ticket opened {number_of((opened - newest).days, 'day')} before this one, on "
            f"{newest:%Y-%m-%d}; kin are rarely so far apart, so little can be told: store the tickets since "
            f"then, or give the time it opened, such as opened_at={newest:%Y-%m-%d}"
        ]

    def _answers(self, incoming: Incoming, k: int, progress: Progress = SILENT) -> list[Answer]:
        if not len(self):
            raise InputError(
                "The index holds no ticket yet, so there is nothing to compare with; store some: "
                "ticketkin index "
                "BUNDLE EXPORT, or Kin.add"
            )
        texts = self.bundle.texts_read(incoming.tickets)
        asked: AskedByWords | None = None
        if len(texts) == 1 and self.bundle.encodes_beside and not self._is_busy():
            asking = _BESIDE.submit(self._search.by_words, incoming.tickets, texts)
            embeddings = self.bundle.encode(texts)
            asked = asking.result()
        else:
            embeddings = self.bundle.encode(texts, progress)
        notes = [[*incoming.notes, *self._cut(text)] for text in texts]
        return self._related(EmbeddedTickets(incoming.tickets, texts, embeddings), notes, k, progress, asked)

    def _cut(self, text: str) -> list[str]:
        limit = self.bundle.max_length_tokens
        if len(text) <= limit * _CHARACTERS_A_TOKEN:
            return []
        return [
            f"it is long: the encoder reads its first {limit} tokens, as in training; words count throughout"
        ]

    def _related(
        self,
        given: EmbeddedTickets,
        notes: Sequence[list[str]],
        k: int,
        progress: Progress = SILENT,
        asked: AskedByWords | None = None,
    ) -> list[Answer]:
        if k < 1:
            raise InputError(f"k is {k}; ask for 1 ticket or more")
        general = [] if self.bundle.kinds is not None else [NO_KINDS]
        if not self.bundle.redacts_alike:
            general.append(
                "this release masks personal data otherwise than the one that made the bundle; "
                "scores may differ"
            )
        answers = []
        for start in track(range(0, len(given.tickets), _BLOCK_QUERIES), progress, "relate", None):
            block = np.arange(start, min(start + _BLOCK_QUERIES, len(given.tickets)))
            part = given if len(block) == len(given.tickets) else given.take(block)
            for place, nearest in enumerate(self._nearest(part, k, asked)):
                query = part if len(block) == 1 else part.take(np.array([place]))
                with matrices_in_one_thread():
                    relations = self._search.relations(query, nearest, k)
                answers.append(
                    Answer(
                        self._name(query.tickets),
                        query.titles[0],
                        relations,
                        [*notes[start + place], *general],
                        self.bundle.id,
                        self.refit_number,
                        nearest.features_of(relations),
                    )
                )
        return answers

    def _nearest(self, queries: EmbeddedTickets, k: int, asked: AskedByWords | None) -> list[Nearest]:
        if len(queries.tickets) > 1:
            return self._search.nearest(queries, k)
        with matrices_in_one_thread():
            return self._search.nearest(queries, k, asked)

    def _name(self, ticket: Tickets) -> str:
        name = ticket.ids[0]
        return "" if not ticket.frame["number"][0] and self.index.row_of(name) is None else name
