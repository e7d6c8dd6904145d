"""How near an exported encoder comes to torch, measured on texts it was not calibrated with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of, percent
from ticketkin.encoders.settings import Runtime

_NEAREST = 10
_BLOCK_TEXTS = 1_024


@dataclass(frozen=True)
class FidelityLimits:
    """What an export must reach to stand in for torch."""

    cosine: float
    """Mean cosine of a text's two embeddings, at least."""
    overlap: float
    """Share of each text's ten nearest that are the same, on average, at least."""
    mrr: float = 0.005
    """Difference of MRR on the evaluation links, either way, at most."""


_INT8 = FidelityLimits(cosine=0.99, overlap=0.85)
LIMITS: Mapping[Runtime, FidelityLimits] = {
    "openvino": FidelityLimits(cosine=0.99999, overlap=0.99),
    "openvino-int8": _INT8,
    "onnx-int8": _INT8,
}


@dataclass(frozen=True)
class Fidelity:
    """An export against torch on the same texts."""

    n_texts: int
    cosine_mean: float
    cosine_lowest: float
    overlap_at_10: float
    """Share of the ten nearest other texts that are the same, mean over texts."""
    mrr_torch: float | None
    """MRR on the evaluation links; None without any."""
    mrr_exported: float | None
    speedup: float
    """Seconds torch took for many texts in batches, as a run is encoded, divided by the export's."""
    speedup_alone: float | None = None
    """The same for one text after the other, as new tickets come, the median; None in older records."""

    def speedup_of(self, *, one_by_one: bool) -> float:
        """Return how many times as fast as torch it is on single texts, or on many."""
        alone = self.speedup_alone if one_by_one else None
        return self.speedup if alone is None else alone

    def faults(self, limits: FidelityLimits) -> list[str]:
        """Return in words what `limits` the export misses; nothing where it holds."""
        faults = []
        if not self.cosine_mean >= limits.cosine:  # a NaN is a fault, too
            faults.append(f"mean cosine {self.cosine_mean:.5f}, at least {limits.cosine:g} is needed")
        if not self.overlap_at_10 >= limits.overlap:
            faults.append(
                f"first ten the same {percent(self.overlap_at_10, 1)}, at least {percent(limits.overlap)} is "
                "needed"
            )
        if self.mrr_torch is not None and self.mrr_exported is not None:
            change = self.mrr_exported - self.mrr_torch
            if not abs(change) <= limits.mrr:
                faults.append(f"MRR on evaluation links {change:+.4f}, at most {limits.mrr:g} is allowed")
        return faults

    def line(self) -> str:
        """Return the figures in one line for the screen."""
        mrr = ""
        if self.mrr_torch is not None and self.mrr_exported is not None:
            mrr = f", MRR {self.mrr_exported:.3f} against {self.mrr_torch:.3f}"
        alone = "" if self.speedup_alone is None else f", {self.speedup_alone:.1f} times for a text alone"
        return (
            f"{self.speedup:.1f} times as fast as torch{alone}; cosine {self.cosine_mean:.4f}, first ten "
            f"the same {percent(self.overlap_at_10, 1)}{mrr} ({number_of(self.n_texts, 'text')})"
        )


def measure_fidelity(
    torch: FloatArray,
    exported: FloatArray,
    speedup: float,
    mrr: Callable[[FloatArray], float] | None = None,
    speedup_alone: float | None = None,
) -> Fidelity:
    """Compare embeddings of the same texts, each shape (n_texts, d), unit length.

    `mrr` returns the MRR on the evaluation links of such embeddings; None where there are none. Raises
    ValueError unless both have one shape and at least two rows.
    """
    if torch.shape != exported.shape or len(torch) < 2:
        raise ValueError(f"embeddings of shape {torch.shape} and {exported.shape} can't be compared")
    cosines = np.einsum("ij,ij->i", torch, exported)
    return Fidelity(
        n_texts=len(torch),
        cosine_mean=float(cosines.mean()),
        cosine_lowest=float(cosines.min()),
        overlap_at_10=_overlap(torch, exported),
        mrr_torch=None if mrr is None else mrr(torch),
        mrr_exported=None if mrr is None else mrr(exported),
        speedup=speedup,
        speedup_alone=speedup_alone,
    )


def _overlap(one: FloatArray, other: FloatArray) -> float:
    """Return the mean share of each row's nearest other rows that both embeddings agree on."""
    k = min(_NEAREST, len(one) - 1)
    shares = []
    for start in range(0, len(one), _BLOCK_TEXTS):
        rows = np.arange(start, min(start + _BLOCK_TEXTS, len(one)))
        both = [_nearest(embeddings, rows, k) for embeddings in (one, other)]
        shares += [len(np.intersect1d(a, b)) / k for a, b in zip(*both, strict=True)]
    return float(np.mean(shares))


def _nearest(embeddings: FloatArray, rows: np.ndarray, k: int) -> np.ndarray:
    similarities = embeddings[rows] @ embeddings.T
    similarities[np.arange(len(rows)), rows] = -np.inf
    return np.argpartition(-similarities, k - 1, axis=1)[:, :k]


@dataclass(frozen=True)
class RuntimeRecord:
    """Which runtime executes an encoder, and why: what a record of the run keeps."""

    asked: str
    runtime: Runtime
    fidelity: Fidelity | None
    """Of the export in use; None for torch."""
    refused: dict[str, str]
    """Why each exported runtime that was tried is not used."""
