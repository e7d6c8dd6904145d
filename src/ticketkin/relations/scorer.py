"""Which kind of kin two tickets are, from the two of them and frozen files alone.

kinds = KindScorer.load(folder / "relations")
described = kinds.describe(tickets)                     # EmbeddedTickets with 'base'
earlier, later = described.take(first), described.take(second)   # row i of one beside row i of the other
probabilities = kinds.probabilities(earlier, later)     # (n_pairs, 4), in the order of KINDS
calibrated = kinds.calibrated(probabilities, similarities)       # similarities of the ranking
"""

from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import Float64Array
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.relations.bands import Bands
from ticketkin.relations.causes import CAUSE_ENCODER, CauseReader, WithCauses
from ticketkin.relations.classifier import FeatureKindModel, KindModel, RelationClassifier
from ticketkin.relations.cross_kinds import CROSS_ENCODER, load_cross_kind_model
from ticketkin.relations.pair_state import REMEDY, PairState
from ticketkin.relations.pair_tickets import PairTickets, TermRows
from ticketkin.relations.saving import FittedOn, load_classifier, read_kinds, save_kinds


@dataclass(frozen=True)
class KindScorer:
    """A model of kinds with its pair state and its bands; holds no ticket."""

    state: PairState
    model: KindModel
    bands: Bands
    fitted_on: FittedOn

    def describe(self, given: EmbeddedTickets, terms: TermRows | None = None) -> PairTickets:
        """Return tickets as `probabilities` reads them, stored ones and new ones alike.

        `given` holds at least the embedding 'base' of the untouched encoder. `terms` spares the work that a
        ranking with the same terms has done.
        """
        return self.state.describe(given, terms)

    def has_terms_of(self, ranking: CorpusState) -> bool:
        """Return whether the terms of tickets that a ranking described can be handed to `describe`."""
        return self.state.has_terms_of(ranking)

    def probabilities(self, earlier: PairTickets, later: PairTickets) -> Float64Array:
        """Return the probability of each kind, not calibrated, shape (n_pairs, 4).

        Row i of `earlier`, the ticket that was filed first, stands beside row i of `later`. A pair's
        probabilities don't depend on the other pairs. Memory and time grow with the pairs.
        """
        return self.model.probabilities(earlier, later)

    def calibrated(self, probabilities: Float64Array, similarities: Float64Array) -> Float64Array:
        """Return calibrated probabilities, shape (n_pairs, 4); `similarities` (n_pairs,) of the ranking."""
        return self.bands.calibrated(probabilities, similarities)

    def save(self, folder: Path) -> None:
        """Write the state, the bands and a classifier into `folder`; cross-encoders lie there already."""
        self.state.save(folder)
        model, causes = self.model, None
        if isinstance(self.model, WithCauses):
            model, causes = self.model.kinds, self.model.causes.calibration
        if isinstance(model, FeatureKindModel):
            classifier = model.classifier
            save_kinds(folder, classifier.name, self.fitted_on, self.bands, classifier, causes)
        else:
            save_kinds(folder, CROSS_ENCODER, self.fitted_on, self.bands, causes=causes)

    @classmethod
    def load(cls, folder: Path, encoder: EncoderSettings | None = None) -> "KindScorer":
        """Return the model of kinds saved in `folder`; a cross-encoder computes where `encoder` says.

        What it must be served with stands in `fitted_on`. Raises UnreadableFileError where the files are
        missing, damaged, of another version or of two models.
        """
        saved, state = read_kinds(folder), PairState.load(folder)
        if saved.fitted_on.state != state.fingerprint:
            raise UnreadableFileError(
                f"The relation model in {folder} was fitted over the pair state "
                f"{saved.fitted_on.state[:16]}…, beside it lies {state.fingerprint[:16]}…. {REMEDY}"
            )
        settings = encoder or EncoderSettings()
        model: KindModel
        if saved.model == CROSS_ENCODER:
            model = load_cross_kind_model(folder, pick_device(settings))
        else:
            classifier = load_classifier(folder)
            _check_columns(folder, classifier, state)
            model = FeatureKindModel(state, classifier)
        if saved.causes is not None:
            reader = CauseReader(folder / CAUSE_ENCODER, pick_device(settings), saved.causes)
            model = WithCauses(model, reader)
        return cls(state, model, saved.bands, saved.fitted_on)


def _check_columns(folder: Path, classifier: RelationClassifier, state: PairState) -> None:
    unknown = sorted(set(classifier.columns) - set(state.feature_names))
    if unknown:
        raise UnreadableFileError(
            f"The relation model in {folder} reads features that its pair state does not give: "
            f"{', '.join(unknown[:5])}. {REMEDY}"
        )
