"""The bands 'say', 'suggest' and 'silent': calibrated probabilities and the thresholds between the bands."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.relations.kinds import KINDS, NONE

Band = Literal["say", "suggest", "silent"]
ReportedBand = Literal["say", "suggest"]
REPORTED_BANDS: tuple[ReportedBand, ...] = get_args(ReportedBand)
"""Bands whose pairs a user sees, the surest first."""
# Names of the cumulative counts: a reader of suggestions also sees the pairs in the band 'say'.
BAND_WORDS: dict[ReportedBand, str] = {"say": "say", "suggest": "say or suggest"}
_FEWEST_REPORTED = 5
"""A precision over fewer pairs than this sets no threshold."""
_CLIP = 1e-6


@dataclass(frozen=True)
class Bands:
    """Calibration of each kind's probability, and from which probability on it is said or suggested."""

    slope: dict[str, float]
    """Of the logit of the classifier's probability."""
    weight: dict[str, float]
    """Of the ranking's similarity, standardised by `centre` and `scale`."""
    intercept: dict[str, float]
    centre: float
    scale: float
    say: dict[str, float | None]
    """Threshold by kind; None: the target precision was not reached, so the kind is never said."""
    suggest: dict[str, float | None]

    @classmethod
    def silent(cls) -> "Bands":
        """Return bands that leave probabilities as they are and never say or suggest a kind."""
        one, zero = dict.fromkeys(KINDS, 1.0), dict.fromkeys(KINDS, 0.0)
        return cls(one, zero, zero, 0.0, 1.0, {}, {})

    @classmethod
    def fit(
        cls,
        probabilities: Float64Array,
        similarities: Float64Array,
        kinds: IntArray,
        *,
        say_precision: float,
        suggest_precision: float,
        judged: Collection[str] = KINDS,
    ) -> "Bands":
        """Return bands for `probabilities` (n, 4) and the ranking's `similarities` (n,) of known `kinds`.

        A kind that is not among `judged`, for want of examples, gets no threshold: it is never reported.

        Each kind is calibrated on its own by a logistic regression on both (Platt 1999 on two scores). The
        threshold of a band is the lowest calibrated probability from which on pairs whose likeliest kind
        of kin it is are right with the target precision. The pairs should be met as in service, at their
        real base rate.
        """
        centre = float(similarities.mean()) if len(similarities) else 0.0
        scale = max(float(similarities.std()), 1e-6) if len(similarities) else 1.0
        slope, weight, intercept = {}, {}, {}
        for code, name in enumerate(KINDS):
            scores = np.column_stack([
                _logits(probabilities[:, code]), _sign(name) * (similarities - centre) / scale
            ])  # fmt: skip
            coefficients, intercept[name] = _rising_sigmoid(scores, kinds == code)
            slope[name], weight[name] = coefficients
        bare = cls(slope, weight, intercept, centre, scale, {}, {})
        calibrated = bare.calibrated(probabilities, similarities)

        def thresholds(target: float) -> dict[str, float | None]:
            return {
                name: _threshold(calibrated, kinds, name, target) if name in judged else None
                for name in KINDS
                if name != NONE
            }

        return cls(
            slope,
            weight,
            intercept,
            centre,
            scale,
            thresholds(say_precision),
            thresholds(suggest_precision),
        )

    @property
    def are_silent(self) -> bool:
        """Whether no kind is ever said or suggested, however likely it is."""
        return not any(value is not None for band in (self.say, self.suggest) for value in band.values())

    def calibrated(self, probabilities: Float64Array, similarities: Float64Array) -> Float64Array:
        """Return calibrated probabilities, shape (n, 4), each row summing to 1."""
        from scipy.special import expit

        standard = (similarities - self.centre) / self.scale
        columns = [
            expit(
                self.slope[name] * _logits(probabilities[:, code])
                + self.weight[name] * _sign(name) * standard
                + self.intercept[name]
            )
            for code, name in enumerate(KINDS)
        ]
        stacked = np.stack(columns, axis=1)
        normalised: Float64Array = stacked / np.maximum(stacked.sum(axis=1, keepdims=True), 1e-12)
        return normalised

    def band(self, kind: str, probability: float) -> Band:
        """Return what to do with a pair whose likeliest kind of kin has this calibrated probability."""
        for band in REPORTED_BANDS:
            threshold = self.threshold(kind, band)
            if threshold is not None and probability >= threshold:
                return band
        return "silent"

    def threshold(self, kind: str, band: ReportedBand) -> float | None:
        """Return from which probability on a kind is in a band; None where it never is."""
        return (self.say if band == "say" else self.suggest).get(kind)


def _sign(name: str) -> float:
    """Return the sign of a kind's relation to similarity: strangers are less likely at higher similarity."""
    return -1.0 if name == NONE else 1.0


def _rising_sigmoid(scores: Float64Array, true: BoolArray) -> tuple[tuple[float, float], float]:
    """Return coefficients of both scores, none below zero, and the intercept; (1, 0), 0 with one class."""
    from sklearn.linear_model import LogisticRegression

    coefficients, columns = [0.0, 0.0], [0, 1]
    while columns and true.any() and not true.all():
        fitted = LogisticRegression(C=10.0).fit(scores[:, columns], true)
        falling = [c for c, value in zip(columns, fitted.coef_[0], strict=True) if value < 0]
        if not falling:  # a sigmoid that falls would turn the order round
            for column, value in zip(columns, fitted.coef_[0], strict=True):
                coefficients[column] = float(value)
            return (coefficients[0], coefficients[1]), float(fitted.intercept_[0])
        columns = [column for column in columns if column not in falling]
    return (1.0, 0.0), 0.0


def likeliest_kin(probabilities: Float64Array) -> IntArray:
    """Return the place in `KINDS` of the likeliest kind but none, shape (n,)."""
    kin = [code for code, name in enumerate(KINDS) if name != NONE]
    likeliest: IntArray = np.array(kin, dtype=np.int64)[probabilities[:, kin].argmax(axis=1)]
    return likeliest


def _logits(probabilities: Float64Array) -> Float64Array:
    clipped = np.clip(probabilities, _CLIP, 1 - _CLIP)
    logits: Float64Array = np.log(clipped / (1 - clipped))
    return logits


def _threshold(calibrated: Float64Array, kinds: IntArray, name: str, target: float) -> float | None:
    """Return the lowest probability whose pairs and all above it reach the target precision."""
    code = KINDS.index(name)
    likeliest = likeliest_kin(calibrated) == code
    values, true = calibrated[likeliest, code], kinds[likeliest] == code
    order = np.argsort(-values, kind="stable")
    precision = np.cumsum(true[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero((precision >= target) & (np.arange(1, len(order) + 1) >= _FEWEST_REPORTED))
    return float(values[order[reached[-1]]]) if len(reached) else None
