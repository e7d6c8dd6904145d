"""Say it, suggest it, stay silent: calibrated probabilities and the thresholds between the bands."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.evaluation.bootstrap import Float64Array
from ticketkin.relations.pairs import KINDS, NONE

Band = Literal["say", "suggest", "silent"]
_FEWEST_SAID = 5
"""A precision over fewer pairs than this sets no threshold."""
_CLIP = 1e-6


@dataclass(frozen=True)
class Bands:
    """Calibration of each kind's probability, and from which probability on it is said or suggested."""

    slope: dict[str, float]
    intercept: dict[str, float]
    say: dict[str, float | None]
    """Threshold by kind; None: the target precision was not reached, so the kind is never said."""
    suggest: dict[str, float | None]

    @classmethod
    def fit(
        cls,
        probabilities: Float64Array,
        kinds: IntArray,
        *,
        say_precision: float,
        suggest_precision: float,
        judged: Collection[str] = KINDS,
    ) -> "Bands":
        """Return bands for `probabilities` (n, 4) of pairs whose true `kinds` are known.

        A kind that is not among `judged`, for want of examples, gets no threshold: it is never told.

        Each kind is calibrated on its own by Platt's sigmoid (Platt 1999). The threshold of a band is the
        lowest calibrated probability from which on pairs whose likeliest kind of kin it is are right with
        the target precision. The pairs should be met as in service, at their real base rate.
        """
        from sklearn.linear_model import LogisticRegression

        slope, intercept = {}, {}
        for code, name in enumerate(KINDS):
            true = (kinds == code).astype(np.int64)
            slope[name], intercept[name] = 1.0, 0.0
            if 0 < true.sum() < len(true):
                fitted = LogisticRegression(C=10.0).fit(_logits(probabilities[:, [code]]), true)
                if fitted.coef_[0, 0] > 0:  # a sigmoid that falls would turn the order round
                    slope[name], intercept[name] = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        bare = cls(slope, intercept, {}, {})
        calibrated = bare.calibrated(probabilities)

        def thresholds(target: float) -> dict[str, float | None]:
            return {
                name: _threshold(calibrated, kinds, name, target) if name in judged else None
                for name in KINDS
                if name != NONE
            }

        return cls(
            slope,
            intercept,
            thresholds(say_precision),
            thresholds(suggest_precision),
        )

    def calibrated(self, probabilities: Float64Array) -> Float64Array:
        """Return calibrated probabilities, shape (n, 4), each row summing to 1."""
        columns = [
            1 / (1 + np.exp(-(self.slope[name] * _logits(probabilities[:, code]) + self.intercept[name])))
            for code, name in enumerate(KINDS)
        ]
        stacked = np.stack(columns, axis=1)
        found: Float64Array = stacked / np.maximum(stacked.sum(axis=1, keepdims=True), 1e-12)
        return found

    def band(self, kind: str, probability: float) -> Band:
        """Return what to do with a pair whose likeliest kind of kin has this calibrated probability."""
        for band, thresholds in (("say", self.say), ("suggest", self.suggest)):
            threshold = thresholds.get(kind)
            if threshold is not None and probability >= threshold:
                return band  # type: ignore[return-value] # one of the two names above
        return "silent"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Bands":
        """Rebuild from `to_json`."""
        return cls(**{name: dict(values[name]) for name in ("slope", "intercept", "say", "suggest")})


def likeliest_kin(probabilities: Float64Array) -> IntArray:
    """Return the place in `KINDS` of the likeliest kind but none, shape (n,)."""
    kin = [code for code, name in enumerate(KINDS) if name != NONE]
    found: IntArray = np.array(kin, dtype=np.int64)[probabilities[:, kin].argmax(axis=1)]
    return found


def _logits(probabilities: Float64Array) -> Float64Array:
    clipped = np.clip(probabilities, _CLIP, 1 - _CLIP)
    found: Float64Array = np.log(clipped / (1 - clipped))
    return found


def _threshold(calibrated: Float64Array, kinds: IntArray, name: str, target: float) -> float | None:
    """Return the lowest probability whose pairs and all above it reach the target precision."""
    code = KINDS.index(name)
    said = likeliest_kin(calibrated) == code
    values, true = calibrated[said, code], kinds[said] == code
    order = np.argsort(-values, kind="stable")
    precision = np.cumsum(true[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero((precision >= target) & (np.arange(1, len(order) + 1) >= _FEWEST_SAID))
    return float(values[order[reached[-1]]]) if len(reached) else None
