"""Metrics against scikit-learn and brute force; thresholds, intervals and the verdict by their promises."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn import metrics
from sklearn.model_selection import StratifiedGroupKFold

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Resamples, mean_interval
from ticketkin.evaluation.gains import decisive_gains
from ticketkin.evaluation.metric_results import NOT_MEASURED, Confusion
from ticketkin.evaluation.objections import with_holdout
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import (
    Asked,
    RetrievalScores,
    evaluate_groupings,
    evaluate_retrieval,
    queries_with_kin,
)
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.sign_flips import sign_flip_p_value
from ticketkin.evaluation.threshold_folds import choose_threshold_in_folds
from ticketkin.evaluation.thresholds import choose_threshold, precision_at_prevalence
from ticketkin.evaluation.verdict import Verdict, decide
from ticketkin.evaluation.verdict_words import dearer_words, first_sentence

SETTINGS = EvaluationSettings(n_bootstrap=200)


@dataclass
class Fixed:
    """A ranker with a given similarity matrix."""

    matrix: FloatArray
    name: str = "fixed"

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        return self.matrix[queries]

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        return self.matrix[left, right]


def pair_scores(seed: int, n: int = 120, ties: bool = False) -> PairScores:
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.3).astype(np.int64)
    labels[:2] = (0, 1)
    similarities = (generator.random(n) + 0.4 * labels).astype(np.float32)
    if ties:
        similarities = np.round(similarities, 1)
    return PairScores(similarities, labels, generator.integers(0, 25, n))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_pair_metrics_equal_scikit_learn(seed: int, ties: bool) -> None:
    scores = pair_scores(seed, ties=ties)
    threshold = 0.7
    measured = scores.measured(threshold, 0.01, 100, 0)
    called_kin = scores.similarities >= threshold
    expected = {
        "roc_auc": metrics.roc_auc_score(scores.labels, scores.similarities),
        "pr_auc": metrics.average_precision_score(scores.labels, scores.similarities),
        "spearman": spearmanr(scores.similarities, scores.labels).statistic,
        "pearson": np.corrcoef(scores.similarities, scores.labels)[0, 1],
        "f1": metrics.f1_score(scores.labels, called_kin),
        "precision": metrics.precision_score(scores.labels, called_kin),
        "recall": metrics.recall_score(scores.labels, called_kin),
        "accuracy": metrics.accuracy_score(scores.labels, called_kin),
    }
    for name, value in expected.items():
        metric = measured.metric(name)
        assert metric.value == pytest.approx(value, abs=1e-6), name
        assert metric.low <= metric.value <= metric.high
    tn, fp, fn, tp = metrics.confusion_matrix(scores.labels, called_kin).ravel()
    assert measured.confusion == Confusion(
        true_positive=tp, false_positive=fp, false_negative=fn, true_negative=tn
    )
    assert measured.metric("false_positive_rate").value == pytest.approx(fp / (fp + tn))


def test_spearman_on_two_labels_is_the_roc_auc_in_disguise() -> None:
    scores = pair_scores(3, n=400)
    measured = scores.measured(0.5, 0.01, 100, 0)
    share = scores.labels.mean()
    auc = measured.metric("roc_auc").value
    assert measured.metric("spearman").value == pytest.approx(
        (2 * auc - 1) * math.sqrt(3 * share * (1 - share)), abs=1e-5
    )
    assert measured.metric("spearman_ceiling").value == pytest.approx(math.sqrt(3 * share * (1 - share)))


@pytest.mark.parametrize("seed", range(3))
def test_correlations_are_taken_over_the_grades_of_the_pairs_that_have_some(seed: int) -> None:
    scores = pair_scores(seed, ties=True)
    generator = np.random.default_rng(seed)
    grades = np.clip(np.round(2 * scores.labels + generator.normal(2, 1, 120)), 1, 5).astype(np.float32)
    grades[::4] = np.nan  # pairs that the file does not hold
    own = ~np.isnan(grades)
    measured = replace(scores, grades=grades).measured(0.7, 0.01, 100, 0)
    similarities = scores.similarities[own]
    in_order = np.argsort(np.argsort(grades[own], kind="stable"))  # the right order, no two pairs alike
    expected = {
        "spearman": (spearmanr(similarities, grades[own]).statistic, 1e-6),
        "pearson": (pearsonr(similarities, grades[own]).statistic, 1e-6),
        "spearman_ceiling": (spearmanr(in_order, grades[own]).statistic, 1e-3),
    }
    for name, (value, tolerance) in expected.items():
        assert measured.metric(name).value == pytest.approx(value, abs=tolerance), name
    spearman = measured.metric("spearman")
    assert spearman.low < spearman.value < spearman.high
    assert measured.n_graded == int(own.sum())
    over_labels = scores.measured(0.7, 0.01, 100, 0)
    assert over_labels.n_graded == 0
    for name in ("roc_auc", "f1", "false_positive_rate"):  # grades say nothing of these
        assert measured.metric(name) == over_labels.metric(name)


def test_one_class_gives_null_not_a_number_and_no_crash() -> None:
    scores = PairScores(np.ones(5, dtype=np.float32), np.ones(5, dtype=np.int64), np.arange(5))
    measured = scores.measured(0.5, 0.01, 100, 0)
    assert measured.metric("roc_auc") == NOT_MEASURED
    assert measured.metric("false_positive_rate").value is None


def test_calling_everything_kin_looks_good_by_f1_and_is_caught_by_the_false_positive_rate() -> None:
    labels = np.array([0, 1] * 50)
    generator = np.random.default_rng(0)
    similarities = (generator.random(100) * 0.01).astype(np.float32)
    by_f1 = choose_threshold(similarities, labels, EvaluationSettings(threshold_target="f1"))
    assert by_f1.f1_false_positive_rate > 0.5
    careful = choose_threshold(similarities, labels, EvaluationSettings(target_value=0.05))
    assert ((similarities >= careful.threshold) & (labels == 0)).sum() / 50 <= 0.05


@given(st.integers(0, 1_000), st.floats(0.01, 0.5), st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_target_false_positive_rate_is_never_exceeded(seed: int, target: float, ties: bool) -> None:
    scores = pair_scores(seed, ties=ties)
    choice = choose_threshold(scores.similarities, scores.labels, EvaluationSettings(target_value=target))
    called_kin = scores.similarities >= choice.threshold
    assert (called_kin & (scores.labels == 0)).sum() / (scores.labels == 0).sum() <= target


@given(st.integers(0, 200), st.integers(2, 8))
@settings(max_examples=25, deadline=None)
def test_a_threshold_of_folds_is_the_median_of_what_each_chooses_without_its_own_pairs(
    seed: int, n_folds: int
) -> None:
    draw = np.random.default_rng(seed)
    labels, clusters = np.repeat([1, 0], 60), draw.integers(0, 30, 120)
    similarities = (labels + draw.normal(0, 1, 120)).astype(np.float32)
    wanted = EvaluationSettings(threshold_folds=n_folds)
    choice = choose_threshold_in_folds(PairScores(similarities, labels, clusters), wanted, seed)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    chosen, rates = [], []
    for train, test in folds.split(similarities, labels, clusters):
        assert not set(clusters[train]) & set(clusters[test])
        if len(set(labels[test])) == 2:
            chosen.append(choose_threshold(similarities[train], labels[train], wanted).threshold)
            rates.append((similarities[test][labels[test] == 0] >= chosen[-1]).mean())
    assert choice.n_folds == len(chosen)
    assert choice.threshold == pytest.approx(np.median(chosen)) and choice.spread == pytest.approx(
        np.std(chosen)
    )
    assert choice.left_out_false_positive_rate == pytest.approx(np.mean(rates))


def test_without_folds_or_with_few_pairs_all_choose_at_once() -> None:
    scores = pair_scores(2)
    at_once = choose_threshold(scores.similarities, scores.labels, EvaluationSettings())
    assert choose_threshold_in_folds(scores, EvaluationSettings(threshold_folds=0), 0) == at_once
    few = PairScores(scores.similarities[:12], scores.labels[:12], scores.clusters[:12])
    assert choose_threshold_in_folds(few, EvaluationSettings(), 0).n_folds == 0


def test_pairs_of_fewer_kin_groups_than_folds_choose_in_as_many_folds_as_there_are_groups() -> None:
    scores = pair_scores(2)
    of_four = PairScores(scores.similarities, scores.labels, scores.clusters % 4)
    choice = choose_threshold_in_folds(of_four, EvaluationSettings(threshold_folds=5), 0)
    assert 0 < choice.n_folds <= 4


def test_precision_target_and_bayes() -> None:
    assert float(precision_at_prevalence(np.array(1.0), np.array(0.764), 0.001)) == pytest.approx(
        0.0013, abs=1e-4
    )
    scores = pair_scores(1)
    hopeless = EvaluationSettings(threshold_target="precision", target_value=0.99, prevalence=0.0001)
    inverted = choose_threshold(-scores.similarities, scores.labels, hopeless)
    assert not inverted.reached
    assert choose_threshold(scores.similarities, scores.labels, hopeless).target == "precision"


def brute_force(
    matrix: FloatArray, queries: IntArray, groups: IntArray, visibility: Visibility
) -> list[list[int]]:
    mask = visibility.mask(queries)
    result = []
    for row, query in enumerate(queries):
        seen = np.flatnonzero(mask[row])
        order = seen[np.argsort(-matrix[query, seen])]
        result.append([place + 1 for place, other in enumerate(order) if groups[other] == groups[query]])
    return result


@given(st.integers(0, 500), st.booleans())
@settings(max_examples=40, deadline=None)
def test_ranks_and_retrieval_metrics_equal_brute_force(seed: int, with_times: bool) -> None:
    generator = np.random.default_rng(seed)
    n = 30
    matrix = generator.permutation(n * n).reshape(n, n).astype(np.float32)
    groups = generator.integers(0, 10, n)
    visibility = Visibility(n, generator.permutation(n) if with_times else None)
    queries = queries_with_kin(np.arange(n), groups, visibility)
    mask = visibility.mask(np.arange(n))
    expected_queries = [q for q in range(n) if ((groups == groups[q]) & mask[q]).any()]
    assert queries.tolist() == expected_queries
    scores = evaluate_retrieval(Fixed(matrix), queries, groups, visibility)
    expected = brute_force(matrix, queries, groups, visibility)
    assert [ranks.tolist() for ranks in scores.ranks] == expected
    for place, (query, ranks) in enumerate(zip(queries, expected, strict=True)):
        seen = mask[query]
        kin = (groups == groups[query])[seen]
        assert scores.per_query("map")[place] == pytest.approx(
            metrics.average_precision_score(kin, matrix[query][seen])
        )
        if seen.sum() > 1:
            ndcg = metrics.ndcg_score([kin.astype(float)], [matrix[query][seen]], k=10)
            assert scores.per_query("ndcg_at_10")[place] == pytest.approx(ndcg)
        assert scores.per_query("mrr")[place] == pytest.approx(1 / ranks[0])
        assert scores.per_query("recall_at_5")[place] == float(ranks[0] <= 5)


@given(st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_several_groupings_at_once_are_ranked_like_each_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = 60
    # Few values, so that there are ties; few groups, so that some have many kin.
    ranker = Fixed(generator.integers(0, 9, (n, n)).astype(np.float32))
    visibility = Visibility(n, generator.permutation(n))
    groupings = [generator.integers(0, k, n) for k in (3, 20)]
    asked = [
        Asked(generator.permutation(queries_with_kin(np.arange(n), groups, visibility)), groups)
        for groups in groupings
    ]
    for one, together in zip(asked, evaluate_groupings(ranker, asked, visibility), strict=True):
        mask = visibility.mask(one.queries)
        for row, query in enumerate(one.queries):
            is_kin = one.groups == one.groups[query]
            others = ranker.matrix[query][mask[row] & ~is_kin]
            kin = np.sort(ranker.matrix[query][mask[row] & is_kin])[::-1]
            expected = [
                place + int((others > value).sum()) + (int((others == value).sum()) + 1) // 2
                for place, value in enumerate(kin, start=1)
            ]
            assert together.ranks[row].tolist() == expected


def test_a_ranker_that_scores_everything_alike_gains_nothing() -> None:
    n = 41
    groups = np.r_[0, 0, np.arange(1, 40)]
    scores = evaluate_retrieval(
        Fixed(np.ones((n, n), np.float32)), np.array([0]), groups, Visibility(n, None)
    )
    assert scores.ranks[0].tolist() == [1 + 20]


def test_no_query_says_what_to_do() -> None:
    with pytest.raises(NotEnoughDataError, match="give more links"):
        evaluate_retrieval(
            Fixed(np.ones((2, 2), np.float32)),
            np.array([], dtype=np.int64),
            np.arange(2),
            Visibility(2, None),
        )


def test_cluster_intervals_are_wider_than_naive_ones_for_correlated_clusters() -> None:
    generator = np.random.default_rng(0)
    clusters = np.repeat(np.arange(20), 10)
    values = np.repeat(generator.random(20), 10)
    clustered = mean_interval(values, Resamples.draw(clusters, 1_000, 0))
    naive = mean_interval(values, Resamples.draw(np.arange(200), 1_000, 0))
    assert clustered.high - clustered.low > 2 * (naive.high - naive.low)
    assert clustered.low <= clustered.value <= clustered.high


def scores_with_ranks(ranks: IntArray) -> RetrievalScores:
    n = len(ranks)
    return RetrievalScores(np.arange(n), np.arange(n) // 2, [np.array([r]) for r in ranks], 999)


def test_verdict_keeps_the_baseline_for_noise_and_crowns_a_real_gain() -> None:
    generator = np.random.default_rng(1)
    base = generator.integers(1, 20, 200)
    noise = {"base": scores_with_ranks(base), "head": scores_with_ranks(generator.permutation(base))}
    common = {"labels_from": "person", "synthetic": False, "settings": SETTINGS, "seed": 0}
    kept = decide(noise, ["base", "head"], **common)
    assert kept.kept_baseline
    assert kept.reason.startswith("Keep the untouched model: nothing else is measurably better.")
    better = {**noise, "head": scores_with_ranks(np.maximum(1, base // 3))}
    won = decide(better, ["base", "head"], **common)
    assert (won.champion, won.encoder, won.kept_baseline) == ("head", "head", False)
    assert all(gate.passed for gate in won.gates if gate.challenger == "head")


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 6)), min_size=1, max_size=20), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_the_chance_of_a_gain_is_the_share_of_sign_flips_that_gain_as_much(
    queries: list[tuple[int, int]], seed: int
) -> None:
    differences = np.array([value / 8 for value, _ in queries])
    clusters = np.array([cluster for _, cluster in queries])
    sums = np.array([differences[clusters == one].sum() for one in np.unique(clusters)])
    flipped = [float(sums @ signs) for signs in itertools.product((-1, 1), repeat=len(sums))]
    expected = np.mean([abs(value) >= abs(sums.sum()) - 1e-9 for value in flipped])
    if not sums.any():
        expected = 1.0
    assert sign_flip_p_value(differences, clusters, seed) == pytest.approx(expected)


def test_a_gain_of_three_kin_groups_is_no_proof() -> None:
    """Of six groups three were better and none worse: two of eight tosses differ as much."""
    base = np.repeat([1, 2, 3, 1, 2, 1], 2)
    scores = {"base": scores_with_ranks(base), "lexical": scores_with_ranks(np.ones(12, dtype=np.int64))}
    common = {"labels_from": "person", "synthetic": False, "settings": SETTINGS, "seed": 0}
    verdict = decide(scores, ["base"], **common)
    gates = {gate.name: gate for gate in verdict.gates}
    assert gates["gain_above_zero"].passed and not gates["beyond_chance"].passed
    assert "6 kin groups: p 0.250" in gates["beyond_chance"].evidence
    assert verdict.kept_baseline and "few_kin_groups" in {warning.code for warning in verdict.warnings}


def test_the_first_line_tells_what_the_holdout_showed() -> None:
    base = np.random.default_rng(2).integers(2, 30, 200)
    better = np.maximum(1, base // 3)
    scores = {"base": scores_with_ranks(base), "head": scores_with_ranks(better)}
    common = {"synthetic": False}
    won = decide(scores, ["base", "head"], labels_from="person", settings=SETTINGS, seed=0, **common)
    assert "% of 200 evaluation tickets" in won.reason
    held = {"base": scores_with_ranks(base[:50]), "head": scores_with_ranks(better[:50])}
    gains = decisive_gains(held, "head", "base", 500, 0)
    gain = gains["mrr"]
    told = with_holdout(won, held, gains, **common).reason
    assert told.startswith("Yes: 'head' is better") and "100 % of 50 held-out tickets" in told
    assert f"MRR {gain.gain.value:+.3f}" in told and "chance" not in told
    hardly = np.where(np.arange(50) < 2, better[:50], base[:50])
    little = {"base": held["base"], "head": scores_with_ranks(hardly)}
    unsure = with_holdout(won, little, decisive_gains(little, "head", "base", 500, 0), **common)
    assert unsure.answer == "yes" and "There it could be chance" in unsure.reason
    kept = decide(
        {"base": scores["base"]}, ["base"], labels_from="person", settings=SETTINGS, seed=0, **common
    )
    assert with_holdout(kept, {"base": held["base"]}, {}, **common).reason.startswith(
        "Keep the untouched model: nothing else could be compared with it."
    )


def test_silver_labels_are_a_warning_and_no_proof() -> None:
    base = scores_with_ranks(np.arange(1, 61))
    verdict = decide(
        {"base": base, "lora": scores_with_ranks(np.arange(1, 61))},
        ["base", "lora"],
        labels_from="silver",
        synthetic=False,
        settings=SETTINGS,
        seed=0,
    )
    assert {warning.code for warning in verdict.warnings} == {"silver_labels"}
    assert verdict.kept_baseline
    assert verdict.reason.startswith("Nobody has linked these tickets")


def _verdict(base: IntArray, other: IntArray, **about: object) -> Verdict:
    scores = {"base": scores_with_ranks(base), "hybrid": scores_with_ranks(other)}
    common = {"labels_from": "person", "synthetic": False, "settings": SETTINGS, "seed": 0}
    return decide(scores, ["base"], **{**common, **about})


def test_without_links_nothing_is_proven_and_the_hybrid_ranks() -> None:
    base = np.random.default_rng(3).integers(2, 30, 200)
    for better in (np.maximum(1, base // 3), base * 3):
        verdict = _verdict(base, better, labels_from="silver")
        assert (verdict.champion, verdict.encoder, verdict.answer) == ("hybrid", "base", "unproven")
        assert verdict.reason.startswith("Nobody has linked these tickets") and "Yes" not in verdict.reason
        assert verdict.gain is None


def test_why_the_baseline_stays_is_said() -> None:
    generator = np.random.default_rng(4)
    base = generator.integers(2, 30, 400)
    assert "everything else is worse" in _verdict(base, base * 3).reason
    assert "nothing else is measurably better" in _verdict(base, generator.permutation(base)).reason
    few = base[:14]
    reason = _verdict(few, np.where(np.arange(14) < 5, np.maximum(1, few // 4), few + 1)).reason
    assert "are too few to rule out chance" in reason or "measurably better" in reason


def _first_line(reason: str) -> str:
    return first_sentence(reason)[0]


def test_the_first_line_is_one_sentence_in_every_case() -> None:
    generator = np.random.default_rng(4)
    base = generator.integers(2, 30, 400)
    better, level = np.maximum(1, base // 3), generator.permutation(base)
    # Of 40 kin groups, 8 gain much and 14 lose a little.
    few = np.full(80, 2)
    close = np.repeat([1] * 8 + [3] * 14 + [2] * 18, 2)
    won = _verdict(base, better).reason
    untouched = "keep the untouched model"
    expected = {
        won: "Yes: 'hybrid' is better than the untouched model.",
        dearer_words(
            won, "lexical"
        ): "Yes: 'hybrid' is better than the untouched model; 'lexical' costs less and could be as good.",
        _verdict(base, better, synthetic=True).reason: "Yes, though on the built-in synthetic sample only: "
        "'hybrid' is better than the untouched model.",
        _verdict(base, level).reason: f"K{untouched[1:]}: nothing else is measurably better.",
        _verdict(
            base, level, synthetic=True
        ).reason: f"On the built-in synthetic sample, {untouched}: nothing else is measurably better.",
        _verdict(base, base * 3).reason: f"K{untouched[1:]}: everything else is worse.",
        _verdict(
            few, close
        ).reason: f"K{untouched[1:]}: 'hybrid' looks better, but 40 groups of duplicates are "
        "too few to rule out chance.",
        _verdict(
            base, base, labels_from="silver"
        ).reason: "Nobody has linked these tickets, so nothing can be proven yet.",
    }
    for reason, line in expected.items():
        assert _first_line(reason) == line
        assert line.count(":") <= 1
        assert reason.startswith(line) and len(reason) > len(line)


def test_the_sample_is_named_with_one_colon() -> None:
    base = np.random.default_rng(5).integers(2, 30, 200)
    reason = _verdict(base, np.maximum(1, base // 3), synthetic=True).reason
    assert reason.startswith("Yes, though on the built-in synthetic sample only: 'hybrid' is better")
