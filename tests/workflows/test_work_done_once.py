"""What several stages need is read and computed once in a run."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.ranking.crowd import Crowd, CrowdNeighbours
from ticketkin.workflows import artifacts, candidates, judging, run_data
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job


def test_a_run_reads_composes_describes_and_fits_once(
    small_job: Job, quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = quick_job.settings.model_copy(update={"candidates": small_job.settings.candidates})
    job = quick_job.model_copy(update={"settings": settings})
    done: Counter[str] = Counter()
    crowds: Counter[tuple[str, float]] = Counter()
    fit, compose, read, neighbours = (
        candidates.fit_first_level,
        run_data.compose_texts,
        artifacts.read_parquet,
        Crowd.neighbours,
    )

    def counted_fit(*given: object, **named: object) -> object:
        done["first level"] += 1
        return fit(*given, **named)  # type: ignore[arg-type]

    def counted_compose(tickets: Tickets, template: str) -> list[str]:
        done[f"compose {template}"] += 1
        return compose(tickets, template)

    def counted_read(path: Path) -> pl.DataFrame:
        done[f"read {path.name}"] += 1
        return read(path)

    def counted_neighbours(
        crowd: Crowd, name: str, embeddings: FloatArray, identity: IntArray, opened_at: IntArray
    ) -> CrowdNeighbours:
        crowds[name, float(embeddings.sum())] += 1
        return neighbours(crowd, name, embeddings, identity, opened_at)

    evaluate = judging.evaluate_retrieval

    def counted_evaluation(ranker: Ranker, *given: object, **named: object) -> RetrievalScores:
        done[f"evaluate {ranker.name}"] += 1
        return evaluate(ranker, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(judging, "evaluate_retrieval", counted_evaluation)
    monkeypatch.setattr(candidates, "fit_first_level", counted_fit)
    monkeypatch.setattr(run_data, "compose_texts", counted_compose)
    monkeypatch.setattr(artifacts, "read_parquet", counted_read)
    monkeypatch.setattr(Crowd, "neighbours", counted_neighbours)
    run_job(job, tmp_path / "run")
    assert done["read tickets.parquet"] == 1
    assert done["evaluate fusion"] == 1
    assert {name: n for name, n in done.items() if n > 1} == {}
    # Once while judging, and once more with the ranking as it was saved, which kinds are learned with.
    assert max(crowds.values()) <= 2
    assert sum(crowds.values()) <= len(crowds) + 3
