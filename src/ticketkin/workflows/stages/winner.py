"""What a verdict keeps: the best encoder as model/, the ranking that won as ranking/."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ticketkin.core.artifacts import write_json
from ticketkin.core.checks import Check
from ticketkin.encoders.learned_tickets import copy_learned
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.saving import save_encoder
from ticketkin.evaluation.schema import CandidateResult
from ticketkin.evaluation.verdict import Verdict
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import first_level_start, save_ranking
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.model_metadata import METADATA, data_hashes, model_metadata
from ticketkin.workflows.private_paths import without_paths
from ticketkin.workflows.ranking_record import RankingRecord
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.saved_folds import save_encoder_folds, save_folds
from ticketkin.workflows.training_rows import keep_training_rows


def keep_model(
    run: StageRun[Job], data: RunData, encoder: str, result: CandidateResult, checks: Sequence[Check]
) -> None:
    """Put the best encoder into model/ as a plain sentence-transformers folder, its record beside it."""
    with run.writing(artifact.MODEL) as folder:
        if encoder == "base":
            loaded = load_encoder(run.job.settings.encoder)
            save_encoder(loaded.model, folder, None, run.job.settings.tickets.template)
            copy_learned(Path(loaded.source), folder)
        else:
            shutil.copytree(run.values.path(artifact.model_of(encoder)), folder, dirs_exist_ok=True)
        record = model_metadata(
            None if encoder == "base" else data.training_record(encoder),
            run.values.read(artifact.BASE_ENCODER),
            result,
            checks,
            data_hashes(run.values, artifact.TICKETS, artifact.LINKS, artifact.SPLITS, artifact.PAIRS),
        )
        write_json(folder / METADATA, without_paths(record, run.private_paths))


def keep_ranking(run: StageRun[Job], data: RunData, judged: Judged, verdict: Verdict) -> None:
    """Write ranking/: which ranking won, and the learned one where there is one."""
    with run.writing(artifact.RANKING) as folder:
        start = first_level_start(judged.encoders)
        seed = run.job.settings.seed
        keep_training_rows(folder, data, judged.rankers[verdict.champion])
        if judged.folds is None:
            record = RankingRecord(verdict.champion, verdict.encoder, start, seed)
            save_ranking(folder, judged.kept, record)
            return
        record = RankingRecord(verdict.champion, "base", start, seed, "folds")
        save_ranking(folder, judged.kept, record)
        folds = judged.rankers.get("fusion")
        if isinstance(folds, CrossFittedRanker):
            save_folds(folder, folds, record)
        champion = judged.rankers[verdict.champion]
        if CANDIDATES[verdict.champion].role == "encoder" and isinstance(champion, CrossFittedRanker):
            save_encoder_folds(folder, champion)
