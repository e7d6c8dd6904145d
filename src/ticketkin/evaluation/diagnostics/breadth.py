"""Too good, too broad, too lumpy: links that are easier, or fewer groups, than those of a desk."""

from collections.abc import Sequence

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, SplitName
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.pair_decisions import PairScores

_FEWEST = 20
_PERFECT_AUC = 0.999
_ALL_LINKED = 0.95
_LARGE_GROUP = 20
_LARGE_SHARE = 0.3
_UNLIKE = 0.25
"""How much of the way from strangers to kin the members of a large group must at least have come."""
_SAMPLE = 2_000
_FEWEST_TO_LEARN = 10
"""Typed links within the training split, below which kinds of kin are learned from chance."""


def too_good(name: str, scores: PairScores) -> Check:
    """Find a champion that tells kin from strangers without a mistake."""
    from sklearn.metrics import roc_auc_score

    if min(np.bincount(scores.labels, minlength=2)) < _FEWEST:
        return skipped("too_good", "too few pairs of a class")
    area = float(roc_auc_score(scores.labels, scores.similarities))
    evidence = f"{name}: ROC-AUC {area:.4f} on {number_of(len(scores.labels), 'pair')}"
    if area >= _PERFECT_AUC:
        return warning(
            "too_good",
            f"kin and strangers are told apart without a mistake, which no desk's tickets allow. {evidence}",
            "read the checks of links, fields and texts; try it on links of another month",
        )
    return passed("too_good", evidence)


def only_linked(has_kin: BoolArray) -> Check:
    """Find an export that holds linked tickets only; `has_kin` tells for each ticket whether it has kin."""
    share = float(has_kin.mean()) if len(has_kin) else 0.0
    evidence = f"{percent(share)} of {number_of(len(has_kin), 'ticket')} have kin"
    if len(has_kin) >= _FEWEST and share >= _ALL_LINKED:
        return failed(
            "only_linked",
            f"the export holds linked tickets only ({evidence}): on a desk most tickets have none, and false "
            "alarms on those can't be counted",
            "export all tickets of the period, linked or not",
        )
    return passed("only_linked", evidence)


def large_groups(groups: IntArray, embeddings: FloatArray, ids: list[str], seed: int) -> Check:
    """Find groups that hold most of the linked tickets, and such as join what is not alike, as an epic does.

    `groups` is the kin group of every ticket, `embeddings` (n_tickets, d) of unit length.
    """
    sizes = np.bincount(groups)
    linked = sizes[groups] > 1
    if not linked.any():
        return skipped("large_groups", "no ticket has kin")
    largest = int(np.argmax(sizes))
    share = float(sizes[largest] / linked.sum())
    evidence = (
        f"the largest of {number_of(int((sizes > 1).sum()), 'group')} holds "
        f"{number_of(sizes[largest], 'ticket')}"
    )
    draw = np.random.default_rng(seed)
    by_chance = _mean_cosine(embeddings, *draw.integers(0, len(groups), (2, _SAMPLE)))
    small = np.flatnonzero((sizes[groups] > 1) & (sizes[groups] < _LARGE_GROUP))
    kin = _within(embeddings, groups, small, draw) if len(small) > _FEWEST else None
    buckets = []
    for group in np.flatnonzero(sizes >= _LARGE_GROUP):
        members = np.flatnonzero(groups == group)
        own = _mean_cosine(embeddings, draw.choice(members, _SAMPLE), draw.choice(members, _SAMPLE))
        if kin is not None and own - by_chance < _UNLIKE * (kin - by_chance):
            buckets.append(f"{number_of(len(members), 'ticket')} around {ids[members[0]]}")
    if buckets:
        return failed(
            "large_groups",
            f"groups of duplicates hardly more alike than strangers: {'; '.join(buckets[:3])}. They look "
            f"like a bucket, such as an epic, not like one event ({evidence})",
            "leave such parents out of the links, or give them as related: not every child is a duplicate",
        )
    if share > _LARGE_SHARE and linked.sum() >= _LARGE_GROUP:
        return warning(
            "large_groups",
            f"one group holds {percent(share)} of the tickets with kin: it decides all means ({evidence})",
            "look whether it is one event; add links of others",
        )
    return passed("large_groups", evidence)


def _within(embeddings: FloatArray, groups: IntArray, rows: IntArray, draw: np.random.Generator) -> float:
    """Return the mean cosine of kin: of neighbours in an order by group."""
    ordered = rows[np.lexsort((draw.permutation(len(rows)), groups[rows]))]
    same = groups[ordered[1:]] == groups[ordered[:-1]]
    return _mean_cosine(embeddings, ordered[1:][same], ordered[:-1][same])


def _mean_cosine(embeddings: FloatArray, left: IntArray, right: IntArray) -> float:
    apart = left != right
    return float((embeddings[left[apart]] * embeddings[right[apart]]).sum(axis=1).mean())


def absent_ends(n_read: int, n_absent: int) -> Check:
    """Find links most of which name tickets that the export does not hold."""
    evidence = f"{n_absent:,} of {number_of(n_read, 'link')} read name a ticket that the export does not hold"
    if n_read >= _FEWEST and n_absent > n_read / 2:
        return warning(
            "absent_ends",
            f"{evidence}: the kin that is here is a chosen part of all, and misses are counted too low",
            "export the tickets that the links name, too: a longer period, closed ones, other queues",
        )
    return passed("absent_ends", evidence)


def kinds_across_splits(split_of_ends: Sequence[Sequence[str]], *, by_folds: bool = False) -> Check:
    """Count the related and causal links that join tickets of different splits, and those left to learn from.

    `split_of_ends` is the split of both tickets of each such link. A split keeps groups of duplicates
    together, not what related links join. A link across splits teaches nothing, as one of its tickets judges;
    for the ticket that judges it still counts as its kin. `by_folds` says that training and evaluation
    tickets learn together, and folds of them judge.
    """
    n_links = len(split_of_ends)
    if n_links == 0:
        return skipped("kinds_across_splits", "no link is related or causal")
    n_across = sum(one != other for one, other in split_of_ends)
    learning = {SplitName.TRAIN, SplitName.EVALUATION} if by_folds else {SplitName.TRAIN}
    most = "at most " if by_folds else ""  # where cross-encoders are kept, too, the training split alone
    where = "training and evaluation splits" if by_folds else "training split"
    n_training = sum(one in learning and other in learning for one, other in split_of_ends)
    evidence = (
        f"{n_across:,} of {number_of(n_links, 'related or causal link')} join tickets of different splits; "
        f"kinds are learned from {most}the {n_training:,} within the {where}"
    )
    if n_links >= _FEWEST and n_training < _FEWEST_TO_LEARN:
        return warning(
            "kinds_across_splits",
            f"hardly any link is left to learn kinds from: {evidence}",
            "give the training split more tickets (split.train), or add links of these kinds",
        )
    return passed("kinds_across_splits", evidence)
