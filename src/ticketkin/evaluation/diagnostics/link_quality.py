"""How good the links are: joined one row off, drawn at random in part, or labelled the wrong way round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.checks import Check, Outcome, failed, passed, skipped, warning
from ticketkin.core.tables import FloatArray, IntArray, SplitName
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.diagnostics.similarities import FEWEST_OF_A_CLASS

_FEWEST = 40
_MANY_RANDOM = 0.2
_INVERTED_AUC = 0.4
_SHIFTS = (-2, -1, 1, 2)
_STANDARD_ERRORS = 3.0
_N_STRANGERS = 2_000
Similarity = Callable[[IntArray, IntArray], FloatArray]
"""Of pairs of ticket rows, shape (n_pairs,)."""


@dataclass(frozen=True)
class JudgedLinks:
    """Duplicate links with what their likeness is measured by: words and meaning, none of it learned."""

    left: IntArray
    right: IntArray
    row_in_file: IntArray
    """Of every ticket, as the export had it."""
    similarities: Mapping[str, Similarity]
    seed: int

    def likeness(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return how alike pairs are: the mean share of strangers that are less alike, 0 to 1."""
        total = np.zeros(len(left), dtype=np.float64)
        for name, similarity in self.similarities.items():
            strangers = self._of_strangers[name]
            total += np.searchsorted(strangers, similarity(left, right)) / len(strangers)
        mean: FloatArray = (total / len(self.similarities)).astype(np.float32)
        return mean

    def strangers(self) -> tuple[IntArray, IntArray]:
        """Return pairs drawn at random among the linked tickets: links that mean nothing look like them."""
        draw = np.random.default_rng(self.seed)
        left, right = draw.choice(self.left, _N_STRANGERS), draw.choice(self.right, _N_STRANGERS)
        return left[left != right], right[left != right]

    @cached_property
    def _of_strangers(self) -> dict[str, FloatArray]:
        return {name: np.sort(similar(*self.strangers())) for name, similar in self.similarities.items()}


def link_quality_checks(links: JudgedLinks) -> list[Check]:
    """Return the checks of links that mean nothing; joined off by rows, all of them look drawn at random."""
    joined = joined_rows(links)
    if joined.outcome is Outcome.FAILED:
        return [joined, skipped("random_links", "the links are joined off by some rows")]
    return [joined, random_links(links)]


def joined_rows(links: JudgedLinks) -> Check:
    """Find links that would fit better a row further up or down in the file: joined one row off."""
    if len(links.left) < _FEWEST:
        return skipped("joined_rows", f"too few links to tell ({len(links.left)})")
    order = np.argsort(links.row_in_file, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    own = links.likeness(links.left, links.right)
    best = ("", -np.inf)
    for shift in _SHIFTS:
        for end in ("first", "second"):
            left, right = links.left, links.right
            moved = place[left if end == "first" else right] + shift
            inside = (moved >= 0) & (moved < len(order))
            there = order[np.clip(moved, 0, len(order) - 1)]
            left, right = (there, right) if end == "first" else (left, there)
            inside &= left != right
            if inside.sum() < _FEWEST:  # the same few rows over and over have no other place to come from
                continue
            gap = (links.likeness(left, right) - own)[inside]
            if not len(gap):
                continue
            error = float(gap.std() / np.sqrt(len(gap))) or 1.0
            if gap.mean() / error > max(_STANDARD_ERRORS, best[1]):
                best = f"{shift:+d} in the {end} column", float(gap.mean() / error)
    if best[0]:
        return failed(
            "joined_rows",
            f"the links fit better when moved by rows of the export ({best[0]}): ids and texts were joined "
            "off by some rows",
            "join links and tickets by their ids anew, not by their place in a sheet",
        )
    return passed("joined_rows", "no shift by rows makes the links fit better")


def random_links(links: JudgedLinks) -> Check:
    """Estimate which share of the links joins tickets that have nothing in common.

    Half of all pairs drawn at random lie below their median likeness; of true kin hardly any do.
    """
    if len(links.left) < _FEWEST:
        return skipped("random_links", f"too few links to tell ({len(links.left)})")
    median = float(np.median(links.likeness(*links.strangers())))
    below = float((links.likeness(links.left, links.right) < median).mean())
    share = min(1.0, 2 * below)
    error = float(2 * np.sqrt(below * (1 - below) / len(links.left)))
    evidence = (
        f"about {percent(share)} (± {100 * error:.0f}) of {number_of(len(links.left), 'link')} look like "
        "pairs drawn at random"
    )
    if share - error > _MANY_RANDOM:
        return warning(
            "random_links",
            f"{evidence}: so many links are wrong, or kin of other words and meaning",
            "read twenty of the links; leave out the source of those that are wrong",
        )
    return passed("random_links", evidence)


def inverted_labels(similarities: Mapping[str, FloatArray], labels: Mapping[str, IntArray]) -> Check:
    """Find test pairs whose labels are the wrong way round: strangers more alike than kin.

    Both give the pairs of each split, `similarities` those of the untouched model. Training pairs may be as
    hard as can be found.
    """
    from sklearn.metrics import roc_auc_score

    areas = {
        split: float(roc_auc_score(own, similarities[split]))
        for split, own in labels.items()
        if split != SplitName.TRAIN.value and np.bincount(own, minlength=2).min() >= FEWEST_OF_A_CLASS
    }
    if not areas:
        return skipped("inverted_labels", "too few test pairs of a class to tell")
    shown = ", ".join(f"{split} {area:.3f}" for split, area in areas.items())
    inverted = [split for split, area in areas.items() if area < _INVERTED_AUC]
    if inverted:
        return failed(
            "inverted_labels",
            f"pairs labelled as no kin are more alike than kin in {' and '.join(inverted)} (ROC-AUC of the "
            f"untouched model {shown}; .5 is guessing): the labels are the wrong way round",
            "swap 0 and 1 in the file of these pairs",
        )
    return passed("inverted_labels", f"kin are more alike than strangers (ROC-AUC {shown})")
