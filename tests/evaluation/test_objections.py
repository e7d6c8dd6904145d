"""What may forbid a yes: many challengers, a tiny gain, the holdout, a failed check."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.core.checks import failed, passed, warning
from ticketkin.core.tables import IntArray
from ticketkin.evaluation.gains import decisive_gains
from ticketkin.evaluation.multiplicity import holm
from ticketkin.evaluation.objections import heeding, with_holdout
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.verdict import Verdict, decide

SETTINGS = EvaluationSettings(n_bootstrap=200)
BASE = np.random.default_rng(2).integers(2, 30, 200)
BETTER = np.maximum(1, BASE // 3)


def scores_of(ranks: IntArray, cluster_size: int = 2) -> RetrievalScores:
    n = len(ranks)
    return RetrievalScores(np.arange(n), np.arange(n) // cluster_size, [np.array([r]) for r in ranks], 999)


def decided(settings: EvaluationSettings = SETTINGS, **ranks: IntArray) -> Verdict:
    scores = {name: scores_of(own) for name, own in ranks.items()}
    return decide(scores, ["base"], labels_from="person", synthetic=False, settings=settings, seed=0)


def on_holdout(verdict: Verdict, champion: IntArray, base: IntArray) -> Verdict:
    scores = {"base": scores_of(base), "fusion": scores_of(champion)}
    gains = decisive_gains(scores, "fusion", "base", 200, 0)
    return with_holdout(verdict, scores, gains, synthetic=False)


def test_no_yes_where_the_holdout_shows_no_gain() -> None:
    won = decided(base=BASE, fusion=BETTER)
    assert won.answer == "yes"
    for champion in (BASE[:40], BASE[:40] + 1):  # nothing, and a loss
        verdict = on_holdout(won, champion, BASE[:40])
        assert (verdict.answer, verdict.champion, verdict.encoder) == ("no", "base", "base")
        assert verdict.reason.startswith("Keep the untouched model: what looks like a gain of 'fusion' is no")
        assert "gained nothing: MRR" in verdict.reason
        assert [gate.passed for gate in verdict.gates if gate.name == "gains_on_holdout"] == [False]
    assert on_holdout(won, BETTER[:40], BASE[:40]).answer == "yes"


def test_no_yes_where_the_holdout_shows_a_loss_in_a_guard() -> None:
    """Firsts win MRR, while a third of the tickets fall out of the first ten."""
    base = np.full(60, 5)
    champion = np.where(np.arange(60) % 3 == 0, 40, 1)
    verdict = on_holdout(decided(base=BASE, fusion=BETTER), champion, base)
    assert verdict.answer == "no" and "got worse in Recall@10" in verdict.reason


def test_a_failed_check_forbids_the_yes_and_says_what_to_do() -> None:
    won = decided(base=BASE, fusion=BETTER)
    check = failed("circular_labels", "a threshold reproduces the labels", "take labels from people")
    verdict = heeding(won, [passed("leakage", "none"), check], synthetic=False)
    assert (verdict.answer, verdict.champion) == ("no", "base")
    assert "a check of this run failed: a threshold reproduces the labels" in verdict.reason
    assert "What to do: take labels from people." in verdict.reason
    assert heeding(won, [passed("leakage", "none"), warning("x", "y", "z")], synthetic=False) is won
    two = heeding(won, [check, check, check], synthetic=False)
    assert "2 more checks failed" in two.reason
    kept = replace(won, answer="no", champion="base")
    assert heeding(kept, [check], synthetic=False) is kept


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0.0001, 1), min_size=1))
def test_holm_rejects_as_the_closed_test_of_bonferroni_does(p_values: dict[str, float]) -> None:
    """A challenger wins exactly if every set of challengers it stands in holds one of p <= .05 / n."""
    corrected = holm(p_values)
    names = list(p_values)
    sets = [chosen for n in range(1, len(names) + 1) for chosen in itertools.combinations(names, n)]
    for name in names:
        every = all(min(p_values[x] for x in own) * len(own) <= 0.05 for own in sets if name in own)
        assert (corrected[name] <= 0.05) == every


def test_many_challengers_need_a_surer_gain_than_one() -> None:
    ranks = BASE[:14]
    lucky = np.where(np.arange(14) < 12, np.maximum(1, ranks // 2), ranks)  # six of seven groups gain
    assert decided(base=ranks, one=lucky).champion == "one"
    others = {f"other{n}": ranks for n in range(5)}
    verdict = decided(base=ranks, one=lucky, **others)
    assert verdict.champion != "one"
    p_value = next(gain.p_value for gain in verdict.comparisons if gain.challenger == "one")
    assert p_value == pytest.approx(6 * 2 / 2**6)


def test_a_handful_of_groups_is_too_few_for_many_challengers() -> None:
    few, better = BASE[:12], np.maximum(1, BASE[:12] // 4)  # six groups, all of which gain
    assert decided(base=few, fusion=better).answer == "yes"
    many = decided(base=few, fusion=better, hybrid=better, lexical=few)
    assert many.answer == "unproven" and "too few to prove anything" in many.reason


def test_a_gain_too_small_to_matter_is_no_reason_to_change() -> None:
    barely = np.where(BASE > 12, BASE - 1, BASE)
    settings = EvaluationSettings(n_bootstrap=200, smallest_gain=0.0)
    assert decided(settings, base=BASE, fusion=barely).answer == "yes"
    kept = decided(base=BASE, fusion=barely)
    assert kept.answer == "no" and "better by less than is worth a change" in kept.reason
