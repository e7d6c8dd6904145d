"""A run whose links are too few for a split is judged by folds, and says so."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ticketkin.cli.console import SafeConsole
from ticketkin.cli.verdict_screens import show_candidates
from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT
from ticketkin.core.tables import SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.schema import read_report
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.single_source import load_scorer
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.record import TRAIN_AND_EVALUATION, KindsLearned
from ticketkin.reports.kinds import bands_words
from ticketkin.serving.bundle import Bundle
from ticketkin.training.head import Head, save_head_model
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.examination import examine
from ticketkin.workflows.job import list_stages, run_job
from ticketkin.workflows.kind_lesson import KindLesson
from ticketkin.workflows.ranking_record import ranking_record
from ticketkin.workflows.relation_material import described_pairs, load_kinds, relation_material
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.saved_folds import save_encoder_folds

N_FOLDS = 3


@pytest.fixture(scope="module")
def folds_run(tmp_path_factory: pytest.TempPathFactory, small_job: Job) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    evaluation = EvaluationSettings(n_bootstrap=100, folds=N_FOLDS, repeats=2, shuffles=2)
    settings = small_job.settings.model_copy(
        update={"evaluation": evaluation, "candidates": ("lexical", "base", "head", "lora", "fusion")}
    )
    folder = tmp_path_factory.mktemp("runs") / "folds"
    run_job(small_job.model_copy(update={"settings": settings}), folder)
    patch.undo()
    return folder


def test_the_report_tells_how_the_proof_was_made(folds_run: Path) -> None:
    report = read_json(folds_run / artifact.REPORT_JSON)
    folds = report["cross_fitting"]
    assert folds["n_repeats"] == 2
    assert len(folds["choices"]) == 2 * folds["n_folds"]
    assert folds["left_out"] == ["lora"]
    assert len(folds["shuffled"]["gains"]) == 2
    assert "All" in report["verdict"]["reason"]
    assert {"lexical", "base", "hybrid", "head", "fusion"} == set(report["candidates"])
    assert all(candidate["holdout"] is None for candidate in report["candidates"].values())
    assert any(check["code"] == "shuffled_links" for check in report["diagnostics"])
    (sources,) = [check for check in report["diagnostics"] if check["code"] == "gain_sources"]
    assert "and without reading any text" in sources["evidence"]
    assert report["verdict"]["reason"].endswith(f"{sources['evidence'].partition('). ')[2]}.")
    data = RunData.of(folds_run, read_job(folds_run))
    n_queries = sum(len(data.queries(split)) for split in SplitName)
    assert report["candidates"]["base"]["evaluation"]["retrieval"]["n_queries"] == n_queries
    (warning,) = [one["message"] for one in report["warnings"] if one["code"] == "lora_left_out"]
    assert "up to 28 trainings, about" in warning  # 2 * 3 * (1 + 3) + 3 + 1
    assert "--set evaluation.tuned_in_folds=true" in warning


def test_all_but_the_holdout_set_the_bands_of_kinds_and_none_is_asked_of_who_learned_from_it(
    folds_run: Path, tmp_path: Path
) -> None:
    data = RunData.of(folds_run, read_job(folds_run))
    learned = artifact.RELATIONS_JSON.read(folds_run / artifact.RELATIONS_JSON)
    assert isinstance(learned, KindsLearned)
    rows = {split: data.splits.rows(data.tickets, split) for split in SplitName}
    quality = learned.two_stage
    assert quality.evaluation.n_queries == len(rows[SplitName.TRAIN]) + len(rows[SplitName.EVALUATION])
    assert quality.holdout.n_queries == len(rows[SplitName.HOLDOUT])
    assert quality.pairs_by_split.keys() == {TRAIN_AND_EVALUATION, "holdout"}
    assert f"with {quality.evaluation.of('duplicate', 'say').n_true} duplicate" in bands_words(quality)

    material = relation_material(data)
    pairs, state = material.pairs(), PairState.fit(material.given, np.arange(len(data.tickets)))
    features = state.features(*described_pairs(state, material, pairs.left, pairs.right))
    lesson = KindLesson(material, state, pairs, features, tmp_path, SILENT)
    holdout = set(rows[SplitName.HOLDOUT].tolist())
    assert np.array_equal(np.sort(np.concatenate([out for _, out in lesson.band_folds])), lesson.training)
    for places, left_out in lesson.band_folds:
        known, asked = ({*pairs.left[p].tolist(), *pairs.right[p].tolist()} for p in (places, left_out))
        assert known and asked and not known & asked and not (known | asked) & holdout


def test_ranking_and_kinds_describe_a_ticket_by_the_same_words(folds_run: Path) -> None:
    data = RunData.of(folds_run, read_job(folds_run))
    ranking = load_scorer(folds_run / artifact.RANKING, "fusion")
    assert load_kinds(data).has_terms_of(ranking.state)


def test_the_provisional_table_is_of_all_links(folds_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    early = artifact.PROVISIONAL.read(folds_run / artifact.PROVISIONAL)
    assert early.in_folds
    show_candidates(SafeConsole(width=200), early.candidates, in_folds=early.in_folds)
    assert capsys.readouterr().out.startswith("All links, by folds (person)")


def test_the_learning_curve_and_the_power_are_recorded_with_what_they_rest_on(folds_run: Path) -> None:
    report = read_report(folds_run / artifact.REPORT_JSON)
    assert report.power is not None and report.power.gain == report.cross_fitting.procedure
    assert report.cross_fitting.retrieval.n_queries == report.power.gain.n_queries
    curve = report.learning_curve
    assert [point.share for point in curve.points] == [0.125, 0.25, 0.5, 1.0]
    sizes = [point.n_kin_groups for point in curve.points]
    assert sizes == sorted(sizes) and sizes[-1] < report.cross_fitting.n_kin_groups
    for point in curve.points:
        assert [gain.baseline for gain in point.gains] == ["base", "hybrid"]
        assert {gain.n_queries for gain in point.gains} == {report.power.gain.n_queries}
    page = (folds_run / artifact.REPORT_HTML).read_text("utf-8")
    assert 'id="learning_curve-alt"' in page and "evaluation tickets" not in page
    card = (folds_run / artifact.BUNDLE / "MODEL_CARD.md").read_text("utf-8")
    assert "| all, by folds |" in card and "It was the procedure that was judged" in card


def test_kinds_of_an_encoder_that_won_rest_on_encoders_that_never_saw_the_kin(
    folds_run: Path, tmp_path: Path
) -> None:
    """The encoder that is kept saw all links: its similarities would make the bands too sure."""
    run = shutil.copytree(folds_run, tmp_path / "run")
    record = run / artifact.RANKING / "ranking.json"
    write_json(record, read_json(record) | {"champion": "head"})
    data = RunData.of(run, read_job(run))
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    fold = np.arange(len(base)) % 3
    by_fold = [base, base[::-1], base]
    won = CrossFittedRanker("head", [DenseRanker("head", own) for own in by_fold], fold)
    save_encoder_folds(run / artifact.RANKING, won)
    ranker = champion_ranker(data)
    assert isinstance(ranker, CrossFittedRanker)
    rows = np.arange(6)
    expected = [
        by_fold[number][row] @ by_fold[number].T for row, number in zip(rows, fold[rows], strict=True)
    ]
    assert np.allclose(ranker.similarities(rows, data.visibility), expected, atol=1e-6)


def test_kinds_are_learned_by_rankings_that_never_saw_the_kin(folds_run: Path) -> None:
    record = ranking_record(folds_run)
    assert record.judged_by == "folds"
    if record.champion == "fusion":
        ranker = champion_ranker(RunData.of(folds_run, read_job(folds_run)))
        assert isinstance(ranker, CrossFittedRanker)
        assert len(ranker.rankers) == N_FOLDS


def test_the_bundle_answers_by_what_was_fitted_on_all_links(folds_run: Path) -> None:
    bundle = Bundle.open(folds_run / artifact.BUNDLE)
    assert bundle.record.champion == ranking_record(folds_run).champion
    assert not (folds_run / artifact.BUNDLE / "ranking" / "folds").exists()
    load_scorer(folds_run / artifact.RANKING, bundle.record.champion)


@pytest.mark.parametrize("champion", ["hybrid", "fusion", "lexical"])
def test_every_ranking_of_a_run_can_be_loaded(folds_run: Path, champion: str) -> None:
    scorer = load_scorer(folds_run / artifact.RANKING, champion)
    assert scorer.state.words is not None


@pytest.mark.parametrize(
    "change",
    [
        {"repeats": 3},
        {"folds": 4},
        {"shuffles": 3},
        {"learning_curve": False},
        {"by": "split"},
        {"by": "folds"},
    ],
)
def test_every_setting_of_folds_makes_the_verdict_due(folds_run: Path, change: dict[str, object]) -> None:
    job = read_job(folds_run)
    evaluation = job.settings.evaluation.model_copy(update=change)
    settings = job.settings.model_copy(update={"evaluation": evaluation})
    changed = job.model_copy(update={"settings": settings})
    states = {status.stage.name: status.state.value for status in list_stages(folds_run, changed)}
    assert states["verdict"] == "changed"
    assert (states["head"] == "changed") == bool({"folds", "by"} & set(change))


def test_a_resumed_run_keeps_its_verdict(folds_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folds_run, tmp_path / "run")
    assert {status.state.value for status in list_stages(copy)} == {"done"}


def test_folds_are_refused_where_pairs_must_stay_aside(small_job: Job, tmp_path: Path) -> None:
    settings = small_job.settings.model_copy(update={"evaluation": EvaluationSettings(by="folds")})
    job = small_job.model_copy(update={"settings": settings, "test_pairs_file": tmp_path / "pairs.json"})
    with pytest.raises(InputError, match=r"evaluation\.by=split"):
        _ = job.evaluation_by


def test_statistics_of_folds_hold_no_label(folds_run: Path) -> None:
    from ticketkin.workflows.cross_judging import label_free_corpus

    data = RunData.of(folds_run, read_job(folds_run))
    corpus = label_free_corpus(data)
    assert len(corpus.state.crowd.identity) == len(data.tickets)
    assert np.isfinite(corpus.columns.embeddings["base"]).all()


def test_the_doctor_knows_which_encoder_the_verdict_kept(folds_run: Path, tmp_path: Path) -> None:
    """The ranking of folds stands on the untouched encoder, whichever encoder was the best alone."""
    copy = Path(shutil.copytree(folds_run, tmp_path / "run"))
    data = RunData.of(copy, read_job(copy))
    settings = data.job.settings
    record = data.training_record("head")
    assert record is not None
    turned = Head(np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32), record)
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    artifact.embeddings_of("head").write(copy / artifact.embeddings_of("head"), turned.apply(base, 1.0))
    shutil.rmtree(copy / artifact.MODEL)
    (copy / artifact.MODEL).mkdir()
    start = load_encoder(settings.encoder)
    save_head_model(start, turned, 1.0, copy / artifact.MODEL, settings.tickets.template)
    record = read_json(copy / artifact.VERDICT_JSON)
    record["verdict"]["encoder"] = "head"
    write_json(copy / artifact.VERDICT_JSON, record)
    checks = {one.name: one.checks for one in examine(copy, EncoderSettings())}["model"]
    assert {check.outcome for check in checks if check.code == "embeddings_reproduced"} == {Outcome.PASSED}
