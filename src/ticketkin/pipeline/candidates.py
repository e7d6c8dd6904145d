"""The candidates of a run, built from what its folder holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.pipeline import artifacts as artifact
from ticketkin.pipeline.run_data import RunData
from ticketkin.ranking.features import FusionInputs
from ticketkin.ranking.fusion import FusionRanker, OutOfFold, fit_first_level, fit_second_level
from ticketkin.training.candidates import CANDIDATES, known_candidate, known_encoder, trained_candidates
from ticketkin.training.head import fold_of_group

FIELD_WEIGHTS = {"title": 4.0, "description": 1.0}


Encoder = Annotated[str, AfterValidator(known_encoder)]


@dataclass(frozen=True)
class RankingRecord:
    """Which ranking won in a run, as `ranking/ranking.json` tells it."""

    champion: Annotated[str, AfterValidator(known_candidate)]
    encoder: Encoder
    """The best of the encoders alone."""
    start: Literal["base", "adapted"]
    """What the head was trained on."""
    seed: int


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
    for candidate in trained_candidates():
        if candidate.name in wanted and (with_slow or not candidate.is_slow):
            found[candidate.name] = data.embeddings(artifact.embeddings_of(candidate.name))
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
    start = "adapted" if "adapted" in encoders.embeddings else "base"
    embeddings, out_of_fold = fusion_embeddings(data, start)
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
        encoders.embeddings[best] if CANDIDATES[best].is_slow else None,
        progress,
    )


def ranking_record(folder: Path) -> RankingRecord:
    """Return which ranking won in a run folder. Raises UnreadableFileError where its record is damaged."""
    path = folder / artifact.RANKING / "ranking.json"
    return read_record(path, RankingRecord, f"Judge again: ticketkin evaluate {folder}")


def champion_ranker(data: RunData) -> Ranker:
    """Return the ranking that won in a judged run, as `ranking/` holds it. Raises as `FusionRanker.load`."""
    record = ranking_record(data.values.path(artifact.RANKING).parent)
    if record.champion == "lexical":
        return lexical_ranker(data)
    if record.champion != "fusion":
        return DenseRanker(record.champion, data.embeddings(artifact.embeddings_of(record.champion)))
    lexical = lexical_ranker(data)
    embeddings, _ = fusion_embeddings(data, record.start)
    inputs = FusionInputs(data.tickets, data.texts, data.titles, lexical, embeddings)
    slow = CANDIDATES[record.encoder].is_slow
    encoder = data.embeddings(artifact.embeddings_of(record.encoder)) if slow else None
    return FusionRanker.load(
        data.values.path(artifact.RANKING), inputs, data.visibility, record.seed, encoder
    )


def fusion_embeddings(data: RunData, start: str) -> tuple[dict[str, FloatArray], OutOfFold | None]:
    """Return the embeddings the fusion looks at, and the head's weights by fold where there is a head.

    `start` is the encoder that the head was trained on: 'base', or 'adapted' without labels.
    """
    embeddings = {"base": data.embeddings(artifact.embeddings_of(start))}
    out_of_fold = None
    if "head" in data.job.settings.candidates:
        weights = data.fold_weights(artifact.HEAD_OUT_OF_FOLD, embeddings["base"].shape[1])
        folds = fold_of_group(data.groups.group, len(weights) - 1, data.job.settings.seed)
        out_of_fold = OutOfFold(weights, folds)
        embeddings["tuned"] = out_of_fold.tuned(embeddings["base"], -1)
    embeddings["title"] = data.embeddings(artifact.TITLE_EMBEDDINGS)
    return embeddings, out_of_fold
