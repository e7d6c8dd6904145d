"""The stage that writes which pairs a person should judge first."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.errors import InputError, MappingError, MissingInputError, UnreadableFileError
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import BoolArray, IntArray, Links, Origin
from ticketkin.core.wording import number_of
from ticketkin.ranking.review_choice import ChosenPair, Known, Served, choose_pairs
from ticketkin.ranking.review_pool import ReviewPool, pool_pairs
from ticketkin.runs.stages import StageRun
from ticketkin.tickets.kin import kin_groups, link_components
from ticketkin.tickets.reading import read_table
from ticketkin.tickets.reviewed import read_reviewed
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import saved_ranker
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData

_UNLEARNED = ("lexical", "base", "hybrid")
_ASKING_A_PAIR, _FEWEST_ASKING = 20, 500
"""How many tickets are asked for their nearest: so many for each pair to be judged, and at least so many.
From more tickets they are drawn, those without links first.
"""
_LONGEST_DESCRIPTION = 400


def run_to_review(run: StageRun[Job]) -> None:
    """Write to_review.csv, the pairs to be judged first, with an empty column for the kind.

    A file in which a person has given answers that this run was not told is left as it is.
    """
    data = RunData(run.values, run.job)
    path = run.place(artifact.TO_REVIEW)
    answers = _answers_not_given(path, data) if path.exists() else ""
    if answers:
        run.progress.say(f"  {path} {answers}, so it was left as it is; give it with --reviewed")
        run.put(artifact.TO_REVIEW_SUMMARY, artifact.ToReviewSummary(read_table(path).frame.height, {}))
        return
    rankers, served = _rankers(data)
    pool = pool_pairs(rankers, _asking(data), _has_text(data), data.visibility, run.progress)
    chosen = choose_pairs(pool, _known(data), served, run.job.settings.review.pairs, run.job.settings.seed)
    run.put(artifact.TO_REVIEW, _table(data, pool, served, chosen))
    why = Counter(pair.why for pair in chosen)
    run.put(artifact.TO_REVIEW_SUMMARY, artifact.ToReviewSummary(len(chosen), dict(why)))
    run.progress.say(f"  {number_of(len(chosen), 'pair')} to judge")
    for reason, count in why.items():
        run.progress.say(f"    {count:,}: {reason}")


def _answers_not_given(path: Path, data: RunData) -> str:
    """Return which answers of a file would be lost if it were replaced, "" where none would."""
    try:
        before = read_reviewed(path, data.tickets)
    except (UnreadableFileError, MappingError):  # no file of pairs any more: it is moved to kept/
        return ""
    except InputError as error:
        return f"holds answers that can't be read ({error})"
    new = before.answers.join(data.review.answers, on=["source", "target"], how="anti")
    return f"holds {number_of(new.height, 'answer')} that this run was not given" if new.height else ""


def _rankers(data: RunData) -> tuple[dict[str, Ranker], Served]:
    """Return the rankings that are pooled, and the one in use; a learned one only where people linked."""
    report = data.values.read(artifact.VERDICT_JSON)
    verdict = report.verdict
    choice = report.candidates[verdict.champion].threshold_choice
    threshold = 0.5 if choice is None else choice.threshold
    rankers = {name: saved_ranker(data, name) for name in dict.fromkeys((*_UNLEARNED, verdict.champion))}
    learned = None if verdict.champion in _UNLEARNED else verdict.champion
    if learned is None and data.links.labels_from != "silver" and "fusion" in data.job.settings.candidates:
        try:
            rankers["fusion"], learned = saved_ranker(data, "fusion"), "fusion"
        except MissingInputError:  # too few links judged, so none was kept
            learned = None
    return rankers, Served(verdict.champion, threshold, learned)


def _people_links(data: RunData) -> Links:
    """Return the links that people made; silver ones hide no pair from a person."""
    guessed = [origin.value for origin in Origin if origin.labels_from == "silver"]
    return Links(data.links.frame.filter(~pl.col("origin").is_in(guessed)))


def _is_linked(data: RunData) -> BoolArray:
    links = _people_links(data).frame
    linked: BoolArray = data.tickets.frame["ticket_id"].is_in([*links["source"], *links["target"]]).to_numpy()
    return linked


def _has_text(data: RunData) -> BoolArray:
    return np.array([bool(text.strip()) for text in data.texts], dtype=np.bool_)


def _asking(data: RunData) -> IntArray:
    """Return the tickets whose nearest are looked at, ascending."""
    drawn = np.random.default_rng(data.job.settings.seed).permutation(len(data.tickets))
    without_links_first = drawn[np.argsort(_is_linked(data)[drawn], kind="stable")]
    n_asking = max(_FEWEST_ASKING, _ASKING_A_PAIR * data.job.settings.review.pairs)
    return np.sort(without_links_first[:n_asking])


def _known(data: RunData) -> Known:
    at, links = data.tickets.position, _people_links(data)
    judged = {frozenset((at[source], at[target])) for source, target in data.review.pairs}
    return Known(
        unit=data.units_of(kin_groups(data.tickets, links).group),
        component=link_components(data.tickets, links),
        is_linked=_is_linked(data),
        judged=frozenset(judged),
    )


def _table(data: RunData, pool: ReviewPool, served: Served, chosen: Sequence[ChosenPair]) -> pl.DataFrame:
    """Return the pairs as a person reads them; what is filled in stands beside the titles."""
    places = np.array([pair.place for pair in chosen], dtype=np.int64)
    frame = data.tickets.frame
    source, target = frame[pool.source[places]], frame[pool.target[places]]
    return pl.DataFrame({
        "rank": np.arange(1, len(chosen) + 1),
        "source": source["ticket_id"],
        "target": target["ticket_id"],
        "source_title": source["title"],
        "target_title": target["title"],
        "kind": pl.Series([""] * len(chosen), dtype=pl.String),
        "why": pl.Series([_why(pool, pair) for pair in chosen], dtype=pl.String),
        "score": pool.similarities[served.name][places].astype(np.float64).round(3),
        "source_number": source["number"],
        "target_number": target["number"],
        "source_description": _short(source["description"]),
        "target_description": _short(target["description"]),
    })  # fmt: skip


def _why(pool: ReviewPool, pair: ChosenPair) -> str:
    """Return why a pair was chosen, with the places that words and meaning give to it where they differ."""
    words, meaning = (int(pool.places[name][pair.place]) for name in ("lexical", "base"))
    if words == meaning == 1:
        return pair.why
    return f"{pair.why} (place {words:,} by words, {meaning:,} by meaning)"


def _short(texts: pl.Series) -> list[str]:
    """Return the beginning of texts, each in one line."""
    lines = [" ".join(text.split()) for text in texts]
    return [
        line if len(line) <= _LONGEST_DESCRIPTION else f"{line[:_LONGEST_DESCRIPTION]}…" for line in lines
    ]
