"""A desk of synthetic tickets and links to plant faults of data on, and what every run asks of them.

No encoder is needed: meaning is latent semantic analysis of the words.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.decomposition import TruncatedSVD

from ticketkin.core.checks import Check
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Kind, SplitName, Tickets
from ticketkin.encoders.dense import DenseRanker, unit_length
from ticketkin.evaluation.diagnostics.breadth import (
    absent_ends,
    kinds_across_splits,
    large_groups,
    only_linked,
)
from ticketkin.evaluation.diagnostics.copies import SplitTexts, copied_test
from ticketkin.evaluation.diagnostics.hindsight import LinkedTexts, hindsight_checks
from ticketkin.evaluation.diagnostics.link_quality import JudgedLinks, link_quality_checks
from ticketkin.evaluation.diagnostics.made_labels import LinkRanks, links_of_a_search
from ticketkin.evaluation.diagnostics.rules import links_of_a_rule
from ticketkin.evaluation.diagnostics.texts import copied_texts, cut_texts, other_words, thin_texts
from ticketkin.evaluation.diagnostics.times import opening_times
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.ranking.corpus_state import FIELD_WEIGHTS
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.folds import independent_units
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings

N_TICKETS = 900
_DIMENSIONS = 64
_TEST_SHARE = 0.25


@dataclass(frozen=True)
class Desk:
    """Tickets and the links between them, by rows."""

    tickets: Tickets
    left: IntArray
    right: IntArray
    """Duplicates: child and master."""
    typed: IntArray
    """Related and causal links, shape (n_links, 2)."""
    n_absent: int = 0
    """Links that name a ticket which is not here."""
    test_ids: frozenset[str] = frozenset()
    """Tickets that judge; none: a quarter of the kin groups, drawn at random."""

    @classmethod
    def of_sample(cls, folder: Path, seed: int) -> "Desk":
        """Return the built-in sample as it is."""
        path = folder / f"desk-{seed}.csv"
        write_sample(path, N_TICKETS, seed)
        tickets = import_tickets([path], TicketSettings()).tickets
        links, at = links_from_tickets(tickets).links.frame, tickets.position
        rows = np.array([[at[one], at[other]] for one, other in links.select("source", "target").iter_rows()])
        is_duplicate = (links["kind"] == Kind.DUPLICATE.value).to_numpy()
        left, right = rows[is_duplicate].T
        return cls(tickets, left, right, rows[~is_duplicate])

    @cached_property
    def groups(self) -> IntArray:
        """Kin group of each ticket."""
        labels = np.arange(len(self.tickets))
        pairs = np.stack([self.left, self.right], axis=1)
        for _ in range(len(pairs)):
            lower = labels[pairs].min(axis=1)
            before = labels.copy()
            np.minimum.at(labels, pairs[:, 0], lower)
            np.minimum.at(labels, pairs[:, 1], lower)
            if np.array_equal(before, labels):
                break
        return independent_units([labels])

    @cached_property
    def is_test(self) -> BoolArray:
        """Which tickets judge, whole kin groups at a time."""
        if self.test_ids:
            return np.array([one in self.test_ids for one in self.tickets.ids])
        drawn: BoolArray = np.random.default_rng(0).random(len(self.groups))[self.groups] < _TEST_SHARE
        return drawn

    @cached_property
    def texts(self) -> list[str]:
        """Text of each ticket."""
        return compose_texts(self.tickets, TicketSettings().template)

    @cached_property
    def rankers(self) -> dict[str, LexicalRanker | DenseRanker]:
        """Words and meaning."""
        fields = {name: self.tickets.frame[name].to_list() for name in FIELD_WEIGHTS}
        return {
            "lexical": LexicalRanker.build(fields, FIELD_WEIGHTS),
            "base": DenseRanker("base", self.embeddings),
        }

    @cached_property
    def embeddings(self) -> FloatArray:
        """Meaning of each text, unit length."""
        words = tfidf_matrix(self.texts)
        reduced = TruncatedSVD(min(_DIMENSIONS, words.shape[1] - 1), random_state=0).fit_transform(words)
        return unit_length(reduced.astype(np.float32) + 1e-9)

    def with_column(self, name: str, values: list[str]) -> "Desk":
        """Return the desk with another column."""
        return replace(self, tickets=Tickets(self.tickets.frame.with_columns(pl.Series(name, values))))

    def with_lines(self, lines: dict[int, str]) -> "Desk":
        """Return the desk with a line more in some descriptions."""
        own = self.tickets.frame["description"].to_list()
        return self.with_column(
            "description", [f"{text}\n{lines[row]}" if row in lines else text for row, text in enumerate(own)]
        )

    def opened(self, expression: pl.Expr) -> "Desk":
        """Return the desk with other opening times."""
        return replace(self, tickets=Tickets(self.tickets.frame.with_columns(expression.alias("opened_at"))))

    def take(self, rows: IntArray) -> "Desk":
        """Return the desk with some of its tickets, and the links between them."""
        place = np.full(len(self.tickets), -1)
        place[rows] = np.arange(len(rows))
        kept, typed = (place[self.left] >= 0) & (place[self.right] >= 0), place[self.typed]
        tickets = Tickets(self.tickets.frame[rows.tolist()])
        return Desk(tickets, place[self.left[kept]], place[self.right[kept]], typed[(typed >= 0).all(axis=1)])


def checks_of(desk: Desk) -> list[Check]:
    """Return what every run asks of its tickets and links, but for what needs a verdict."""
    n, groups, seed = len(desk.tickets), desk.groups, 0
    linked = LinkedTexts(desk.tickets, desk.texts, desk.left, desk.right, groups)
    similarities = {name: ranker.pair_similarities for name, ranker in desk.rankers.items()}
    judged = JudgedLinks(
        desk.left, desk.right, desk.tickets.frame["source_row"].to_numpy(), similarities, seed
    )
    ranks = {
        name: LinkRanks.of(ranker, desk.left, desk.right, n, seed) for name, ranker in desk.rankers.items()
    }
    split_of = np.where(desk.is_test, SplitName.HOLDOUT, SplitName.TRAIN)
    third = n // 3
    splits = {"train": (0, third), "evaluation": (third, 2 * third), "holdout": (2 * third, n)}
    return [
        links_of_a_search(ranks),
        links_of_a_rule(desk.tickets, desk.left, desk.right, groups, seed),
        *hindsight_checks(linked),
        *link_quality_checks(judged),
        large_groups(groups, desk.embeddings, desk.tickets.ids, seed),
        only_linked(linked.is_linked),
        absent_ends(len(desk.left) + desk.n_absent, desk.n_absent),
        kinds_across_splits(split_of[desk.typed].tolist()),
        opening_times(desk.tickets),
        copied_test(_split_of(desk), seed),
        copied_texts(desk.tickets, desk.texts),
        cut_texts(desk.tickets),
        thin_texts(desk.texts),
        other_words(desk.texts, {name: np.arange(*ends) for name, ends in splits.items()}),
    ]


def _split_of(desk: Desk) -> SplitTexts:
    train, test = np.flatnonzero(~desk.is_test), np.flatnonzero(desk.is_test)
    return SplitTexts(desk.texts, desk.embeddings, desk.groups, train, test, (desk.left, desk.right))
