"""A tuned encoder that won, alone or within the learned ranking, is served with the verdict's own scores."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle_material import judged_copy
from ticketkin.core.tables import Tickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.schema import read_report
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.relations.settings import RelationSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample
from ticketkin.training.settings import (
    AdaptedSettings,
    FullSettings,
    LoraSettings,
    StrengthSettings,
)
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import judging
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages import judging as stage

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

TUNED = ("adapted", "head", "lora", "full")
LORA = LoraSettings(
    epochs_per_phase=(0, 0, 1), batch_size=16, max_length_tokens=24, learning_rate=5e-3, rank=4
)
FULL = FullSettings(
    epochs_per_phase=(0, 0, 1),
    batch_size=16,
    max_length_tokens=32,
    learning_rate=1e-3,
    matryoshka_dimensions=(16, 8),
    served_dimensions=16,
)
ADAPTED = AdaptedSettings(objectives=("simcse",), max_length_tokens=32, learning_rate=1e-3)


@pytest.fixture(scope="module")
def tuned_run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Iterator[Path]:
    """A finished run of every encoder that can be tuned, whose learned ranking stands on LoRA."""
    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 120, 3)
    job = Job(
        sources=(sample,),
        synthetic=True,
        settings=Settings(
            candidates=("lexical", "base", *TUNED, "fusion"),
            encoder=EncoderSettings(base_model=str(tiny_encoder_folder), offline=True),
            evaluation=EvaluationSettings(n_bootstrap=100, by="split"),
            relations=RelationSettings(model="logistic", repeats=1, folds=3),
            adapted=ADAPTED,
            lora=LORA,
            full=FULL,
            strength=StrengthSettings(strengths=(0.0, 1.0)),
        ),
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    best = judging.best_encoder

    def lora_where_it_is_there(scores: Any, encoders: list[str], *rest: Any) -> str:
        return "lora" if "lora" in encoders else best(scores, encoders, *rest)

    decide = stage.decide
    patch.setattr(judging, "best_encoder", lora_where_it_is_there)
    patch.setattr(stage, "decide", lambda *a, **k: replace(decide(*a, **k), encoder="lora"))
    folder = tmp_path_factory.mktemp("runs") / "tuned"
    run_job(job, folder)
    yield folder
    patch.undo()


def declared(run: Path, place: Path, champion: str) -> Path:
    """A copy of a run in whose verdict another candidate won."""
    copy = Path(shutil.copytree(run, place / "declared"))
    path = copy / "ranking/ranking.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "champion": champion}))
    return copy


@pytest.mark.parametrize("encoder", TUNED)
def test_each_tuned_encoder_moved_away_from_the_untouched_one(tuned_run: Path, encoder: str) -> None:
    data = RunData.of(tuned_run, read_job(tuned_run))
    tuned, base = data.embeddings(artifact.embeddings_of(encoder)), data.embeddings(artifact.BASE_EMBEDDINGS)
    # Else serving the untouched one would go unnoticed.
    assert tuned.shape != base.shape or float(np.abs(tuned - base).max()) > 1e-3


def test_a_model_that_is_cut_keeps_what_the_cut_cost_beside_all_dimensions(tuned_run: Path) -> None:
    data = RunData.of(tuned_run, read_job(tuned_run))
    assert data.embeddings(artifact.embeddings_of("full")).shape[1] == 16
    record = data.training_record("full")
    assert record is not None
    assert [one.dimensions for one in record.dimensions] == [32, 16, 8]
    whole, cut, _ = record.dimensions
    assert (whole.change.value, whole.n_queries) == (0, cut.n_queries)
    assert 0 < cut.n_kin_groups <= cut.n_queries
    assert whole.mrr.value is not None and cut.mrr.value is not None and record.strength is not None
    assert cut.change.value == pytest.approx(cut.mrr.value - whole.mrr.value)
    at = record.strength.strengths.index(record.strength.chosen)
    assert cut.mrr.value == pytest.approx(record.strength.mrr[at])  # the strength is chosen of the cut model
    written = read_report(tuned_run / artifact.REPORT_JSON).candidates["full"].training
    assert written is not None
    assert [one["dimensions"] for one in written["dimensions"]] == [32, 16, 8]


@pytest.mark.parametrize("champion", [*TUNED, "fusion"])
def test_a_tuned_champion_is_served_as_judged(tuned_run: Path, tmp_path: Path, champion: str) -> None:
    judged = judged_copy(declared(tuned_run, tmp_path, champion), tmp_path)
    bundle = Bundle.open(judged.bundle)
    assert {source.folder for source in bundle.record.embeddings} >= {
        f"encoders/{'lora' if champion == 'fusion' else champion}"
    }
    largest, n_compared = 0.0, 0
    with Kin.open(judged.bundle, create=False) as kin:
        for place, row in enumerate(judged.rows):
            (answer,) = kin.relate_tickets(Tickets(judged.tickets.frame[[row]]), 10)
            for one in answer.relations:
                own = judged.similarities[place, judged.tickets.position[one.ticket_id]]
                largest = max(largest, abs((one.similarity or 0.0) - float(own)))
                n_compared += 1
    assert n_compared > 20
    assert largest < 1e-5
    passes = len(bundle.record.embeddings)
    card = (judged.bundle / "MODEL_CARD.md").read_text("utf-8")
    assert f"{passes} forward pass" in card
