"""Cross-encoders trained on pairs with a kind: all kinds at once, or cause against not a cause."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from ticketkin.core.arrays import load_array, save_array
from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import JobError, NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.cross_encoder import CrossBase, locate_cross_base, pair_logits
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.bootstrap import Float64Array, Interval, Resamples, statistic_interval
from ticketkin.relations.cross_kinds import CROSS_ENCODER, CrossKindModel, load_cross_kind_model
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.relations.record import CauseQuality
from ticketkin.training.cross_encoder import (
    PairExamples,
    save_cross_encoder,
    train_cross_encoder,
)
from ticketkin.training.settings import CrossEncoderSettings

_N_PROBES = 16
_SAME = 1e-4
_CAUSAL = KINDS.index("causal")


@dataclass(frozen=True)
class CrossTrainer:
    """Trains cross-encoders on typed pairs."""

    texts: list[str]
    """Of all tickets, whose rows the pairs hold."""
    pairs: RelationPairs
    base: CrossBase
    settings: CrossEncoderSettings
    work: Path
    """Folder of checkpoints, and of predictions of finished folds."""
    progress: Progress = SILENT

    @classmethod
    def of(
        cls,
        texts: list[str],
        pairs: RelationPairs,
        settings: CrossEncoderSettings,
        encoder: EncoderSettings,
        work: Path,
        progress: Progress,
    ) -> "CrossTrainer":
        """Find the base and say whether its head is fresh. Raises as `locate_cross_base`."""
        base = locate_cross_base(settings.base_model, encoder)
        if base.n_labels != len(KINDS):
            progress.say(
                f"  cross-encoder on {base.name}: its head for {number_of(len(KINDS), 'kind')} "
                "begins at random"
            )
        return cls(texts, pairs, base, settings, work, progress)

    def keep(self, places: IntArray, seed: int, folder: Path) -> CrossKindModel:
        """Train on some of the pairs, write the model into `folder`, and return it as it was read back.

        Raises JobError where the saved model predicts otherwise than the one in memory.
        """
        work = self._work(places, seed)
        trained = train_cross_encoder(
            self.base, self._examples(places), self.settings, work, seed, self.progress
        )
        save_cross_encoder(trained, folder / CROSS_ENCODER)
        kept = load_cross_kind_model(folder, self.base.device)
        texts = self._pair_texts(places[:_N_PROBES])
        in_memory = CrossKindModel(trained.model).of_texts(*texts)
        difference = float(np.abs(kept.of_texts(*texts) - in_memory).max())
        if difference > _SAME:
            raise JobError(
                f"The cross-encoder read back from {folder / CROSS_ENCODER} differs by {difference:.1g} from "
                "the one that was trained; run it again, and report it if it happens twice"
            )
        if (work / "adapter").exists():
            shutil.copytree(work / "adapter", folder / CROSS_ENCODER / "adapter")
        shutil.rmtree(work)
        return kept

    def fit(self, places: IntArray, seed: int) -> Callable[[IntArray], Float64Array]:
        """Train on some pairs and return what gives other pairs' probabilities.

        The predictions of a finished training are kept, so that a killed assessment goes on where it was.
        """

        def predicted(others: IntArray) -> Float64Array:
            work = self._work(np.concatenate([places, [-1], others]), seed)
            path = work / "probabilities.npy"
            if not path.exists():
                examples = self._examples(places)
                trained = train_cross_encoder(self.base, examples, self.settings, work, seed, self.progress)
                _keep(path, CrossKindModel(trained.model).of_texts(*self._pair_texts(others)))
            return _kept(path, len(others), len(KINDS))

        return predicted

    def _pair_texts(self, places: IntArray) -> tuple[list[str], list[str]]:
        """Return the texts of both tickets of some pairs, the earlier ones first."""
        left, right = self.pairs.left[places], self.pairs.right[places]
        return [self.texts[row] for row in left], [self.texts[row] for row in right]

    def _work(self, places: IntArray, seed: int) -> Path:
        pairs = self.pairs
        identity = hash_value({
            "pairs": np.stack([pairs.left[places], pairs.right[places], pairs.kind[places]]).tolist(),
            "places": places.tolist(),
            "settings": self.settings.model_dump(),
            "seed": seed,
            "base": str(self.base.folder),
            "texts": hash_value({"texts": self.texts}),
        })  # fmt: skip
        return self.work / identity[:16]

    def _examples(self, places: IntArray, *, causes_alone: bool = False) -> PairExamples:
        """Return pairs as texts, causes first; classes are the kinds, or cause against all else."""
        pairs, texts = self.pairs, self.texts
        kind = pairs.kind[places]
        turned = (kind == _CAUSAL) & ~pairs.forward[places]
        one = np.where(turned, pairs.right[places], pairs.left[places])
        other = np.where(turned, pairs.left[places], pairs.right[places])
        label = (kind == _CAUSAL).astype(np.int64) if causes_alone else kind
        return PairExamples(
            [texts[row] for row in one],
            [texts[row] for row in other],
            label,
            kind != _CAUSAL,
            2 if causes_alone else len(KINDS),
        )

    def assess_causes(self, seed: int, n_bootstrap: int) -> CauseQuality:
        """Return how well causes are distinguished from all other pairs, out of fold, and what a pair costs.

        `none_per_cause` other pairs stand beside each cause. Threshold and calibration come from
        validation blocks within each training fold. Raises NotEnoughDataError for too few causes.
        """
        from sklearn.model_selection import StratifiedGroupKFold

        settings = self.settings
        chosen = self._causes_and_others(seed)
        truth, blocks = self.pairs.kind[chosen] == _CAUSAL, self.pairs.block[chosen]
        if truth.sum() < 2 * settings.folds:
            raise NotEnoughDataError(
                f"{number_of(int(truth.sum()), 'pair is', 'pairs are')} causal, and {2 * settings.folds} are "
                f"needed to assess causes in {settings.folds} folds; add links of that kind"
            )
        predicted = _Causes.empty(len(chosen))
        folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=seed)
        n_parts = max(2, min(round(1 / settings.validation_share), int(truth.sum()) // settings.folds))
        inner = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
        for train, test in folds.split(truth, truth, blocks):
            learned, validated = next(iter(inner.split(truth[train], truth[train], blocks[train])))
            predicted.put(test, self._one_fold(chosen, train[learned], train[validated], test, seed))
        resamples = Resamples.draw(blocks, n_bootstrap, seed)
        return predicted.quality(truth, self.pairs.forward[chosen], resamples, self.base, settings)

    def _causes_and_others(self, seed: int) -> IntArray:
        causal = self.pairs.kind == _CAUSAL
        others = np.flatnonzero(~causal)
        n = min(len(others), round(self.settings.none_per_cause * int(causal.sum())))
        drawn = np.random.default_rng(seed).choice(others, n, replace=False)
        return np.sort(np.concatenate([np.flatnonzero(causal), drawn]))

    def _one_fold(
        self, chosen: IntArray, train: IntArray, validated: IntArray, test: IntArray, seed: int
    ) -> Float64Array:
        """Return predictions of the test pairs, shape (n_test, 5).

        Forward and backward logit, calibrated probability, 1 where it reaches the threshold, milliseconds.
        """
        work = self._work(np.concatenate([chosen[train], [-1], chosen[validated], [-1], chosen[test]]), seed)
        path = work / "causes.npy"
        if not path.exists():
            trained = train_cross_encoder(
                self.base,
                self._examples(chosen[train], causes_alone=True),
                self.settings,
                work,
                seed,
                self.progress,
            )
            judged, _ = self._both_orders(trained.model, chosen[validated])
            logits, milliseconds = self._both_orders(trained.model, chosen[test])
            truth = self.pairs.kind[chosen[validated]] == _CAUSAL
            calibrated, threshold = _calibration(judged.max(axis=1), truth)
            probability = calibrated(logits.max(axis=1))
            is_cause = probability >= threshold
            cost = np.full(len(test), milliseconds)
            _keep(path, np.column_stack([logits, probability, is_cause, cost]))
        return _kept(path, len(test), _Causes.n_columns)

    def _both_orders(self, model: Any, places: IntArray) -> tuple[Float64Array, float]:
        """Return the logits of (earlier, later) and (later, earlier), (n, 2), and milliseconds a pair."""
        one, other = self._pair_texts(places)
        started = perf_counter()
        logits = np.column_stack([pair_logits(model, one, other)[:, 0], pair_logits(model, other, one)[:, 0]])
        return logits, 1000 * (perf_counter() - started) / max(1, len(places))


def _keep(path: Path, values: Float64Array) -> None:
    """Write the predictions of a finished fold and drop its checkpoints, which are many times larger."""
    save_array(path, values)
    shutil.rmtree(path.parent / "checkpoint", ignore_errors=True)


def _kept(path: Path, n_pairs: int, n_columns: int) -> Float64Array:
    """Read the predictions of a finished fold. Raises UnreadableFileError where that is damaged."""
    remedy = f"Delete {path.parent} and run again: its fold is trained again"
    return load_array(path, remedy, (n_pairs, n_columns)).astype(np.float64)


def _calibration(
    logits: Float64Array, truth: BoolArray
) -> tuple[Callable[[Float64Array], Float64Array], float]:
    """Return Platt's sigmoid of the logits (Platt 1999), and the probability with the best F1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import precision_recall_curve

    if truth.all() or not truth.any():
        return lambda values: np.asarray(expit(values), dtype=np.float64), 0.5
    fitted = LogisticRegression(C=10.0).fit(logits[:, None], truth)

    def calibrated(values: Float64Array) -> Float64Array:
        return np.asarray(fitted.predict_proba(values[:, None])[:, 1], dtype=np.float64)

    precision, recall, thresholds = precision_recall_curve(truth, calibrated(logits))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return calibrated, float(thresholds[int(f1[:-1].argmax())])


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

    def quality(
        self,
        truth: BoolArray,
        forward: BoolArray,
        resamples: Resamples,
        base: CrossBase,
        settings: CrossEncoderSettings,
    ) -> CauseQuality:
        from sklearn.metrics import (
            average_precision_score,
            f1_score,
            precision_score,
            recall_score,
            roc_auc_score,
        )

        first, second, probability, at_threshold, cost = self.values.T
        score, is_cause = np.maximum(first, second), at_threshold > 0

        def interval(metric: Callable[..., float], values: Any) -> Interval:
            return statistic_interval(
                lambda weights: float(metric(truth, values, sample_weight=weights)), resamples, len(truth)
            )

        def brier(true: BoolArray, values: Float64Array, sample_weight: Float64Array) -> float:
            return float(np.average((values - true) ** 2, weights=sample_weight))

        right_way = (first >= second) == forward
        return CauseQuality(
            n_causal=int(truth.sum()),
            n_other=int((~truth).sum()),
            roc_auc=interval(roc_auc_score, score),
            pr_auc=interval(average_precision_score, score),
            f1=interval(partial(f1_score, zero_division=0), is_cause),
            precision=interval(partial(precision_score, zero_division=0), is_cause),
            recall=interval(partial(recall_score, zero_division=0), is_cause),
            brier=interval(brier, probability),
            direction_right=float(right_way[truth].mean()),
            milliseconds_a_pair=float(np.median(cost)),
            base=base.name,
            fresh_head=base.n_labels != 1,
            method=settings.method,
            folds=settings.folds,
        )
