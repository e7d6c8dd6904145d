"""Stages: what they are handed, what they may read, and when they are due."""

import shutil
from pathlib import Path

import pytest

from ticketkin.core.progress import SILENT
from ticketkin.core.stage_settings import StageSettings
from ticketkin.runs.artifacts import Artifact, Folder, Place, array_artifact, record_artifact
from ticketkin.runs.stages import RunContext, Stage, StageRun, State, run_stage, stage_status
from ticketkin.runs.values import RunValues, UndeclaredError


def numbers(name: str) -> Artifact[dict[str, int]]:
    return record_artifact(name, dict[str, int])


FIRST, SECOND, OTHER = numbers("first.json"), numbers("second.json"), numbers("other.json")
MODEL = Folder("model")
WEIGHTS = numbers("model/weights.json")


class Part(StageSettings):
    """Settings of one stage."""

    size: int = 1


class Job(StageSettings):
    """A job of two parts."""

    part: Part = Part()
    beside: Part = Part()


def stage_of(run, **changes) -> Stage[Job]:  # type: ignore[no-untyped-def]
    values = {"inputs": (FIRST,), "outputs": (SECOND,), "reads": ("part.size",), **changes}
    return Stage(name="work", title="Work", command="work {folder}", run=run, **values)


@pytest.fixture
def context(tmp_path: Path) -> RunContext[Job]:
    FIRST.write(tmp_path / FIRST, {"value": 1})
    OTHER.write(tmp_path / OTHER, {"value": 2})
    (tmp_path / MODEL).mkdir()
    WEIGHTS.write(tmp_path / WEIGHTS, {"value": 3})
    return RunContext(tmp_path, Job(), SILENT)


def test_a_stage_reads_and_writes_what_it_declares(context: RunContext[Job]) -> None:
    def work(run: StageRun[Job]) -> None:
        run.put(SECOND, {"value": run.values.read(FIRST)["value"] + run.job.part.size})

    stage = stage_of(work)
    assert stage_status(stage, context, {}).state is State.READY
    run_stage(stage, context, {})
    assert SECOND.read(context.folder / SECOND) == {"value": 2}
    assert stage_status(stage, context, {}).state is State.DONE
    FIRST.write(context.folder / FIRST, {"value": 7})
    assert stage_status(stage, context, {}).state is State.CHANGED


@pytest.mark.parametrize(
    "read",
    [
        lambda run: run.values.read(OTHER),
        lambda run: run.values.path(OTHER),
        lambda run: run.values.derive("length", (OTHER,), lambda: 1),
        lambda run: run.values.read(WEIGHTS),
        lambda run: run.job.beside,
        lambda run: run.job.beside.size,
        lambda run: run.put(OTHER, {}),
        lambda run: run.place(MODEL),
    ],
)
def test_what_a_stage_does_not_declare_it_can_neither_read_nor_write(context: RunContext[Job], read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UndeclaredError, match="'work'"):
        run_stage(stage_of(read), context, {})


def test_what_lies_in_a_declared_folder_is_declared(context: RunContext[Job]) -> None:
    def work(run: StageRun[Job]) -> None:
        run.put(SECOND, run.values.read(WEIGHTS))

    run_stage(stage_of(work, inputs=(MODEL,)), context, {})
    assert SECOND.read(context.folder / SECOND) == {"value": 3}


def test_an_input_that_no_stage_makes_is_not_declared(context: RunContext[Job]) -> None:
    stage = stage_of(lambda run: run.values.read(FIRST))
    with pytest.raises(UndeclaredError):
        run_stage(stage, context, {FIRST: False})
    with_more = stage_of(lambda run: run.put(SECOND, run.values.read(OTHER)), more_inputs=lambda _: (OTHER,))
    run_stage(with_more, context, {})


def test_only_declared_settings_make_a_stage_due(context: RunContext[Job]) -> None:
    stage = stage_of(lambda run: run.put(SECOND, {}))
    run_stage(stage, context, {})
    for part, beside, state in ((Part(), Part(size=2), State.DONE), (Part(size=2), Part(), State.CHANGED)):
        changed = RunContext(context.folder, Job(part=part, beside=beside), SILENT)
        assert stage_status(stage, changed, {}).state is state


def test_a_stage_that_writes_more_than_it_did_is_due(context: RunContext[Job]) -> None:
    def work(run: StageRun[Job]) -> None:
        for output in outputs:
            run.put(output, {"value": 1})

    outputs = [SECOND]
    run_stage(stage_of(work), context, {})
    outputs.append(OTHER)
    more = stage_of(work, outputs=(SECOND, OTHER))
    assert stage_status(more, context, {}).state is State.CHANGED
    run_stage(more, context, {})
    assert stage_status(more, context, {}).state is State.DONE


def test_a_value_is_read_once_and_again_when_it_was_written(
    context: RunContext[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = context.values
    first = values.read(FIRST)
    assert values.read(FIRST) is first
    doubled = values.derive("doubled", (FIRST,), lambda: [first["value"] * 2])
    assert values.derive("doubled", (FIRST,), lambda: pytest.fail("computed twice")) is doubled
    writer = stage_of(lambda run: run.put(FIRST, {"value": 9}), inputs=(), outputs=(FIRST,))
    run_stage(writer, context, {})
    assert values.read(FIRST) == {"value": 9}
    assert values.derive("doubled", (FIRST,), lambda: ["anew"]) == ["anew"]


def test_a_folder_is_replaced_whole_and_read_anew(context: RunContext[Job]) -> None:
    assert context.values.read(WEIGHTS) == {"value": 3}

    def work(run: StageRun[Job]) -> None:
        with run.writing(MODEL) as folder:
            WEIGHTS.write(folder / "weights.json", {"value": 4})

    run_stage(stage_of(work, outputs=(MODEL,)), context, {})
    assert context.values.read(WEIGHTS) == {"value": 4}


def test_arrays_are_shared_and_can_not_be_changed(tmp_path: Path) -> None:
    import numpy as np

    stored = array_artifact("numbers.npy", 2)
    stored.write(tmp_path / stored, np.eye(2, dtype=np.float32))
    array = RunValues(tmp_path).read(stored)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 2.0


def test_places_lie_in_their_folders() -> None:
    assert WEIGHTS.lies_in(MODEL)
    assert MODEL.lies_in(MODEL)
    assert not Place("models/weights.json").lies_in(MODEL)


def test_a_stage_without_its_outputs_is_not_recorded(context: RunContext[Job]) -> None:
    with pytest.raises(RuntimeError, match="did not write"):
        run_stage(stage_of(lambda _: None), context, {})
    shutil.rmtree(context.folder / "stages", ignore_errors=True)
    assert stage_status(stage_of(lambda _: None), context, {}).state is State.READY
