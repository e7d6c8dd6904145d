"""Each diagnostic on data that is sound and on data with the fault it exists for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.core.checks import Check, Outcome
from ticketkin.core.tables import IntArray
from ticketkin.evaluation.bootstrap import Interval, PairedGain
from ticketkin.evaluation.diagnostics.gain_sources import GainSources, fields_of_ranking, gain_sources
from ticketkin.evaluation.diagnostics.identical import identical_candidates
from ticketkin.evaluation.diagnostics.labels import (
    LabelledPairs,
    circular_labels,
    class_support,
    class_support_in_folds,
    label_conflicts,
)
from ticketkin.evaluation.diagnostics.leakage import (
    content_only,
    context_fields,
    leakage_checks,
    template_shortcut,
)
from ticketkin.evaluation.diagnostics.redundancy import metric_redundancy
from ticketkin.evaluation.diagnostics.similarities import (
    adversarial_pairs,
    category_shortcut,
    context_ablation,
    score_distribution,
    small_sample,
    split_mismatch,
    threshold_stability,
    trivial_threshold,
)
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.power import Power
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.threshold_folds import choose_threshold_in_folds
from ticketkin.tickets.templates import template_groups

TEXTS = [f"{a} {b} does {c} since today" for a in ("printer", "mail", "vpn") for b in ("red", "blue", "green")
         for c in ("stop", "hang", "burn", "loop")]  # fmt: skip


def outcomes(checks: Iterable[Check]) -> dict[str, Outcome]:
    return {check.code: check.outcome for check in checks}


def labelled(
    labels: Sequence[int],
    similarities: Sequence[float],
    splits: Sequence[str] | None = None,
    **columns: object,
) -> LabelledPairs:
    n = len(labels)
    frame = pl.DataFrame({
        "label": list(labels),
        "split": list(splits or ["train"] * n),
        "origin": columns.get("origin", ["file"] * n),
        "lexical_similarity": list(similarities),
        "base_similarity": list(similarities)[::-1],
    })  # fmt: skip
    rows = np.arange(n)
    texts = [TEXTS[row % len(TEXTS)] + f" number {chr(97 + row // len(TEXTS))}" for row in range(2 * n)]
    left = np.array(columns.get("left", rows), dtype=np.int64)
    right = np.array(columns.get("right", rows + n), dtype=np.int64)
    groups = np.array(columns.get("groups", np.arange(2 * n)), dtype=np.int64)
    return LabelledPairs(frame, left, right, texts, groups)


def test_labels_that_a_threshold_made_are_circular() -> None:
    draw = np.random.default_rng(0)
    similarities = draw.random(200)
    told = circular_labels(labelled((similarities > 0.5).astype(int).tolist(), similarities.tolist()))
    assert told.outcome is Outcome.FAILED and "lexical similarity reproduces the labels" in told.evidence
    free = circular_labels(labelled(draw.integers(0, 2, 200).tolist(), similarities.tolist()))
    assert free.outcome is Outcome.PASSED
    silver = labelled([0, 1] * 20, [0.5] * 40, origin=["silver"] * 40)
    assert circular_labels(silver).outcome is Outcome.FAILED
    assert circular_labels(labelled([0, 1], [0.5, 0.6])).outcome is Outcome.SKIPPED


def test_contradictions_are_counted() -> None:
    sound = labelled([1, 0, 1], [0.5] * 3)
    assert outcomes(label_conflicts(sound)) == {"label_conflicts": Outcome.PASSED}
    both = labelled([1, 0], [0.5] * 2, left=[0, 1], right=[1, 0])
    told = next(iter(label_conflicts(both)))
    assert told.outcome is Outcome.FAILED and told.evidence.startswith(
        "1 pair of the same texts is labelled both"
    )
    inside = labelled([0], [0.5], groups=[7, 7])
    assert "1 pair inside one kin group" in next(iter(label_conflicts(inside))).evidence
    # A ticket that was filed twice and linked once is no fault among many.
    one_of_many = labelled(
        [1, 0, *[1] * 198], [0.5] * 200, left=[0, 1, *range(2, 200)], right=[1, 0, *range(202, 400)]
    )
    assert outcomes(label_conflicts(one_of_many)) == {"label_conflicts": Outcome.PASSED}


def test_a_class_absent_from_a_split_is_a_fault() -> None:
    splits = ["train"] * 40 + ["evaluation"] * 40 + ["holdout"] * 40
    sound = labelled([0, 1] * 60, [0.5] * 120, splits)
    assert outcomes(class_support(sound))["class_support"] is Outcome.PASSED
    one_sided = labelled([0, 1] * 40 + [0] * 40, [0.5] * 120, splits)
    told = next(iter(class_support(one_sided)))
    assert told.outcome is Outcome.FAILED and "holdout: 0 kin, 40 not kin" in told.evidence
    assert outcomes(class_support_in_folds(one_sided.labels))["class_support"] is Outcome.PASSED
    assert outcomes(class_support_in_folds(one_sided.labels[71:]))["class_support"] is Outcome.WARNING
    few = labelled([0, 1] * 40 + [0] * 38 + [1] * 2, [0.5] * 120, splits)
    assert outcomes(class_support(few))["class_support"] is Outcome.WARNING


def _leakage(splits: dict[str, list[int]], texts: Sequence[str] = TEXTS, notes: Sequence[str] | None = None,
             template: str = "{title}") -> dict[str, Outcome]:  # fmt: skip
    tickets = make_tickets(len(texts), **({} if notes is None else {"close_notes": notes}))
    rows: dict[str, IntArray] = {name: np.array(part, dtype=np.int64) for name, part in splits.items()}
    groups = np.arange(len(texts)) // 2
    return outcomes(leakage_checks(tickets, texts, template, groups, template_groups(texts, 0.9), rows))


def test_what_crosses_a_border_is_leakage() -> None:
    half = len(TEXTS) // 2
    sound = {"train": list(range(half)), "holdout": list(range(half, len(TEXTS)))}
    assert _leakage(sound)["leakage"] is Outcome.PASSED
    assert _leakage({"train": [0, 1, 2, 3], "holdout": [3, 4, 5]})["leakage"] is Outcome.FAILED  # a ticket
    assert _leakage({"train": [0, 1, 2], "holdout": [3, 4, 5]})["leakage"] is Outcome.FAILED  # a kin group
    copied = [*TEXTS[:-1], TEXTS[0] + " 4711"]  # a near repeat
    assert _leakage(sound, copied)["leakage"] is Outcome.FAILED


def test_what_nobody_knows_at_opening_is_found() -> None:
    splits = {"train": list(range(len(TEXTS)))}
    notes = [f"replaced the {word} fuse of it" for word in TEXTS]
    assert _leakage(splits, notes=notes)["resolution_in_text"] is Outcome.PASSED
    told = [f"{text}. {note}" for text, note in zip(TEXTS, notes, strict=True)]
    assert _leakage(splits, told, notes)["resolution_in_text"] is Outcome.FAILED
    assert _leakage(splits)["resolution_in_text"] is Outcome.SKIPPED
    assert _leakage(splits, template="{title} {close_notes}")["late_fields"] is Outcome.FAILED


def test_kin_of_one_template_are_a_shortcut() -> None:
    texts = [f"disk of host {n} is full since the nightly run" for n in range(20)] + TEXTS
    templates = template_groups(texts, 0.9)
    near = template_shortcut(templates, np.arange(10), np.arange(10, 20))
    assert near.outcome is Outcome.WARNING and near.evidence.startswith("100 %")
    far = template_shortcut(templates, np.arange(10), np.arange(20, 30))
    assert far.outcome is Outcome.PASSED


def test_context_is_taken_out_of_a_template() -> None:
    template = "{title}\n{description}\nCategory: {category} / {assignment_group}"
    assert context_fields(template) == ["category", "assignment_group"]
    assert content_only(template) == "{title}\n{description}"
    assert content_only("{category}") == "{title}\n{description}"


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 40), seed=st.integers(0, 1000))
def test_adversarial_pairs_are_kin_across_and_strangers_within(n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    categories = draw.choice(["a", "b", ""], n).tolist()
    groups = draw.integers(0, max(2, n // 3), n)
    mined = adversarial_pairs(categories, groups, np.arange(n), seed)
    for left, right, label in zip(mined.left, mined.right, mined.labels, strict=True):
        assert categories[left] and categories[right]
        assert (categories[left] != categories[right]) == bool(label)
        assert (groups[left] == groups[right]) == bool(label)
    kin = {
        (a, b)
        for a in range(n)
        for b in range(a + 1, n)
        if groups[a] == groups[b] and categories[a] != categories[b] and categories[a] and categories[b]
    }
    assert int(mined.labels.sum()) == len(kin)
    assert (mined.labels == 0).sum() <= len(kin)


def test_a_model_that_reads_the_category_alone_falls_through() -> None:
    draw = np.random.default_rng(1)
    labels = np.repeat([1, 0], 60)
    reads_category = np.where(labels == 1, 0.2, 0.8) + draw.normal(0, 0.1, 120)
    assert category_shortcut(reads_category, labels).outcome is Outcome.WARNING
    reads_content = np.where(labels == 1, 0.8, 0.2) + draw.normal(0, 0.1, 120)
    assert category_shortcut(reads_content, labels).outcome is Outcome.PASSED
    assert category_shortcut(reads_content[:70], labels[:70]).outcome is Outcome.SKIPPED


def _sources(whole: float, without_text: float, without_fields: float = 0.6) -> GainSources:
    return GainSources(90, 0.3, whole, without_fields, 0.6, without_text, ("service", "caller"))


def test_a_gain_that_comes_without_reading_is_named() -> None:
    read = gain_sources(_sources(0.7, 0.4))
    assert read.outcome is Outcome.PASSED
    assert "without fields it would gain +0.300, without filing times +0.300" in read.evidence
    assert read.evidence.endswith("and without reading any text +0.100")
    unread = gain_sources(_sources(0.7, 0.65))
    assert unread.outcome is Outcome.WARNING and unread.evidence.startswith("text brings 12 % of the gain")
    assert gain_sources(_sources(0.7, 0.9)).evidence.startswith("text brings 0 %")
    assert gain_sources(_sources(0.3, 0.3)).outcome is Outcome.SKIPPED
    assert gain_sources(None).outcome is Outcome.PASSED


def test_a_ranking_that_leans_on_its_fields_is_told() -> None:
    assert fields_of_ranking(_sources(0.7, 0.4)).outcome is Outcome.PASSED
    leaning = fields_of_ranking(_sources(0.7, 0.4, without_fields=0.5))
    assert leaning.outcome is Outcome.WARNING and "where service, caller are compared" in leaning.evidence


def test_quality_that_is_the_contexts() -> None:
    assert context_ablation(0, 0, 50, []).outcome is Outcome.PASSED
    assert context_ablation(0.6, 0.58, 50, ["category"]).outcome is Outcome.PASSED
    assert context_ablation(0.6, 0.3, 50, ["category"]).outcome is Outcome.WARNING


def _mismatch(train_gap: float, test_gap: float, n_of_a_class: int = 200) -> Check:
    draw = np.random.default_rng(2)
    labels = np.repeat([1, 0], n_of_a_class)
    gaps = {"train": train_gap, "evaluation": test_gap, "holdout": test_gap}
    return next(
        iter(
            split_mismatch(
                {split: labels * gap + draw.normal(0, 1, len(labels)) for split, gap in gaps.items()},
                dict.fromkeys(gaps, labels),
            )
        )
    )


@pytest.mark.parametrize(
    ("train", "test", "outcome", "words"),
    [
        (1.5, 1.5, Outcome.PASSED, "ROC-AUC"),
        (5, 1, Outcome.WARNING, "training pairs are easier"),
        (0.2, 2, Outcome.PASSED, "ROC-AUC"),  # mined negatives are meant to be harder
        (6, 6, Outcome.WARNING, "teach nothing"),
        (0, 0, Outcome.WARNING, "look alike"),
    ],
)
def test_training_and_test_of_unlike_difficulty(
    train: float, test: float, outcome: Outcome, words: str
) -> None:
    told = _mismatch(train, test)
    assert told.outcome is outcome and words in told.evidence


def test_few_pairs_of_a_split_tell_nothing_about_its_difficulty() -> None:
    assert _mismatch(0, 0, 19).outcome is Outcome.SKIPPED
    assert _mismatch(0, 0, 20).outcome is Outcome.WARNING


def _scores(gap: float, n: int = 200, share: float = 0.5) -> PairScores:
    draw = np.random.default_rng(3)
    labels = (np.arange(n) < share * n).astype(np.int64)
    values = (0.4 + gap * labels + draw.normal(0, 0.1, n)).astype(np.float32)
    return PairScores(values, labels, np.arange(n))


def test_a_threshold_that_calls_everything_kin() -> None:
    scores = _scores(0.3)
    assert trivial_threshold("x", scores, -1.0).outcome is Outcome.FAILED
    assert trivial_threshold("x", scores, 0.55).outcome is Outcome.PASSED
    assert trivial_threshold("x", scores, 0.95).outcome is Outcome.WARNING


def test_a_cautious_threshold_is_no_trivial_one() -> None:
    """A weak ranking at a low false-positive rate has a low F1, and still tells kin from strangers."""
    weak = _scores(0.08, n=400, share=0.36)
    check = trivial_threshold("x", weak, 0.54)
    assert check.outcome is Outcome.PASSED
    assert float(re.findall(r"F1 (0\.\d+)", check.evidence)[0]) < 0.5 < 2 * 0.36 / 1.36
    blind = replace(weak, labels=np.random.default_rng(0).permutation(weak.labels))
    assert trivial_threshold("x", blind, 0.54).outcome is Outcome.WARNING


def test_similarities_that_say_nothing() -> None:
    assert score_distribution("x", _scores(0.3)).outcome is Outcome.PASSED
    flat = PairScores(np.full(50, 0.97, np.float32), np.repeat([0, 1], 25), np.arange(50))
    assert score_distribution("x", flat).outcome is Outcome.FAILED
    top = PairScores(np.r_[np.ones(30), np.linspace(0, 0.5, 20)].astype(np.float32), np.zeros(50, int),
                     np.arange(50))  # fmt: skip
    assert score_distribution("x", top).outcome is Outcome.WARNING
    broken = PairScores(np.array([0.1, np.nan], np.float32), np.array([0, 1]), np.arange(2))
    assert score_distribution("x", broken).outcome is Outcome.FAILED


def _gain(value: float, low: float, high: float) -> PairedGain:
    return PairedGain("head", "base", "mrr", Interval(value, low, high), 50, 30, 0.01)


@given(st.floats(0.001, 0.5), st.floats(0.0001, 0.5), st.floats(0.051, 0.999), st.integers(2, 400))
def test_a_gain_that_the_exact_test_doubts_always_asks_for_more_kin_groups(
    value: float, half: float, p_value: float, n: int
) -> None:
    gain = PairedGain("head", "base", "mrr", Interval(value, value - half, value + half), n, n, p_value)
    power = Power.of(gain)
    assert (power.smallest_provable_gain or 1.0) > value and power.n_more_kin_groups > 0
    assert Power.of(replace(gain, p_value=0.001)).n_more_kin_groups <= power.n_more_kin_groups


@given(st.floats(0.001, 0.5), st.floats(0, 0.5), st.floats(0.0001, 0.5), st.integers(2, 400))
def test_an_interval_that_holds_zero_never_has_enough_kin_groups(
    value: float, below: float, above: float, n: int
) -> None:
    """A skewed one, short above, would else ask for "0 more" or call the gain nearly zero."""
    gain = PairedGain("head", "base", "mrr", Interval(value, -below, value + above), n, n, 0.01)
    assert (Power.of(gain).n_more_kin_groups or 0) > 0
    assert "about 0" not in small_sample(gain).advice


def test_a_gain_within_its_interval_asks_for_more_links() -> None:
    assert small_sample(_gain(0.1, 0.05, 0.15)).outcome is Outcome.PASSED
    told = small_sample(_gain(0.05, -0.05, 0.15))
    assert told.outcome is Outcome.WARNING and "about 215 more kin groups" in told.advice
    assert small_sample(_gain(0.0, -0.1, 0.1)).outcome is Outcome.WARNING


def test_one_number_under_two_names() -> None:
    sound = {"base": {"auc": 0.7, "f1": 0.5}, "head": {"auc": 0.8, "f1": 0.5}}
    assert metric_redundancy(sound).outcome is Outcome.PASSED
    twins = {name: {**metrics, "area": metrics["auc"]} for name, metrics in sound.items()}
    told = metric_redundancy(twins)
    assert told.outcome is Outcome.FAILED and "area and auc" in told.evidence


def test_metrics_that_agree_on_few_tickets_are_not_one_number() -> None:
    """Where every ticket has one kin MAP is MRR; where all is found, everything is 1."""
    one_kin = {"base": {"mrr": 0.5, "map": 0.5}, "head": {"mrr": 0.8, "map": 0.8}}
    assert metric_redundancy(one_kin).outcome is Outcome.PASSED
    names = [metric.name for metric in METRICS]
    perfect = {name: dict.fromkeys(names, 1.0) for name in ("base", "head")}
    assert metric_redundancy(perfect).outcome is Outcome.PASSED


def _ranked(*ranks: int) -> RetrievalScores:
    rows = np.arange(len(ranks))
    return RetrievalScores(rows, rows, [np.array([rank]) for rank in ranks], 99)


def test_candidates_that_rank_alike_are_reported_unless_they_had_to() -> None:
    alike = {"base": _ranked(1, 3, 2), "lora": _ranked(1, 3, 2), "head": _ranked(1, 1, 2)}
    told = identical_candidates(alike, ())
    assert told.outcome is Outcome.WARNING and told.evidence.startswith("'base' and 'lora' rank every ticket")
    assert identical_candidates(alike, {"lora"}).outcome is Outcome.PASSED  # strength 0 was chosen
    perfect = {"base": _ranked(1, 1, 1), "lora": _ranked(1, 1, 1)}
    assert identical_candidates(perfect, ()).outcome is Outcome.PASSED


def _stability(scores: PairScores) -> Check:
    return threshold_stability("x", scores, choose_threshold_in_folds(scores, EvaluationSettings(), 0))


def test_the_threshold_is_chosen_in_folds() -> None:
    told = _stability(_scores(0.3))
    assert told.outcome is Outcome.PASSED and "the median of 5 folds" in told.evidence
    assert _stability(_scores(0.3, 8)).outcome is Outcome.SKIPPED
