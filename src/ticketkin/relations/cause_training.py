"""A cross-encoder trained to tell causes from all else: assessed with and without it, and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from scipy.special import logit

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.cross_encoder import CrossBase
from ticketkin.evaluation.bootstrap import Interval, Resamples, statistic_interval
from ticketkin.evaluation.pair_statistics import SortedPairs
from ticketkin.relations.block_folds import block_folds
from ticketkin.relations.causes import CAUSE_ENCODER, CauseCalibration, CauseReader, both_orders, with_cause
from ticketkin.relations.cross_training import (
    N_CAUSE_LABELS,
    CrossTrainer,
    keep_predictions,
    kept_predictions,
)
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.record import CauseQuality
from ticketkin.training.cross_encoder import train_cross_encoder
from ticketkin.training.settings import CrossEncoderSettings

_CAUSAL = KINDS.index("causal")
_N_PROBES = 16
FEWEST_CAUSES = 4
"""Fewest causal pairs for a model that is kept: two for training, two for calibration."""


@dataclass(frozen=True)
class CauseTrainer:
    """Trains cross-encoders of causes on typed pairs."""

    trainer: CrossTrainer

    def assess(self, kinds: Float64Array, places: IntArray, seed: int, n_bootstrap: int) -> CauseQuality:
        """Return how well causes among some pairs are distinguished, out of fold, and what a pair costs.

        `none_per_cause` other pairs stand beside each cause. Threshold and calibration come from validation
        blocks within each training fold. `kinds` (n_pairs, 4) are the out-of-fold probabilities of the model
        of kinds for all pairs. The gain is the PR-AUC of the causal kind with the cross-encoder less that
        without it. Raises NotEnoughDataError for too few causes.
        """
        settings, pairs = self.trainer.settings, self.trainer.pairs
        chosen = self._causes_and_others(places, seed)
        truth, blocks = pairs.kind[chosen] == _CAUSAL, pairs.block[chosen]
        if truth.sum() < 2 * settings.folds:
            raise NotEnoughDataError(
                f"{number_of(int(truth.sum()), 'pair is', 'pairs are')} causal, and {2 * settings.folds} are "
                f"needed to assess causes in {settings.folds} folds; add links of that kind"
            )
        predicted = _Causes.empty(len(chosen))
        for train, test in block_folds(truth.astype(np.int64), blocks, settings.folds, seed):
            predicted.put(test, self._one_fold(chosen[train], chosen[test], seed))
        resamples = Resamples.draw(blocks, n_bootstrap, seed)
        quality = predicted.quality(truth, pairs.forward[chosen], resamples, self.trainer.base, settings)
        return quality.model_copy(update=predicted.beside_kinds(truth, kinds[chosen], resamples))

    def keep(self, places: IntArray, seed: int, folder: Path) -> CauseReader:
        """Train on some of the pairs, write the model into `folder` and return it, calibrated.

        Raises NotEnoughDataError where too few of them are causal, and as `CrossTrainer.saved`.
        """
        chosen = self._causes_and_others(places, seed)
        n_causal = int((self.trainer.pairs.kind[chosen] == _CAUSAL).sum())
        if n_causal < FEWEST_CAUSES:
            raise NotEnoughDataError(
                f"{number_of(n_causal, 'causal pair')} to learn from, {FEWEST_CAUSES} are needed"
            )
        learned, validated = self._with_validation(chosen, seed)
        work = self._work(learned, validated, np.zeros(0, dtype=np.int64), seed)
        examples = self.trainer.examples(learned, causes_alone=True)
        trained = train_cross_encoder(
            self.trainer.base, examples, self.trainer.settings, work, seed, self.trainer.progress
        )
        calibration, _ = self._calibrated(trained.model, validated)
        texts = self.trainer.pair_texts(chosen[:_N_PROBES])
        place = folder / CAUSE_ENCODER
        self.trainer.saved(trained, work, place, lambda model: both_orders(model, *texts))
        return CauseReader(place, self.trainer.base.device, calibration)

    def _causes_and_others(self, places: IntArray, seed: int) -> IntArray:
        """Return the causal pairs among `places` and others drawn beside them, ascending."""
        causal = self.trainer.pairs.kind[places] == _CAUSAL
        others = places[~causal]
        n = min(len(others), round(self.trainer.settings.none_per_cause * int(causal.sum())))
        drawn = np.random.default_rng(seed).choice(others, n, replace=False)
        return np.sort(np.concatenate([places[causal], drawn]))

    def _with_validation(self, places: IntArray, seed: int) -> tuple[IntArray, IntArray]:
        """Return the pairs to learn from and those of other blocks to calibrate on."""
        settings, pairs = self.trainer.settings, self.trainer.pairs
        truth = (pairs.kind[places] == _CAUSAL).astype(np.int64)
        n_parts = max(2, min(round(1 / settings.validation_share), int(truth.sum()) // 2))
        learned, validated = block_folds(truth, pairs.block[places], n_parts, seed)[0]
        return places[learned], places[validated]

    def _work(self, learned: IntArray, validated: IntArray, asked: IntArray, seed: int) -> Path:
        places = np.concatenate([learned, [-1], validated, [-1], asked])
        return self.trainer.work_folder(places, seed)

    def _calibrated(self, model: Any, places: IntArray) -> tuple[CauseCalibration, float]:
        """Return the calibration by some pairs, and the probability with the best F1."""
        logits = both_orders(model, *self.trainer.pair_texts(places)).max(axis=1)
        return _calibration(logits, self.trainer.pairs.kind[places] == _CAUSAL)

    def _one_fold(self, train: IntArray, test: IntArray, seed: int) -> Float64Array:
        """Return predictions of the test pairs, shape (n_test, 5).

        Forward and backward logit, calibrated probability, 1 where it reaches the threshold, milliseconds.
        """
        trainer = self.trainer
        learned, validated = self._with_validation(train, seed)
        work = self._work(learned, validated, test, seed)
        path = work / "causes.npy"
        if not path.exists():
            examples = trainer.examples(learned, causes_alone=True)
            trained = train_cross_encoder(
                trainer.base, examples, trainer.settings, work, seed, trainer.progress
            )
            calibration, threshold = self._calibrated(trained.model, validated)
            started = perf_counter()
            logits = both_orders(trained.model, *trainer.pair_texts(test))
            cost = np.full(len(test), 1000 * (perf_counter() - started) / max(1, len(test)))
            probability = calibration.probability(logits.max(axis=1))
            keep_predictions(path, np.column_stack([logits, probability, probability >= threshold, cost]))
        return kept_predictions(path, len(test), _Causes.n_columns)


def _calibration(logits: Float64Array, truth: BoolArray) -> tuple[CauseCalibration, float]:
    """Return Platt's sigmoid of the logits (Platt 1999), and the probability with the best F1.

    A sigmoid that falls would turn the order round: then the logits have no say, and all get the share.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import precision_recall_curve

    if truth.all() or not truth.any():
        return CauseCalibration(1.0, 0.0), 0.5
    fitted = LogisticRegression(C=10.0).fit(logits[:, None], truth)
    calibration = CauseCalibration(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))
    if calibration.slope < 0:
        calibration = CauseCalibration(0.0, float(logit(truth.mean())))
    precision, recall, thresholds = precision_recall_curve(truth, calibration.probability(logits))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return calibration, float(thresholds[int(f1[:-1].argmax())])


@dataclass(frozen=True)
class _Causes:
    """The predictions of each pair, out of fold."""

    values: Float64Array
    """Shape (n_pairs, n_columns)."""
    n_columns: ClassVar[int] = 5

    @classmethod
    def empty(cls, n_pairs: int) -> "_Causes":
        return cls(np.zeros((n_pairs, cls.n_columns)))

    def put(self, places: IntArray, values: Float64Array) -> None:
        self.values[places] = values

    def beside_kinds(
        self, truth: BoolArray, kinds: Float64Array, resamples: Resamples
    ) -> dict[str, Interval]:
        """Return the quality of the causal kind without and with the cross-encoder, and the gain.

        PR-AUC on the same pairs; `kinds` has the shape (n_pairs, 4).
        """
        pooled = with_cause(kinds, self.values[:, 2])
        alone, both = (
            SortedPairs(values[:, _CAUSAL], truth.astype(np.int64)).average_precision
            for values in (kinds, pooled)
        )
        return {
            "pr_auc_kinds": statistic_interval(alone, resamples, len(truth)),
            "pr_auc_both": statistic_interval(both, resamples, len(truth)),
            "gain": statistic_interval(lambda w: both(w) - alone(w), resamples, len(truth)),
        }

    def quality(
        self,
        truth: BoolArray,
        forward: BoolArray,
        resamples: Resamples,
        base: CrossBase,
        settings: CrossEncoderSettings,
    ) -> CauseQuality:
        first, second, probability, at_threshold, cost = self.values.T
        said = at_threshold > 0
        ordered = SortedPairs(np.maximum(first, second), truth.astype(np.int64))

        def interval(statistic: Callable[[Float64Array], float]) -> Interval:
            return statistic_interval(statistic, resamples, len(truth))

        def share(weights: Float64Array, of: Float64Array) -> float:
            """The weight of the causes that were said to be some, as a share; 0 of nothing."""
            total = float((weights * of).sum())
            return float(weights[said & truth].sum()) / total if total > 0 else 0.0

        right_way = (first >= second) == forward
        return CauseQuality(
            n_causal=int(truth.sum()),
            n_other=int((~truth).sum()),
            roc_auc=interval(ordered.roc_auc),
            pr_auc=interval(ordered.average_precision),
            f1=interval(lambda weights: share(weights, (said.astype(np.float64) + truth) / 2)),
            precision=interval(lambda weights: share(weights, said.astype(np.float64))),
            recall=interval(lambda weights: share(weights, truth.astype(np.float64))),
            brier=interval(lambda weights: float(np.average((probability - truth) ** 2, weights=weights))),
            direction_right=float(right_way[truth].mean()),
            milliseconds_a_pair=float(np.median(cost)),
            base=base.name,
            fresh_head=base.n_labels != N_CAUSE_LABELS,
            method=settings.method,
            folds=settings.folds,
        )
