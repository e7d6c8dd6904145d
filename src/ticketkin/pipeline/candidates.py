"""The candidates of a run, built from what its folder holds."""

from dataclasses import dataclass

from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.run_data import RunData
from ticketkin.search.features import FusionInputs
from ticketkin.search.fusion import FusionRanker, OutOfFold, fit_first_level, fit_second_level
from ticketkin.training.head import fold_of_group

FIELD_WEIGHTS = {"title": 4.0, "description": 1.0}


@dataclass(frozen=True)
class EncoderCandidates:
    """Embeddings of all tickets by encoder name, the untouched one first."""

    embeddings: dict[str, FloatArray]

    @property
    def names(self) -> list[str]:
        """Encoder names."""
        return list(self.embeddings)


def lexical_ranker(data: RunData) -> LexicalRanker:
    """Return BM25F over title and description."""
    frame = data.tickets.frame
    return LexicalRanker.build({name: frame[name].to_list() for name in FIELD_WEIGHTS}, FIELD_WEIGHTS)


def encoder_candidates(data: RunData, *, with_slow: bool) -> EncoderCandidates:
    """Return the untouched encoder and the tuned ones that the job asks for."""
    found = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
    wanted = data.job.settings.candidates
    for name, (_, embeddings) in artifact.TUNED.items():
        if name in wanted and (with_slow or name not in artifact.SLOW):
            found[name] = data.embeddings(embeddings)
    return EncoderCandidates(found)


def simple_rankers(data: RunData, encoders: EncoderCandidates) -> dict[str, Ranker]:
    """Return lexical search and each encoder alone."""
    rankers: dict[str, Ranker] = {"lexical": lexical_ranker(data)}
    rankers |= {name: DenseRanker(name, found) for name, found in encoders.embeddings.items()}
    return rankers


def fusion_ranker(
    data: RunData, lexical: LexicalRanker, encoders: EncoderCandidates, best: str, progress: Progress
) -> FusionRanker:
    """Return the learned ranking over the best encoder.

    The head enters the first level out of fold. LoRA and full tuning, which saw every training link, enter
    only at the second level, fitted on evaluation links.
    """
    settings, seed = data.job.settings.fusion, data.job.settings.seed
    # What the head was trained on: the untouched embeddings, or those adapted without labels.
    embeddings = {"base": encoders.embeddings.get("adapted", encoders.embeddings["base"])}
    out_of_fold = None
    if "head" in encoders.embeddings:
        weights = data.embeddings(artifact.HEAD_OUT_OF_FOLD)
        out_of_fold = OutOfFold(weights, fold_of_group(data.groups.group, len(weights) - 1, seed))
        embeddings["tuned"] = out_of_fold.tuned(embeddings["base"], -1)
    embeddings["title"] = data.embeddings(artifact.TITLE_EMBEDDINGS)
    inputs = FusionInputs(data.tickets, data.texts, data.titles, lexical, embeddings)
    groups, visibility = data.groups.group, data.visibility
    first = fit_first_level(
        inputs, data.queries(SplitName.TRAIN), groups, visibility, settings, seed, out_of_fold, progress
    )
    return fit_second_level(
        first,
        inputs,
        data.queries(SplitName.EVALUATION),
        groups,
        visibility,
        settings,
        seed,
        encoders.embeddings[best] if best in artifact.SLOW else None,
        progress,
    )
