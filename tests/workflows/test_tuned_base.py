"""A run that begins with the model of an earlier run: called what it is, not judged on what it learned."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import SplitName
from ticketkin.encoders.learned_tickets import LEARNED_TICKETS, read_learned, ticket_hashes, write_learned
from ticketkin.evaluation.verdict_words import better_words, naming_base
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.cross_judging import questions_of
from ticketkin.workflows.run_data import RunData


def _ran(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def july(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run over the tickets of June and newer ones that begins with June's head, and what its split said."""
    place = tmp_path_factory.mktemp("july")
    (june,) = read_job(run_folder).sources
    write_sample(place / "newer.csv", 150, 77)
    newer = pl.read_csv(place / "newer.csv", infer_schema=False)
    # Numbers of other tickets, problems and changes than June's, in every column that names any.
    renamed = newer.with_columns(pl.all().str.replace_all(r"\b(INC|PRB|CHG)(\d)", "${1}7${2}"))
    both = pl.concat([pl.read_csv(june, infer_schema=False), renamed], how="diagonal")
    both.write_csv(place / "july.csv")
    run, model = place / "run", run_folder / "candidates/head"
    _ran("import", place / "july.csv", "--out", run, "--base-model", model, "--offline")
    _ran("links", run)
    said = _ran("split", run)
    return run, said


def test_nothing_that_the_base_learned_from_judges(run_folder: Path, july: tuple[Path, str]) -> None:
    run, said = july
    june = RunData.of(run_folder, read_job(run_folder))
    learned = read_learned(run_folder / "candidates/head")
    assert learned is not None and learned.run == "june"
    data = RunData.of(run, read_job(run))
    base = data.base_learned
    assert base.name == learned.name
    assert f"The base is the model of june, {learned.made_at[:10]}" in " ".join(said.split())
    trained_on = june.queries(SplitName.TRAIN).tolist()
    texts_trained_on = {june.texts[row] for row in trained_on}
    for split in (SplitName.EVALUATION, SplitName.HOLDOUT):
        queries = data.queries(split)
        assert len(queries) > 3
        assert not {data.tickets.ids[row] for row in queries} & set(base.ticket_ids)
        assert not {data.texts[row] for row in queries} & texts_trained_on
    judged = questions_of(data, data.groups.group).queries  # where folds judge
    assert not {data.tickets.ids[row] for row in judged} & set(base.ticket_ids)
    assert len(judged) < int(data.groups.has_kin.sum())


def test_a_tuned_model_keeps_what_it_was_trained_and_chosen_by(run_folder: Path) -> None:
    assert (run_folder / "candidates/head" / LEARNED_TICKETS).exists()
    data = RunData.of(run_folder, read_job(run_folder))
    learned = read_learned(run_folder / "candidates/head")
    assert learned is not None
    known = learned.among(data.tickets)
    held_out = data.queries(SplitName.HOLDOUT)
    assert known[data.queries(SplitName.TRAIN)].all()
    assert known[data.queries(SplitName.EVALUATION)].all()
    assert not known[held_out].all()


def test_a_base_that_knows_every_group_leaves_nothing_to_judge_by(
    july: tuple[Path, str], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(july[0], tmp_path / "run"))
    data = RunData.of(run, read_job(run))
    model = Path(shutil.copytree(data.job.settings.encoder.base_model, tmp_path / "model"))
    learned = read_learned(model)
    assert learned is not None
    every = sorted({one for own in ticket_hashes(data.tickets) for one in own})
    write_learned(model, type(learned)(learned.run, learned.made_at, len(data.tickets), every))
    with pytest.raises(NotEnoughDataError, match="nothing is left to judge by"):
        _ran("split", run, "--set", f"encoder.base_model={model}")


def test_the_base_is_named_where_it_was_tuned(july: tuple[Path, str]) -> None:
    run = july[0]
    _ran("embed", run)
    base = artifact.BASE_ENCODER.read(run / artifact.BASE_ENCODER)
    assert base.tuned_as.startswith("the model of june, ")
    assert base.tuned_as in base.name
    sentence = better_words("lora", "The untouched model finds less.", synthetic=False)
    assert naming_base(sentence, "") == sentence
    named = naming_base(sentence, base.tuned_as)
    assert "untouched" not in named
    assert named.startswith("Yes: 'lora' is better than the model of june, ")
    assert f"The{base.tuned_as.removeprefix('the')} finds less." in named
