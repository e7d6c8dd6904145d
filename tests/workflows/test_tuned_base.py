"""A run that begins with the model of an earlier run: called what it is, not judged on what it learned."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.core.errors import InputError, NotEnoughDataError
from ticketkin.core.tables import SplitName
from ticketkin.encoders.learned_tickets import (
    LEARNED_TICKETS,
    LearnedByBase,
    LearnedTickets,
    read_learned,
    ticket_hashes,
    write_learned,
)
from ticketkin.evaluation.verdict_words import better_words, naming_base
from ticketkin.relations.record import KindsLearned, KindsNotLearned, RelationRecord
from ticketkin.runs.stages import run_stage
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.comparison_grounds import PairFile
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.cross_judging import questions_of
from ticketkin.workflows.job import run_context, run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.order import stage_named, stages


def _ran(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def july(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run over the tickets of June and newer ones that begins with June's head, and what its split said."""
    place = tmp_path_factory.mktemp("july")
    (june,) = read_job(small_run).sources
    write_sample(place / "newer.csv", 150, 77)
    newer = pl.read_csv(place / "newer.csv", infer_schema=False)
    # Numbers of other tickets, problems and changes than June's, in every column that names any.
    renamed = newer.with_columns(pl.all().str.replace_all(r"\b(INC|PRB|CHG)(\d)", "${1}7${2}"))
    both = pl.concat([pl.read_csv(june, infer_schema=False), renamed], how="diagonal")
    both.write_csv(place / "july.csv")
    run, model = place / "run", small_run / "candidates/head"
    _ran("import", place / "july.csv", "--out", run, "--base-model", model, "--offline")
    _ran("links", run)
    said = _ran("split", run)
    return run, said


def test_nothing_that_the_base_learned_from_judges(small_run: Path, july: tuple[Path, str]) -> None:
    run, said = july
    june = RunData.of(small_run, read_job(small_run))
    learned = read_learned(small_run / "candidates/head")
    assert learned is not None and learned.run == small_run.name
    data = RunData.of(run, read_job(run))
    base = data.base_learned
    assert base.name == learned.name
    assert f"The base is the model of {small_run.name}, {learned.made_at[:10]}" in " ".join(said.split())
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


def test_fixed_test_pairs_that_the_base_learned_from_judge_and_that_is_said(
    small_run: Path, tmp_path: Path
) -> None:
    june = RunData.of(small_run, read_job(small_run))
    asked = {name: june.queries(name).tolist()[:12] for name in (SplitName.TRAIN, SplitName.HOLDOUT)}
    for name, rows in asked.items():
        half = len(rows) // 2
        pairs = [
            {"text1": june.texts[one], "text2": june.texts[other], "label": label}
            for place, one in enumerate(rows[:half])
            for label, other in ((1, rows[half + place]), (0, rows[half + (place + 1) % half]))
        ]
        (tmp_path / f"{name.value}.json").write_text(json.dumps(pairs))

    def sentence(test: SplitName) -> str:
        train = SplitName.HOLDOUT if test is SplitName.TRAIN else SplitName.TRAIN
        settings = {"encoder": {"base_model": str(small_run / "candidates/head"), "offline": True}}
        job = Job(
            pairs_file=tmp_path / f"{train.value}.json", sources=(),
            test_pairs_file=tmp_path / f"{test.value}.json", settings=Settings.model_validate(settings),
        )  # fmt: skip
        for stage in ("import", "links", "split"):
            run_one_stage(stage, tmp_path / f"judged-by-{test.value}", job=job)
        return artifact.BASE_LEARNED.read(tmp_path / f"judged-by-{test.value}/base_learned.json").sentence

    assert "12 in the test pairs, which stay as given" in sentence(SplitName.TRAIN)
    assert sentence(SplitName.HOLDOUT).endswith("and none of them judges")


def test_a_tuned_model_keeps_what_it_was_trained_and_chosen_by(small_run: Path) -> None:
    assert (small_run / "candidates/head" / LEARNED_TICKETS).exists()
    data = RunData.of(small_run, read_job(small_run))
    learned = read_learned(small_run / "candidates/head")
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


def test_the_base_is_named_where_it_was_tuned(small_run: Path, july: tuple[Path, str]) -> None:
    run = july[0]
    _ran("embed", run)
    base = artifact.BASE_ENCODER.read(run / artifact.BASE_ENCODER)
    assert base.tuned_as.startswith(f"the model of {small_run.name}, ")
    assert base.tuned_as in base.name
    sentence = better_words("lora", "The untouched model finds less.", synthetic=False)
    assert naming_base(sentence, "") == sentence
    named = naming_base(sentence, base.tuned_as)
    assert "untouched" not in named
    assert named.startswith(f"Yes: 'lora' is better than the model of {small_run.name}, ")
    assert f"The{base.tuned_as.removeprefix('the')} finds less." in named


@pytest.fixture(scope="module")
def untouched(
    july: tuple[Path, str], tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run over the same tickets that begins with an untouched base, up to its pairs."""
    run = tmp_path_factory.mktemp("untouched") / "run"
    export = july[0].parent / "july.csv"
    _ran("import", export, "--out", run, "--base-model", tiny_encoder_folder, "--offline")
    for stage in ("links", "split", "embed", "pairs"):
        _ran(stage, run)
    return run


@pytest.mark.parametrize("split", [SplitName.EVALUATION, SplitName.HOLDOUT])
def test_models_are_compared_on_nothing_that_one_of_them_learned_from(
    small_run: Path, untouched: Path, tiny_encoder_folder: Path, split: SplitName
) -> None:
    head, base = str(small_run / "candidates/head"), str(tiny_encoder_folder)
    data = RunData.of(untouched, read_job(untouched))
    learned = read_learned(Path(head))
    assert learned is not None
    units = data.units
    known = np.isin(units, units[learned.among(data.tickets)])
    queries = data.queries(split)
    n_left = int((~known[queries]).sum())
    assert 0 < n_left < len(queries)
    alone, beside = compare_models([], untouched, base, split), compare_models([head], untouched, base, split)
    assert (alone.n_queries, beside.n_queries) == (len(queries), n_left)
    pairs = data.pairs_of(split)
    assert alone.n_pairs == len(pairs.labels)
    assert beside.n_pairs == int((~known[pairs.left] & ~known[pairs.right]).sum())
    assert alone.test_pairs_sha256 != beside.test_pairs_sha256
    (check,) = [check for check in beside.checks if check.code == "learned_tickets"]
    assert check.outcome == "warning" and f"{head} learned from some" in check.evidence
    assert [check.outcome for check in alone.checks if check.code == "learned_tickets"] == ["passed"]


def test_a_model_is_compared_on_the_links_of_its_own_run(small_run: Path, tiny_encoder_folder: Path) -> None:
    compared = compare_models([str(small_run / "candidates/head")], small_run, str(tiny_encoder_folder))
    data = RunData.of(small_run, read_job(small_run))
    assert compared.n_queries == len(data.queries(SplitName.EVALUATION))
    assert [check.outcome for check in compared.checks if check.code == "learned_tickets"] == ["passed"]


def test_a_model_that_knows_all_is_not_compared(
    small_run: Path, untouched: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    data = RunData.of(untouched, read_job(untouched))
    model = Path(shutil.copytree(small_run / "candidates/head", tmp_path / "model"))
    every = sorted({one for own in ticket_hashes(data.tickets) for one in own})
    write_learned(model, LearnedTickets("june", "2026-06-30T00:00:00+00:00", len(data.tickets), every))
    with pytest.raises(InputError, match="nothing is left to compare on"):
        compare_models([str(model)], untouched, str(tiny_encoder_folder))
    texts = data.texts[:4]
    pairs = {"texts1": texts, "texts2": texts[::-1], "labels": [1, 0, 1, 0]}
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    file = PairFile(tmp_path / "pairs.json", data.job.settings.encoder)
    with pytest.raises(InputError, match=r"pairs\.json: nothing is left to compare on"):
        compare_models([str(model)], file, str(tiny_encoder_folder))


def test_kinds_are_judged_on_no_ticket_that_the_base_learned_from(small_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "june"))
    before = artifact.RELATIONS_JSON.read(run / artifact.RELATIONS_JSON)
    assert isinstance(before, KindsLearned)
    data = RunData.of(run, read_job(run))
    known = data.tickets.ids[: len(data.tickets) // 3]
    wanted = {output: stage.wanted(data.job) for stage in stages() for output in stage.outputs}

    def learned_anew(ids: Sequence[str]) -> RelationRecord:
        base = LearnedByBase("the model of may, 2026-05-31", len(ids), len(ids), tuple(ids), 1)
        artifact.BASE_LEARNED.write(run / artifact.BASE_LEARNED, base)
        run_stage(stage_named("relations"), run_context(run, data.job), wanted)
        return artifact.RELATIONS_JSON.read(run / artifact.RELATIONS_JSON)

    record = learned_anew(known)
    assert isinstance(record, KindsLearned)
    assert record.counts == before.counts == before.kept.counts  # they train as before
    n_judging = sum(record.kept.counts.values())
    assert 0 < n_judging < sum(record.counts.values())
    assert all(n <= record.counts[kind] for kind, n in record.kept.counts.items())
    assert np.sum(record.kept.confusion) == pytest.approx(n_judging)
    assert any(f"they train and judge nothing; {n_judging:,} judge" in note for note in record.notes)
    nothing_left = learned_anew(data.tickets.ids)
    assert isinstance(nothing_left, KindsNotLearned) and "are left to judge by" in nothing_left.reason
