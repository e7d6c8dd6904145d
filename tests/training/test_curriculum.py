"""Phases of a curriculum: executed as they are given, for every loss, and told where they are not."""

from dataclasses import replace

import numpy as np
import pytest
from tuning_material import SETTINGS, tuning_data

from ticketkin.core.checks import Check, Outcome
from ticketkin.training.plan import examples_seen, phase_records, plan_steps
from ticketkin.training.record import History, TrainingRecord
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import Step, TuningData

LOSSES = [
    {"ranking_loss": "none", "labelled_loss": "cosine"},
    {"ranking_loss": "mnrl", "labelled_loss": "cosine"},
    {"ranking_loss": "symmetric", "labelled_loss": "none"},
]


def _settings(**change: object) -> TuningSettings:
    return SETTINGS.model_copy(update={"epochs_per_phase": (1, 1, 2), "batch_size": 4, **change})


def _given() -> TuningData:
    """Phases of a file, and hard negatives of which each belongs to another phase than the next."""
    data = tuning_data()
    columns = np.arange(data.negatives.shape[1])
    phases = (np.arange(len(data.left))[:, None] + columns) % 3 + 1
    return replace(data, phases_are_given=True, negative_phase=phases)


def _steps(data: TuningData, settings: TuningSettings) -> list[Step]:
    return plan_steps(data, np.ones(len(data.texts), dtype=np.int64), settings, 0)


def _record(data: TuningData, settings: TuningSettings, steps: list[Step]) -> TrainingRecord:
    return TrainingRecord(
        method="test",
        losses={"ranking": settings.ranking_loss, "labelled": settings.labelled_loss},
        settings=settings.model_dump(mode="json"),
        phases=phase_records(data, steps),
        positives_by_phase=[int((data.phase == phase).sum()) for phase in (1, 2, 3)],
        labelled_by_phase=[int((data.labelled_phase == phase).sum()) for phase in (1, 2, 3)],
        phases_are_given=data.phases_are_given,
        is_cumulative=data.is_cumulative(settings),
        examples=examples_seen(data, steps, settings),
        steps_planned=len(steps),
        steps_done=len(steps),
        history=History(loss=[1.0] * len(steps), learning_rate=[settings.learning_rate] * len(steps),
                        gradient_norm=[1.0] * len(steps)),
        parameters_trained=1,
        batch_size=settings.batch_size,
        device="cpu",
        precision="float32",
        seconds=1.0,
        versions={},
    )  # fmt: skip


def _phase_check(record: TrainingRecord) -> Check:
    return next(check for check in record_checks(record) if check.code == "phases")


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("curriculum", ["auto", "cumulative"])
def test_phases_of_a_file_are_executed_as_written_for_every_loss(
    losses: dict[str, str], curriculum: str
) -> None:
    data, settings = _given(), _settings(curriculum=curriculum, **losses)
    steps = _steps(data, settings)
    assert data.negative_phase is not None
    for step in steps:
        allowed = range(1, step.phase + 1) if curriculum == "cumulative" else [step.phase]
        assert np.isin(data.phase[step.positives], allowed).all()
        assert np.isin(data.labelled_phase[step.labelled], allowed).all()
        for positive, negative in zip(step.positives, step.negatives, strict=True):
            columns = data.negatives[positive] == negative
            assert negative == -1 or np.isin(data.negative_phase[positive][columns], allowed).any()
    for phase, epochs in enumerate(settings.epochs_per_phase, start=1):
        of_phase = [step for step in steps if step.phase == phase]
        rows = [step.labelled if losses["ranking_loss"] == "none" else step.positives for step in of_phase]
        phases = data.labelled_phase if losses["ranking_loss"] == "none" else data.phase
        expected = np.flatnonzero(phases <= phase if curriculum == "cumulative" else phases == phase)
        np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.sort(np.tile(expected, epochs)))
    check = _phase_check(_record(data, settings, steps))
    assert check.outcome is Outcome.PASSED
    assert ("earlier ones' pairs" in check.evidence) == (curriculum == "cumulative")


def test_measured_phases_keep_the_earlier_ones_unless_asked_otherwise() -> None:
    data = tuning_data()
    assert data.is_cumulative(_settings()) and not data.is_cumulative(_settings(curriculum="own"))


@pytest.mark.parametrize("losses", LOSSES)
def test_phases_that_were_not_executed_as_written_fail_the_check(losses: dict[str, str]) -> None:
    data, settings = _given(), _settings(**losses)
    others = _steps(replace(data, phases_are_given=False), settings.model_copy(update={"curriculum": "auto"}))
    check = _phase_check(_record(data, settings, others))
    assert check.outcome is Outcome.FAILED and "phase 2 saw pairs of [1]" in check.evidence
    first = [step for step in _steps(data, settings) if step.phase == 1]
    check = _phase_check(_record(data, settings, first))
    assert check.outcome is Outcome.FAILED and "not executed: [2, 3]" in check.evidence


def test_pairs_of_a_phase_without_a_pass_are_reported() -> None:
    data, settings = _given(), _settings(epochs_per_phase=(0, 0, 1))
    check = _phase_check(_record(data, settings, _steps(data, settings)))
    assert (
        check.outcome is Outcome.WARNING and "pairs of phase [1, 2] were never trained on" in check.evidence
    )


def test_a_file_may_have_two_phases() -> None:
    data = _given()
    data = replace(data, phase=np.minimum(data.phase, 2), labelled_phase=np.minimum(data.labelled_phase, 2))
    for losses in LOSSES:
        settings = _settings(**losses)
        check = _phase_check(_record(data, settings, _steps(data, settings)))
        assert check.outcome is Outcome.PASSED, check.evidence
