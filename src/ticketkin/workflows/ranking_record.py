"""Which ranking won in a run."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal
import numpy as np
from pydantic import AfterValidator
from ticketkin.core.arrays import AnyArray, load_arrays, save_arrays
from ticketkin.core.artifacts import write_json
from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, IntArray, SplitName, Tickets
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.device import pick_device
from ticketkin.lexical.bm25 import FieldStatistics, LexicalRanker
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets
from ticketkin.ranking.corpus_state import FIELD_WEIGHTS, REMEDY, CorpusState, field_statistics
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.fusion import (
    DescribedCorpus,
    FusionRanker,
    OutOfFold,
    fit_first_level,
    fit_second_level,
)
from ticketkin.ranking.hybrid import HybridScorer
from ticketkin.ranking.list_ranker import ListRanker
from ticketkin.ranking.reranker import Reranker
from ticketkin.ranking.scorer import RERANKED, FirstLevel, PairScorer
from ticketkin.ranking.single_source import load_scorer
from ticketkin.runs.artifacts import Place
from ticketkin.training.candidates import (
    CANDIDATES,
    known_candidate,
    known_encoder,
    trained_encoders,
)
from ticketkin.training.head import fold_of_group
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.run_data import RunData




Encoder = Annotated[str, AfterValidator(known_encoder)]
Start = Literal["base", "adapted"]


@dataclass(frozen=True)
class RankingRecord:
    """Which ranking won in a run, as `ranking/ranking.json` tells it."""

    champion: Annotated[str, AfterValidator(known_candidate)]
    encoder: Encoder
    """The best of the encoders alone."""
    start: Start
    """What the head was trained on."""
    seed: int
    judged_by: Literal["split", "folds"] = "split"
    """Whether the ranking was fitted on the links of two splits, or on all links once folds had judged."""


def ranking_record(folder: Path) -> RankingRecord:
    """Return which ranking won in a run folder. Raises UnreadableFileError where its record is damaged."""
    path = folder / artifact.RANKING / "ranking.json"
    return read_record(path, RankingRecord, f"Judge again: ticketkin evaluate {folder}")
