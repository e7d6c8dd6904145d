"""A cross-encoder of causes has a say where the causal kind is better with it, and is left out elsewhere."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progress_material import KeptLines
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import Float64Array
from ticketkin.encoders.cross_encoder import CrossBase
from ticketkin.evaluation.bootstrap import Resamples
from ticketkin.relations import cause_training
from ticketkin.relations.cause_training import CauseTrainer
from ticketkin.relations.causes import with_cause
from ticketkin.relations.cross_training import N_CAUSE_LABELS, CrossTrainer, keep_predictions
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.training.settings import CrossEncoderSettings

CAUSAL, NONE = KINDS.index("causal"), KINDS.index("none")


@given(
    weights=st.lists(st.integers(1, 50), min_size=4, max_size=4),
    cause=st.floats(0, 1),
    more=st.floats(0.01, 1),
)
@settings(max_examples=60)
def test_the_pooled_cause_lies_between_both_and_the_others_keep_their_shares(
    weights: list[int], cause: float, more: float
) -> None:
    kinds = np.array([weights]) / sum(weights)
    pooled = with_cause(kinds, np.array([cause]))[0]
    assert pooled.sum() == pytest.approx(1) and (pooled >= 0).all()
    low, high = sorted((kinds[0, CAUSAL], cause))
    assert low - 1e-6 <= pooled[CAUSAL] <= high + 1e-6
    others = [place for place in range(4) if place != CAUSAL]
    np.testing.assert_allclose(pooled[others] * kinds[0, others[0]], pooled[others[0]] * kinds[0, others])
    assert with_cause(kinds, np.array([min(1.0, cause + more)]))[0, CAUSAL] >= pooled[CAUSAL]


@dataclass
class _Model:
    """What a training leaves; `knows` is whether it learned anything."""

    knows: bool


def _trainer(n: int, work: Path) -> CauseTrainer:
    """Pairs of which every fourth is causal, each of tickets of its own; texts say what the pair is."""
    kinds = np.where(np.arange(n) % 4 == 0, CAUSAL, NONE)
    rows = np.arange(n)
    texts = [f"ticket {row} {'cause' if kinds[row // 2] == CAUSAL else 'stranger'}" for row in range(2 * n)]
    pairs = RelationPairs(
        left=2 * rows, right=2 * rows + 1, kind=kinds, forward=np.ones(n, dtype=np.bool_),
        block=rows // 4 % 10, mixture={}, contradictions=[],
    )  # fmt: skip
    base = CrossBase(work, "made-up", 1, "cpu")
    return CauseTrainer(CrossTrainer(texts, pairs, base, CrossEncoderSettings(folds=2), work))


@pytest.fixture
def trained_as(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replaces trainings by one whose model knows causes, or knows nothing."""

    def replace(*, knows: bool) -> None:
        def train(*_: object) -> Any:
            return type("Trained", (), {"model": _Model(knows)})()

        def read(model: _Model, one: list[str], other: list[str]) -> Float64Array:
            draw = np.random.default_rng([len(one), *one[0].encode()])
            tells = np.array([4.0 if "cause" in text else -4.0 for text in one])
            values = np.stack([tells, tells - 1], axis=1) if model.knows else 0.0
            return np.asarray(draw.normal(0, 1, (len(one), 2)) + values, dtype=np.float64)

        monkeypatch.setattr(cause_training, "train_cross_encoder", train)
        monkeypatch.setattr(cause_training, "both_orders", read)

    return replace


def _said(kinds: np.ndarray, *, rightly: bool) -> Float64Array:
    """What a model of kinds says out of fold: the truth, or chance."""
    draw = np.random.default_rng(0)
    said = draw.dirichlet([1, 1, 1, 1], len(kinds))
    if rightly:
        said[:, CAUSAL] = np.where(kinds == CAUSAL, 0.9, 0.02)
    return np.asarray(said / said.sum(axis=1, keepdims=True), dtype=np.float64)


def test_it_helps_where_the_kinds_are_guessed_and_not_where_it_guesses(
    trained_as: Any, tmp_path: Path
) -> None:
    for knows, rightly in ((True, False), (False, True), (False, False)):
        trained_as(knows=knows)
        trainer = _trainer(80, tmp_path / f"{knows}{rightly}")
        said = _said(trainer.trainer.pairs.kind, rightly=rightly)
        quality = trainer.assess(said, np.arange(len(said)), 0, 200)
        assert quality.n_causal == 20 and quality.n_other == 60
        assert quality.gain is not None and quality.pr_auc_both is not None
        assert quality.helps is knows, (knows, rightly, quality.gain)
        if knows:
            assert (quality.roc_auc.value or 0) > 0.95 and (quality.pr_auc_both.value or 0) > 0.9


def test_the_quality_is_what_scikit_learn_computes(tmp_path: Path) -> None:
    from sklearn import metrics

    draw = np.random.default_rng(3)
    truth, forward = draw.random(60) < 0.3, draw.random(60) < 0.5
    scores = draw.integers(-3, 4, (60, 2)) + 1.0 * truth[:, None]  # with ties
    score = scores.max(axis=1)
    probability = 1 / (1 + np.exp(-score))
    values = np.column_stack([scores, probability, score > 0, np.ones(60)])
    causes = cause_training._Causes(values)
    resamples = Resamples.draw(np.arange(60), 50, 0)
    base, chosen = CrossBase(tmp_path, "made-up", 1, "cpu"), CrossEncoderSettings()
    quality = causes.quality(truth, forward, resamples, base, chosen)
    kinds = draw.dirichlet([1, 1, 1, 1], 60)
    beside = causes.beside_kinds(truth, kinds, resamples)
    expected = {
        quality.roc_auc: metrics.roc_auc_score(truth, score),
        quality.pr_auc: metrics.average_precision_score(truth, score),
        quality.f1: metrics.f1_score(truth, score > 0),
        quality.precision: metrics.precision_score(truth, score > 0),
        quality.recall: metrics.recall_score(truth, score > 0),
        quality.brier: metrics.brier_score_loss(truth, probability),
        beside["pr_auc_kinds"]: metrics.average_precision_score(truth, kinds[:, CAUSAL]),
    }
    for interval, value in expected.items():
        assert interval.value == pytest.approx(value)
        assert interval.low < interval.value < interval.high


def test_too_few_causes_are_named(trained_as: Any, tmp_path: Path) -> None:
    trained_as(knows=True)
    trainer = _trainer(12, tmp_path)
    kinds = trainer.trainer.pairs.kind
    with pytest.raises(NotEnoughDataError, match="3 pairs are causal, and 4 are needed"):
        trainer.assess(_said(kinds, rightly=True), np.arange(len(kinds)), 0, 100)
    with pytest.raises(NotEnoughDataError, match="3 causal pairs to learn from, 4 are needed"):
        trainer.keep(np.arange(12), 0, tmp_path / "kept")


@pytest.mark.parametrize(
    ("of_base", "asked_for", "said"),
    [(1, N_CAUSE_LABELS, ""), (0, N_CAUSE_LABELS, "causes"), (1, len(KINDS), "4 kinds"), (4, len(KINDS), "")],
)
def test_a_head_that_begins_at_random_is_named_by_what_it_is_for(
    of_base: int, asked_for: int, said: str, tmp_path: Path
) -> None:
    progress = KeptLines()
    trainer = replace(_trainer(8, tmp_path).trainer, progress=progress)
    replace(trainer, base=replace(trainer.base, n_labels=of_base)).say_whether_fresh(asked_for)
    expected = f"  cross-encoder on made-up: its head for {said} begins at random"
    assert progress.lines == ([expected] if said else [])


def test_a_finished_fold_leaves_its_predictions_alone(tmp_path: Path) -> None:
    for trained in ("checkpoint", "adapter"):
        (tmp_path / trained).mkdir()
        (tmp_path / trained / "weights").write_bytes(b"x")
    keep_predictions(tmp_path / "causes.npy", np.zeros((3, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["causes.npy"]
