"""A bundle in memory: its ranking, its kinds, and the way from a ticket to its embeddings.

bundle = Bundle.open(Path("kin-june"))          # every file checked against its hash
described = bundle.scorer.describe(bundle.embed(tickets))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.core.threads import n_threads
from ticketkin.encoders.safety import check_model_folder
from ticketkin.encoders.serving import read_serving
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.single_source import Scorer, load_scorer
from ticketkin.relations.scorer import KindScorer
from ticketkin.serving.encoding import ServingEncoder, open_encoder
from ticketkin.serving.manifest import Manifest, check_files, read_manifest
from ticketkin.serving.record import EmbeddingSource, ServingRecord, read_serving_record
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.pseudonyms import NoPseudonyms, Pseudonyms, pseudonyms_of
from ticketkin.tickets.redaction import REDACTION_VERSION
from ticketkin.tickets.settings import TicketSettings
from ticketkin.training.candidates import CANDIDATES

RANKING = "ranking"
RELATIONS = "relations"
ENCODERS = "encoders"
_NO_LIMIT = 1 << 31


@dataclass(frozen=True)
class Bundle:
    """A checked bundle; models load when they are first needed."""

    folder: Path
    manifest: Manifest
    record: ServingRecord
    redact_words: Path | None = None
    """File of words to mask, where the run masked one."""
    _encoding: Lock = field(default_factory=Lock, repr=False, compare=False)
    """One text at a time goes through the encoders: several at once answer fewer questions a second."""

    @classmethod
    def open(cls, folder: Path, redact_words: Path | None = None) -> "Bundle":
        """Return the bundle in `folder`, every file of it checked.

        Raises InputError where it is none, or where its run masked a list of words and none is given;
        UnreadableFileError where it is of another version, incomplete or changed; UnsafeArtifactError where
        it could run code.
        """
        manifest = read_manifest(folder)
        check_files(folder, manifest)
        record = read_serving_record(folder)
        for name in dict.fromkeys(source.folder for source in record.embeddings):
            check_model_folder(folder / name)
        if record.masks_words and redact_words is None:
            raise InputError(
                f"The run of {folder} masked a list of names and words, which a bundle does not carry "
                "since it "
                "names people; give the list with --redact-words FILE, so that new texts are masked alike"
            )
        return cls(folder, manifest, record, redact_words)

    @property
    def id(self) -> str:
        """Hash of all files: equal means equal answers."""
        return self.manifest.id

    @property
    def ticket_settings(self) -> TicketSettings:
        """How tickets are read, cleaned and masked: as in the run."""
        return self.record.tickets.model_copy(update={"redact_words": self.redact_words})

    def pseudonymising(self) -> Pseudonyms | NoPseudonyms:
        """Return what people are called here: as in the run, or not at all."""
        return pseudonyms_of(self.record.people_keyed_by)

    @property
    def redacts_alike(self) -> bool:
        """Whether this release masks texts as the one that made the bundle did."""
        return self.record.redaction_version == REDACTION_VERSION or not self.record.tickets.redact

    @property
    def gives_probabilities(self) -> bool:
        """Whether the ranking's score is a probability of kinship; else it is a similarity."""
        return CANDIDATES[self.record.champion].is_learned

    @cached_property
    def scorer(self) -> Scorer:
        """The ranking that won."""
        return load_scorer(self.folder / RANKING, self.record.champion)

    @property
    def is_silent(self) -> bool:
        """Whether it never states anything: kinds were learned, but none is ever said or suggested."""
        return self.kinds is not None and self.kinds.bands.are_silent

    @cached_property
    def kinds(self) -> KindScorer | None:
        """The model of kinds; None where none was learned."""
        return KindScorer.load(self.folder / RELATIONS) if self.record.kinds.is_learned else None

    @cached_property
    def shares_terms(self) -> bool:
        """Whether ranking and kinds were fitted on the same tickets, as they are in one run."""
        return self.kinds is not None and self.kinds.has_terms_of(self.scorer.state)

    @property
    def words(self) -> TermStatistics:
        """Statistics of words: how informative each one is, for evidence that a person can check."""
        return self.scorer.state.words if self.kinds is None else self.kinds.state.words

    @cached_property
    def max_length_tokens(self) -> int:
        """Tokens of a text that every encoder reads at least."""
        records = (read_serving(self.folder / source.folder) for source in self.record.embeddings)
        limits = [record.max_length_tokens for record in records if record and record.max_length_tokens]
        return min(limits, default=_NO_LIMIT)

    @cached_property
    def _encoders(self) -> dict[str, ServingEncoder]:
        runtimes = {source.folder: source.runtime for source in self.record.embeddings}
        return {name: open_encoder(self.folder / name, runtime) for name, runtime in runtimes.items()}

    @cached_property
    def encodes_beside(self) -> bool:
        """Whether other work for an answer gains by going on while a text is encoded."""
        encoders = self._encoders.values()
        return bool(encoders) and n_threads() > 1 and all(encoder.leaves_cores for encoder in encoders)

    @cached_property
    def models(self) -> Mapping[str, str]:
        """A hash of encoder, runtime and kind of input for each embedding, by its name.

        Equal hashes mean equal embeddings of equal texts, also in different bundles.
        """
        return {source.name: self._model(source) for source in self.record.embeddings}

    def _model(self, source: EmbeddingSource) -> str:
        places = (f"{source.folder}/", f"{source.folder}-exported/")
        files = {
            name: record.sha256 for name, record in self.manifest.files.items() if name.startswith(places)
        }
        return hash_value({"files": list(files.values()), "runtime": source.runtime})[:32]

    def texts_read(self, tickets: Tickets) -> list[str]:
        """Return the texts that the encoders read of tickets."""
        return compose_texts(tickets, self.record.template)

    def embed(self, tickets: Tickets, progress: Progress = SILENT) -> EmbeddedTickets:
        """Return tickets with their composed texts and every embedding that ranking and kinds read."""
        texts = self.texts_read(tickets)
        return EmbeddedTickets(tickets, texts, self.encode(texts, progress))

    def encode(self, texts: list[str], progress: Progress = SILENT) -> dict[str, FloatArray]:
        """Return every embedding of composed texts that ranking and kinds read, by name."""
        with self._encoding:
            return {
                source.name: self._encoders[source.folder].encode(texts, progress)
                for source in self.record.embeddings
            }

    def with_embeddings(self, tickets: Tickets, embeddings: Mapping[str, FloatArray]) -> EmbeddedTickets:
        """Return tickets with embeddings that `embed` made of them before."""
        return EmbeddedTickets(tickets, self.texts_read(tickets), embeddings)

    def for_kinds(self, given: EmbeddedTickets) -> EmbeddedTickets:
        """Return embedded tickets as the model of kinds reads them: by the untouched encoder."""
        return replace(given, embeddings={"base": given.embeddings[self.record.kinds.base]})
