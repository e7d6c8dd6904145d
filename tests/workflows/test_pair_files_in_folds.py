"""A file of few labelled pairs is judged by folds: as an export is, and on its pairs as they are given."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as with_examples
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT
from ticketkin.core.tables import BoolArray, SplitName
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.pairs.given import read_given
from ticketkin.pairs.settings import PairSettings
from ticketkin.ranking.fusion import FusionRanker
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.settings import TicketSettings
from ticketkin.training.candidates import CANDIDATES
from ticketkin.training.settings import LoraSettings
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import fold_verdict
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.cross_judging import head_contender, questions_of
from ticketkin.workflows.fold_training import training_pairs
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.judging import fold_material
from ticketkin.workflows.pair_files import pairs_of_run
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.tuned_folds import tuned_contender

N_KIN, N_STRANGERS = 24, 40
Record = dict[str, str | int]


@pytest.fixture(scope="module")
def records(small_run: Path) -> list[Record]:
    """Few pairs of the sample with phases, kin that share no text."""
    rows = [pairs_of_run(small_run, split) for split in SplitName]
    wanted = {1: N_KIN, 0: N_STRANGERS}
    has_kin: set[str] = set()
    seen: set[frozenset[str]] = set()
    chosen: list[Record] = []
    for part in rows:
        for left, right, label in zip(part.left, part.right, part.labels.tolist(), strict=True):
            pair = frozenset((left, right))
            if len(pair) == 2 and pair not in seen and wanted[label] and not (label and pair & has_kin):
                wanted[label] -= 1
                seen.add(pair)
                has_kin |= pair if label else frozenset()
                phase = 1 + len(chosen) % 3
                chosen.append({"text_a": left, "text_b": right, "label": label, "phase": phase})
    assert not any(wanted.values())
    return chosen


def _csv(records: Sequence[Record], path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


@pytest.fixture(scope="module")
def job(records: list[Record], tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(
        sources=(),
        pairs_file=_csv(records, tmp_path_factory.mktemp("pairs") / "pairs.csv"),
        settings=Settings(
            candidates=("lexical", "base", "head", "lora", "fusion"),
            encoder=EncoderSettings(base_model=str(tiny_encoder_folder), offline=True),
            evaluation=EvaluationSettings(n_bootstrap=100, repeats=1, shuffles=1, learning_curve=False),
            pairs=PairSettings(labels_from="person"),
            relations=RelationSettings(model="logistic", repeats=1, folds=2),
            lora=LoraSettings(max_length_tokens=24, rank=4),
        ),
    )


@pytest.fixture(scope="module")
def run(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("runs") / "pairs"
    for stage in ("import", "links", "split", "embed", "pairs", "head", "lora", "verdict"):
        run_one_stage(stage, folder, job=job)
    patch.undo()
    return folder


@pytest.fixture(scope="module")
def data(run: Path) -> RunData:
    return RunData.of(run, read_job(run))


def test_all_pairs_judge_by_folds_and_the_report_says_so(run: Path, data: RunData) -> None:
    report = artifact.VERDICT_JSON.read(run / artifact.VERDICT_JSON)
    assert report.cross_fitting is not None
    assert f"All {report.cross_fitting.n_kin_groups} groups of duplicates were used" in report.verdict.reason
    assert report.cross_fitting.left_out == ["lora"]
    for name, candidate in report.candidates.items():
        measured = candidate.evaluation.pairs
        assert (measured.n_positive, measured.n_negative) == (N_KIN, N_STRANGERS), name
    assert report.pairs["given"]["in_folds"] == {"kin": N_KIN, "strangers": N_STRANGERS}
    assert report.pairs["given"]["used"] == {} and report.pairs["sources"] == ["given"]
    messages = {warning.code: warning.message for warning in report.warnings}
    assert "--map" not in messages["no_opening_times"]
    (support,) = (check for check in report.diagnostics if check.code == "class_support")
    assert support.evidence == f"all pairs, by folds: {N_KIN} kin, {N_STRANGERS} not kin"
    record = data.training_record("head")
    assert record is not None and record.pairs == data.pair_account


def test_training_is_on_exactly_what_the_file_holds(records: list[Record], data: RunData) -> None:
    learned = training_pairs(data, data.groups)
    texts = data.tickets.frame["description"].to_list()
    labelled = learned.labelled
    assert labelled is not None and learned.phases_are_given
    trained = {
        (texts[left], texts[right], label, phase)
        for left, right, label, phase in zip(
            labelled.left, labelled.right, labelled.labels, labelled.phase, strict=True
        )
    }
    assert trained == {(r["text_a"], r["text_b"], r["label"], r["phase"]) for r in records}
    kin = {frozenset((r["text_a"], r["text_b"])) for r in records if r["label"] == 1}
    strangers = {frozenset((r["text_a"], r["text_b"])) for r in records if r["label"] == 0}
    positives = learned.positives
    assert {
        frozenset((texts[a], texts[b])) for a, b in zip(positives.left, positives.right, strict=True)
    } == kin
    place, column = np.nonzero(positives.negatives >= 0)
    assert len(place)
    for row, stranger in zip(positives.left[place], positives.negatives[place, column], strict=True):
        assert frozenset((texts[row], texts[stranger])) in strangers


@hypothesis_settings(max_examples=15, deadline=None)
@with_examples(seed=st.integers(0, 1_000))
def test_no_fold_trains_on_a_pair_of_a_held_out_unit(seed: int, data: RunData) -> None:
    questions = questions_of(data, data.groups.group)
    units = data.units_of(data.groups.group)
    seen: BoolArray = np.random.default_rng(seed).random(questions.n_units) < 0.6
    learned = training_pairs(data, data.groups)
    tuned = tuned_contender(data, CANDIDATES["lora"], questions, data.groups, Path("unused"))
    part = tuned.data(seen)
    rows = np.concatenate(
        [part.left, part.right, part.negatives.ravel(), part.labelled_left, part.labelled_right]
    )
    assert seen[units[rows[rows >= 0]]].all()
    labelled = learned.labelled
    assert labelled is not None
    both = seen[units[labelled.left]] & seen[units[labelled.right]]
    assert len(part.labels) == both.sum() and part.phases_are_given
    alone = head_contender(data, questions, data.groups, learned.positives)
    if not part.left.size:
        assert alone.fit(seen) is None


def test_probabilities_of_a_fold_rest_on_its_own_choice_alone(data: RunData) -> None:
    """Log-odds of different pulls differ in scale: mixed, pairs of two folds could not be compared."""
    material = fold_material(data)
    found = fold_verdict.judge_in_folds(
        replace(material, data=replace(data, job=_without(data.job, "head", "lora"))), SILENT
    )
    contender, result = found.contender, found.cross_fitted
    assert contender is not None

    def rankers(pulls: Sequence[str]) -> list[FusionRanker]:
        choices = [replace(result.choices[0], options={"fusion": pull}) for pull in pulls]
        by_fold, _ = fold_verdict._fusion_rankers(
            material, contender, found.questions, replace(result, choices=choices)
        )
        return [one for one in by_fold.rankers if isinstance(one, FusionRanker)]

    first, last = contender.options[0], contender.options[-1]
    mixed = [first, *[last] * (result.n_folds - 1)]
    rows = np.arange(12)
    for pull, ours, alike in zip(
        mixed, rankers(mixed), zip(rankers([first] * len(mixed)), rankers([last] * len(mixed)), strict=True),
        strict=True,
    ):  # fmt: skip
        expected = alike[0 if pull == first else 1].pair_similarities(rows, rows[::-1])
        assert np.allclose(ours.pair_similarities(rows, rows[::-1]), expected)


def _without(job: Job, *names: str) -> Job:
    kept = tuple(name for name in job.settings.candidates if name not in names)
    return job.model_copy(update={"settings": job.settings.model_copy(update={"candidates": kept})})


def test_csv_json_and_json_lines_hold_the_same_pairs(records: list[Record], job: Job, tmp_path: Path) -> None:
    (tmp_path / "pairs.json").write_text(json.dumps(records), "utf-8")
    lines = "\n".join(json.dumps(record) for record in records)
    (tmp_path / "pairs.jsonl").write_text(lines, "utf-8")
    assert job.pairs_file is not None
    settings = TicketSettings()
    table, given = read_given(job.pairs_file, None, settings)
    for name in ("pairs.json", "pairs.jsonl"):
        other_table, other_given = read_given(tmp_path / name, None, settings)
        assert other_given.equals(given) and other_table.frame.equals(table.frame)


def test_what_folds_cannot_take_their_part_of_is_judged_by_a_split(job: Job) -> None:
    def sources(*names: str, by: str = "auto") -> Job:
        pairs = PairSettings.model_validate({"sources": names})
        evaluation = EvaluationSettings.model_validate({"by": by})
        settings = job.settings.model_copy(update={"pairs": pairs, "evaluation": evaluation})
        return job.model_copy(update={"settings": settings})

    assert sources("given").evaluation_by == "auto"
    assert sources("given", "hard-negatives", by="folds").evaluation_by == "folds"
    assert sources("given", "borderline").evaluation_by == "split"
    with pytest.raises(InputError, match="draws borderline within the training split"):
        _ = sources("given", "borderline", by="folds").evaluation_by
