"""The checks of a run's links and texts that ask who made them, how, and when."""

import numpy as np
import polars as pl

from ticketkin.core.checks import Check
from ticketkin.core.tables import IntArray, Kind, SplitName
from ticketkin.evaluation.diagnostics.breadth import (
    absent_ends,
    kinds_across_splits,
    large_groups,
    only_linked,
)
from ticketkin.evaluation.diagnostics.copies import SplitTexts, copied_test, equal_positives
from ticketkin.evaluation.diagnostics.hindsight import LinkedTexts, hindsight_checks
from ticketkin.evaluation.diagnostics.link_quality import JudgedLinks, link_quality_checks
from ticketkin.evaluation.diagnostics.made_labels import LinkRanks, links_of_a_search, single_ranker
from ticketkin.evaluation.diagnostics.rules import links_of_a_rule
from ticketkin.evaluation.diagnostics.texts import copied_texts, cut_texts, other_words, thin_texts
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.run_data import RunData

_SEARCHES = ("lexical", "base")


def link_checks(data: RunData, judged: Judged) -> list[Check]:
    """Return the checks of the links; none of guessed ones, which prove nothing anyway."""
    if data.links.labels_from == "silver":
        return []
    left, right = duplicate_rows(data)
    seed, n_tickets = data.job.settings.seed, len(data.tickets)
    unlearned = [name for name in judged.retrieval if not _learns(name)]
    ranks = {name: LinkRanks.of(judged.rankers[name], left, right, n_tickets, seed) for name in _SEARCHES}
    judged_links = JudgedLinks(
        left,
        right,
        data.tickets.frame["source_row"].to_numpy(),
        {name: judged.rankers[name].pair_similarities for name in _SEARCHES},
        seed,
    )
    groups, counts = data.groups, data.values.read(artifact.LINK_SUMMARY)
    checks = [
        single_ranker(judged.retrieval, unlearned),
        links_of_a_search(ranks),
        links_of_a_rule(data.tickets, left, right, groups.group, seed),
        *hindsight_checks(LinkedTexts(data.tickets, data.texts, left, right, groups.group)),
        *link_quality_checks(judged_links),
        large_groups(groups.group, data.embeddings(artifact.BASE_EMBEDDINGS), data.tickets.ids, seed),
        absent_ends(counts.n_read, counts.n_absent),
        _kinds_across_splits(data),
    ]
    # Files of pairs bring their strangers with them.
    return checks if data.job.pairs_file is not None else [*checks, only_linked(groups.has_kin)]


def _kinds_across_splits(data: RunData) -> Check:
    split_of = dict(data.splits.frame.select("ticket_id", "split").iter_rows())
    typed = data.links.frame.filter(pl.col("kind") != Kind.DUPLICATE.value)
    ends = typed.select("source", "target").iter_rows()
    return kinds_across_splits(
        [(split_of[one], split_of[other]) for one, other in ends], by_folds=data.is_judged_in_folds
    )


def text_checks(data: RunData) -> list[Check]:
    """Return the checks of the texts themselves: copies, cut, thin, or of other words in the holdout."""
    rows = {split.value: data.splits.rows(data.tickets, split) for split in SplitName}
    return [
        copied_texts(data.tickets, data.texts),
        cut_texts(data.tickets),
        thin_texts(data.texts),
        other_words(data.texts, rows),
    ]


def copy_checks(data: RunData) -> list[Check]:
    """Return the checks for copies that ids hide: the test in training, and positives that say the same."""
    frame = data.pairs.frame
    left, right = data.pairs.rows(data.tickets)
    kin = (frame["label"] == 1).to_numpy()
    split = SplitTexts(
        texts=data.texts,
        embeddings=data.embeddings(artifact.BASE_EMBEDDINGS),
        groups=data.groups.group,
        train=data.splits.rows(data.tickets, SplitName.TRAIN),
        test=data.splits.rows(data.tickets, SplitName.HOLDOUT),
        kin=(left[kin], right[kin]),
    )
    return [copied_test(split, data.job.settings.seed), equal_positives(_texts_of_positives(data))]


def _texts_of_positives(data: RunData) -> list[tuple[str, str]]:
    """Return both texts of the kin to train on; of files as given, as equal texts are left out later."""
    if data.job.pairs_file is None:
        kin = pl.col("label") == 1, pl.col("split") == SplitName.TRAIN.value
        frame = data.pairs.frame.filter(*kin)
    else:
        frame = data.given_pairs.filter(pl.col("label") == 1, ~pl.col("is_test"))
    at = data.tickets.position
    ends = frame.select("left", "right").iter_rows()
    return [(data.texts[at[one]], data.texts[at[other]]) for one, other in ends]


def duplicate_rows(data: RunData) -> tuple[IntArray, IntArray]:
    """Return the ticket rows of both ends of each duplicate link, source and target."""
    links = data.links.frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
    position = data.tickets.position
    source, target = (
        np.array([position[one] for one in links[end]], dtype=np.int64) for end in ("source", "target")
    )
    return source, target


def _learns(name: str) -> bool:
    return CANDIDATES[name].is_trained or CANDIDATES[name].is_learned
