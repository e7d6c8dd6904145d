"""Lexical ranking on real data: ours beside scikit-learn's TF-IDF cosine, paired, with intervals.

    python benchmarks/lexical.py

Every ticket with kin queries all tickets opened before it (all others where the file has no times).
Nothing is fitted, so no ticket is held out.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Resamples, mean_interval
from ticketkin.evaluation.gains import paired_gain
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval, queries_with_kin
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.ranking.corpus_state import FIELD_WEIGHTS
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.settings import LinkSettings, TicketSettings

# Folder -> file of links, its columns where they are not recognised.
LINK_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "eclipse": ("pairs.csv", ()),
    "hadoop": ("pairs.csv", ()),
    "duraspace": ("links.csv", ("source", "target", "link_type")),
}
N_BOOTSTRAP = 1_000


class TfidfRanker:
    """scikit-learn's TF-IDF cosine over the title, counted `title_times`, and the description."""

    name = "tfidf"

    def __init__(self, titles: list[str], descriptions: list[str], title_times: int) -> None:
        texts = ["\n".join([*[t] * title_times, d]) for t, d in zip(titles, descriptions, strict=True)]
        self._matrix = tfidf_matrix(texts)

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return cosines, shape (len(queries), n_tickets)."""
        phrase: FloatArray = (self._matrix[queries] @ self._matrix.T).toarray()
        return phrase

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the cosine of each pair."""
        similarities: FloatArray = np.asarray(
            self._matrix[left].multiply(self._matrix[right]).sum(axis=1)
        ).ravel()
        return similarities


def measure(folder: Path, links_file: str, columns: tuple[str, ...]) -> dict[str, RetrievalScores]:
    """Return the ranks by both rankings of every ticket that has kin."""
    tickets = import_tickets([folder / "reports.csv"], TicketSettings()).tickets
    links = links_from_file(folder / links_file, tickets, LinkSettings(columns=columns)).links
    groups = kin_groups(tickets, links).group
    queries = queries_with_kin(np.arange(len(tickets)), groups, tickets.visibility)
    titles, descriptions = (tickets.frame[name].to_list() for name in ("title", "description"))
    rankers: dict[str, Ranker] = {
        "TF-IDF, title x 2": TfidfRanker(titles, descriptions, 2),
        "TF-IDF, title x 3": TfidfRanker(titles, descriptions, 3),
        "ours": LexicalRanker.build({"title": titles, "description": descriptions}, FIELD_WEIGHTS),
    }
    return {
        name: evaluate_retrieval(ranker, queries, groups, tickets.visibility)
        for name, ranker in rankers.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    table = Table("data", "queries", "ranking", "R@10", "MRR", "gain over TF-IDF, title x 2", box=None)
    for name, (links_file, columns) in LINK_FILES.items():
        scores = measure(arguments.data / name, links_file, columns)
        first = next(iter(scores))
        for ranking, own in scores.items():
            resamples = Resamples.draw(own.clusters, N_BOOTSTRAP, 0)
            recall, mrr = (mean_interval(own.per_query(m), resamples) for m in ("recall_at_10", "mrr"))
            gain = paired_gain(scores, ranking, first, "mrr", N_BOOTSTRAP, 0).gain
            table.add_row(
                name,
                str(len(own.queries)),
                ranking,
                f"{recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}]",
                f"{mrr.value:.3f} [{mrr.low:.3f}, {mrr.high:.3f}]",
                "" if ranking == first else f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
