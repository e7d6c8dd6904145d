"""Links that a rule made: a shallow tree over fields, filing times and titles reproduces them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.core.tables import (
    OPENING_FIELDS,
    PERSON_FIELDS,
    BoolArray,
    FloatArray,
    IntArray,
    Tickets,
    field_codes,
)
from ticketkin.core.wording import number_of, percent

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier

_CODE = "links_of_a_rule"
_FEWEST_LINKS = 30
_MOST_LINKS = 400
_BESIDE = 10
"""Strangers on each side of a ticket, in filing order: among all tickets, and among those of each value."""
_AT_RANDOM = 40
_DEPTH = 3
_REPRODUCED = 0.98
_FAR_HOURS = 1e6
_FIELDS = (*(name for name in OPENING_FIELDS if name not in ("title", "description")), *PERSON_FIELDS)


@dataclass(frozen=True)
class _Columns:
    """What a rule could compare, as numbers."""

    names: list[str]
    codes: IntArray
    """Of each field and of the title, -1 where empty; shape (n_columns, n_tickets)."""
    hours: FloatArray
    """Filing time; NaN where unknown."""

    @classmethod
    def of(cls, tickets: Tickets) -> "_Columns":
        frame = tickets.frame
        columns = {name: frame[name] for name in _FIELDS}
        columns["title"] = frame["title"].str.to_lowercase().str.strip_chars()
        day = frame["opened_at"].dt.date().cast(pl.String).fill_null("")
        columns["day of filing"] = day
        codes = {name: field_codes(values) for name, values in columns.items()}
        kept = {name: code for name, code in codes.items() if len(np.unique(code[code >= 0])) > 1}
        hours = frame["opened_at"].dt.timestamp("us").to_numpy() / 3.6e9
        stacked = np.stack(list(kept.values())) if kept else np.zeros((0, len(tickets)), dtype=np.int64)
        return cls(list(kept), stacked, hours.astype(np.float64))

    def features(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return for each pair whether each column agrees, and the hours between; shape (n_pairs, n)."""
        mine, theirs = self.codes[:, left], self.codes[:, right]
        same = ((mine == theirs) & (mine >= 0)).T.astype(np.float64)
        apart = np.nan_to_num(np.abs(self.hours[left] - self.hours[right]), nan=_FAR_HOURS)
        features: FloatArray = np.column_stack([same, apart]).astype(np.float32)
        return features

    def beside(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return pairs of `rows` with their neighbours in filing order, overall and of each value."""
        left, right = [], []
        for code in [np.zeros(len(self.hours), dtype=np.int64), *self.codes]:
            order = np.lexsort((np.nan_to_num(self.hours, nan=0.0), code))
            place = np.empty(len(order), dtype=np.int64)
            place[order] = np.arange(len(order))
            for step in (*range(-_BESIDE, 0), *range(1, _BESIDE + 1)):
                there = place[rows] + step
                inside = (there >= 0) & (there < len(order))
                own, other = rows[inside], order[there[inside]]
                alike = (code[own] == code[other]) & (code[own] >= 0)
                left.append(own[alike])
                right.append(other[alike])
        return np.concatenate(left), np.concatenate(right)


def links_of_a_rule(tickets: Tickets, left: IntArray, right: IntArray, groups: IntArray, seed: int) -> Check:
    """Find a rule of at most three conditions that tells linked pairs from all others.

    `left`, `right` are the rows of each link, `groups` the kin group of every ticket. The strangers are those
    that a rule would confuse with kin: filed beside a ticket, of the same values, or of the same title. It is
    found on half of the kin groups and judged on the others.
    """
    draw = np.random.default_rng(seed)
    if len(left) > _MOST_LINKS:
        kept = draw.choice(len(left), _MOST_LINKS, replace=False)
        left, right = left[kept], right[kept]
    if len(left) < _FEWEST_LINKS:
        return skipped(_CODE, f"too few links to tell ({len(left)})")
    columns = _Columns.of(tickets)
    asked = np.unique(left)
    near_left, near_right = columns.beside(asked)
    far_left = np.repeat(asked, _AT_RANDOM)
    far_right = draw.integers(0, len(tickets), len(far_left))
    others_left, others_right = np.r_[near_left, far_left], np.r_[near_right, far_right]
    strangers = groups[others_left] != groups[others_right]
    others_left, others_right = others_left[strangers], others_right[strangers]
    features = columns.features(np.r_[left, others_left], np.r_[right, others_right])
    labels = np.r_[np.ones(len(left), dtype=np.int64), np.zeros(len(others_left), dtype=np.int64)]
    owner = groups[np.r_[left, others_left]]
    known = np.unique(owner)
    learned = np.isin(owner, known[draw.permutation(len(known)) < len(known) / 2])
    rule = _fitted(features[learned], labels[learned])
    if rule is None or labels[~learned].sum() == 0:
        return skipped(_CODE, "too few links to tell")
    called = rule.predict(features[~learned]) == 1
    precision, recall = _agreement(called, labels[~learned] == 1)
    evidence = (
        f"the best of at most {_DEPTH} conditions on fields, times and titles finds {percent(recall)} of "
        f"{number_of(int(labels[~learned].sum()), 'link')}, and {percent(precision)} of what it finds is "
        "linked"
    )
    if precision >= _REPRODUCED and recall >= _REPRODUCED:
        return failed(
            _CODE,
            f"a rule reproduces the links: {_words(rule, columns.names)}. Such links say what the rule says, "
            f"not what is kin: {evidence}",
            "take links that people made, and leave out those that a rule or an automation set",
        )
    return passed(_CODE, f"no simple rule reproduces the links: {evidence}")


def _fitted(features: FloatArray, labels: IntArray) -> "DecisionTreeClassifier | None":
    from sklearn.tree import DecisionTreeClassifier

    if len(np.unique(labels)) < 2:
        return None
    return DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=5, random_state=0).fit(features, labels)


def _agreement(called: BoolArray, linked: BoolArray) -> tuple[float, float]:
    both = float((called & linked).sum())
    return both / max(1, int(called.sum())), both / max(1, int(linked.sum()))


def _words(rule: "DecisionTreeClassifier", names: Sequence[str]) -> str:
    """Return the conditions on the way to the leaf that holds most links."""
    tree = rule.tree_
    best: tuple[float, list[str]] = (0.0, [])
    stack: list[tuple[int, list[str]]] = [(0, [])]
    while stack:
        node, conditions = stack.pop()
        if tree.children_left[node] < 0:
            share = float(tree.value[node][0][1])
            n_links = share * float(tree.n_node_samples[node])
            if share > 1 / 2 and n_links > best[0]:
                best = n_links, conditions
            continue
        at, threshold = int(tree.feature[node]), float(tree.threshold[node])
        if at < len(names):
            low, high = f"another {names[at]}", f"the same {names[at]}"
        else:
            low, high = (
                f"filed at most {threshold:.1f} hours apart",
                f"filed over {threshold:.1f} hours apart",
            )
        stack += [
            (int(tree.children_left[node]), [*conditions, low]),
            (int(tree.children_right[node]), [*conditions, high]),
        ]
    return " and ".join(best[1]) or "all pairs"
