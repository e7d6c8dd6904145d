"""Links that a rule made: a shallow tree over fields, filing times and titles reproduces them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Tickets, field_codes
from ticketkin.core.ticket_fields import OPENING_FIELDS, PERSON_FIELDS
from ticketkin.core.wording import number_of, percent, time_span

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
_MINUTES = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90)
_WHOLE_HOURS = (*range(2, 13), 18, 24, 36, 48, 72, 96, 120, 168, 336, 720)
_ROUND_SPANS = np.array([*(minutes / 60 for minutes in _MINUTES), *_WHOLE_HOURS])
"""Hours that a person writes into a rule."""
_SAID_IN_HOURS = 48
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
    linked = np.r_[np.ones(len(left), dtype=np.bool_), np.zeros(len(others_left), dtype=np.bool_)]
    owner = groups[np.r_[left, others_left]]
    known = np.unique(owner)
    learned = np.isin(owner, known[draw.permutation(len(known)) < len(known) / 2])
    if not linked[~learned].any() or len(np.unique(linked[learned])) < 2:
        return skipped(_CODE, "too few links to tell")
    return _verdict(_best_rule(features, linked, learned), columns.names)


@dataclass(frozen=True)
class _Rule:
    """A shallow tree, and how well it tells the links that it was not learned on."""

    tree: "DecisionTreeClassifier"
    is_round: bool
    """Whether hours were rounded up to spans that a person would write."""
    precision: float
    recall: float
    n_links: int


def _best_rule(features: FloatArray, linked: BoolArray, learned: BoolArray) -> _Rule:
    """Return the rule that tells links best, with hours rounded up to round spans or as they are.

    A tree cuts where the last learned link lies, which is short of what the rule allows; a round span is
    exact. A rule over an odd span shows by hours as they are.
    """
    rules = []
    for is_round in (True, False):
        seen = _with_round_spans(features) if is_round else features
        tree = _fitted(seen[learned], linked[learned])
        called, truth = tree.predict(seen[~learned]), linked[~learned]
        rules.append(_Rule(tree, is_round, *_agreement(called, truth), int(truth.sum())))
    return max(rules, key=lambda rule: min(rule.precision, rule.recall))


def _with_round_spans(features: FloatArray) -> FloatArray:
    spans = np.append(_ROUND_SPANS, _FAR_HOURS).astype(np.float32)
    place = np.searchsorted(spans, features[:, -1] * (1 - 1e-6))  # a half hour is half an hour, not more
    rounded: FloatArray = np.column_stack([features[:, :-1], spans[place.clip(max=len(spans) - 1)]])
    return rounded


def _verdict(rule: _Rule, names: Sequence[str]) -> Check:
    evidence = (
        f"the best of at most {_DEPTH} conditions on fields, times and titles finds {percent(rule.recall)} "
        f"of {number_of(rule.n_links, 'link')}, and {percent(rule.precision)} of what it finds is linked"
    )
    if min(rule.precision, rule.recall) >= _REPRODUCED:
        return failed(
            _CODE,
            f"a rule reproduces the links: {_words(rule, names)}. Such links say what the rule says, "
            f"not what is kin: {evidence}",
            "take links that people made, and leave out those that a rule or an automation set",
        )
    return passed(_CODE, f"no simple rule reproduces the links: {evidence}")


def _fitted(features: FloatArray, linked: BoolArray) -> "DecisionTreeClassifier":
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=5, random_state=0).fit(features, linked)


def _agreement(called: BoolArray, linked: BoolArray) -> tuple[float, float]:
    both = float((called & linked).sum())
    return both / max(1, int(called.sum())), both / max(1, int(linked.sum()))


def _words(rule: _Rule, names: Sequence[str]) -> str:
    """Return the conditions on the way to the leaf that holds most links."""
    tree = rule.tree.tree_
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
            span = _span(threshold, rule.is_round)
            low, high = f"filed at most {span} apart", f"filed over {span} apart"
        stack += [
            (int(tree.children_left[node]), [*conditions, low]),
            (int(tree.children_right[node]), [*conditions, high]),
        ]
    return " and ".join(best[1]) or "all pairs"


def _span(hours: float, is_round: bool) -> str:
    """Return a tree's threshold in words; between two round spans it means the shorter."""
    exact = float(_ROUND_SPANS[hours >= _ROUND_SPANS].max(initial=0.0)) if is_round else hours
    return f"{exact:.3g} hours" if 1 < exact <= _SAID_IN_HOURS else time_span(3_600 * exact)
