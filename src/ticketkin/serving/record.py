"""How a bundle reads a ticket: `serving.json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from ticketkin.core.artifacts import write_json
from ticketkin.core.records import read_record
from ticketkin.encoders.settings import Runtime
from ticketkin.serving.manifest import COPY_AGAIN
from ticketkin.tickets.settings import TicketSettings
from ticketkin.training.candidates import known_candidate

RECORD = "serving.json"
UNTOUCHED = "untouched"
"""The base model's embedding of a text, where the embedding called 'base' is of a tuned encoder."""


@dataclass(frozen=True)
class EmbeddingSource:
    """One forward pass of a ticket."""

    name: str
    """As the ranking calls the embedding."""
    folder: str
    """Of the encoder, in the bundle; it holds prompt and token limit."""
    judged_by: Runtime = "torch"
    """What executed the encoder when the run was judged."""
    runtime: Runtime = "torch"
    """What executes it here."""


@dataclass(frozen=True)
class KindsRecord:
    """What was learned of kinds of kin."""

    is_learned: bool
    reason: str
    """Why not; empty where they were learned."""
    right_direction: float | None
    """Share of detected causes that were filed first; None where none was detected."""
    base: str
    """Name of the embedding of the text that the model of kinds reads."""


@dataclass(frozen=True)
class ServingRecord:
    """What a ticket goes through before it is scored."""

    champion: Annotated[str, AfterValidator(known_candidate)]
    base_model: str
    template: str
    embeddings: list[EmbeddingSource]
    tickets: TicketSettings
    """Cleaning and redaction; the list of words to mask is not in a bundle, as it names people."""
    masks_words: bool
    """Whether the run masked a list of words: then whoever serves must give one, too."""
    redaction_version: str
    people_keyed_by: str
    """Fingerprint of the secret that the run's people got their pseudonyms with; empty where it has none."""
    learned_until: str
    """When the last ticket opened whose links were learned from or chosen by; empty without opening times."""
    near_identical: float
    """Estimated Jaccard similarity from which on two texts share a template."""
    kinds: KindsRecord
    code: str = ""
    """REPO@COMMIT of code that the base model brings along, if any: whoever opens the bundle allows it."""
    n_pairs_read: int = 0
    """Tickets of a list that a cross-encoder reads together with the new one; 0 without one."""

    @property
    def n_forward_passes(self) -> int:
        """Texts that go through an encoder for one ticket, and pairs through a cross-encoder."""
        return len(self.embeddings) + self.n_pairs_read


def write_serving_record(folder: Path, record: ServingRecord) -> None:
    """Write serving.json."""
    write_json(folder / RECORD, record)


def read_serving_record(folder: Path) -> ServingRecord:
    """Return the content of serving.json. Raises UnreadableFileError where it is damaged."""
    return read_record(folder / RECORD, ServingRecord, COPY_AGAIN)
