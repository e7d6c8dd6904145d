"""A review that is simulated: what so many answers tell of precision, and what they teach.

    python benchmarks/review.py          # Hadoop, Eclipse and the built-in sample, minutes on two cores
    python benchmarks/review.py --only Eclipse

Each ticket states its best earlier candidate where words and meaning together are above a threshold; links
answer whether it is one. Half of the kin groups and tickets are reviewed, the other half tells what a ranking
that is fitted on the answers reaches. Three ways to choose what is asked, by the same number of answers:

- review: eight of ten next to the threshold and two at random by band, as the service asks where nobody has
  linked anything yet. The random ones alone estimate precision (`evaluation/stratified.py`);
- random: all at random among what is stated;
- uncertainty: all next to the threshold, and the share of right ones taken as the precision.

A second table is of refits as a service makes them (`ranking/refit.py`): a third of the kin groups makes the
bundle's weights, a third is reviewed, and on the last third stands what the bundle reaches without refits,
with one whatever it shows, with one where it is no worse on the random answers, and without the run's pairs.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from base_rate import rankers_of
from real_data import DATA
from ticketkin.core.tables import BoolArray, IntArray, Links, Tickets
from ticketkin.evaluation.stratified import SampledStratum, stratified_share
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.refit import PairRows, fit_refit, refit
from ticketkin.ranking.review_pool import pool_pairs
from ticketkin.ranking.shrinkage import DEFAULT
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import LinkSettings, TicketSettings

Floats = npt.NDArray[np.float64]
WAYS = ("review", "random", "uncertainty")
STATED, SAID = 0.08, 0.02
"""Shares of the tickets of which something is stated, and of those of which it is said outright."""
RANDOM_SHARE = 0.2


@dataclass(frozen=True)
class Pool:
    """The best candidate of each ticket; all arrays have as many rows."""

    features: Floats
    score: Floats
    """Of words and meaning together."""
    is_right: BoolArray
    unit: IntArray
    """Kin group of the ticket that asks."""

    def take(self, rows: BoolArray) -> "Pool":
        """Return some of the pairs."""
        return Pool(self.features[rows], self.score[rows], self.is_right[rows], self.unit[rows])

    @property
    def band(self) -> IntArray:
        """2 where a pair is said, 1 where it is suggested, 0 where it is not stated."""
        suggest, say = np.quantile(self.score, [1 - STATED, 1 - SAID])
        band: IntArray = (self.score >= suggest).astype(np.int64) + (self.score >= say)
        return band


@dataclass(frozen=True)
class Outcome:
    """What one simulated review came to."""

    bias: float
    """Estimated precision less the true one."""
    width: float
    """From its low to its high end."""
    covers: bool
    before: float
    """Precision on the other half by the sum of words and meaning, untrained."""
    after: float
    """The same, of as many statements, by weights that were fitted on the answers."""


def pool_of(tickets: Tickets, groups: IntArray) -> Pool:
    """Return what would be asked about."""
    rankers = rankers_of(tickets)
    pairs = pool_pairs(
        rankers, np.arange(len(tickets)), np.ones(len(tickets), dtype=bool), tickets.visibility
    )
    values = [pairs.similarities[name].astype(np.float64) for name in rankers]
    standard = np.column_stack([(one - one.mean()) / one.std() for one in values])
    first = np.column_stack([pairs.places[name] == 1 for name in rankers])
    score = standard.sum(axis=1)
    order = np.lexsort((-score, pairs.source))
    best = np.zeros(len(pairs), dtype=bool)
    best[order[np.r_[True, np.diff(pairs.source[order]) != 0]]] = True
    is_right = groups[pairs.source] == groups[pairs.target]
    return Pool(np.hstack([standard, first]), score, is_right, groups[pairs.source]).take(best)


def asked(way: str, pool: Pool, n: int, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the rows that are asked about, and those of them that are the random share."""
    stated = generator.permutation(np.flatnonzero(pool.band > 0))
    if way == "random":
        return stated[:n], stated[:n]
    threshold = pool.score[pool.band > 0].min()
    jitter = generator.uniform(0, 1e-9, len(pool.score))
    border = np.argsort(np.abs(pool.score - threshold) + jitter)
    if way == "uncertainty":
        return border[:n], np.zeros(0, dtype=np.int64)
    drawn = by_band(pool, stated, round(n * RANDOM_SHARE))
    return np.r_[drawn, border[~np.isin(border, drawn)][: n - len(drawn)]], drawn


def by_band(pool: Pool, stated: IntArray, n: int) -> IntArray:
    """Return `n` of the shuffled rows `stated`, from each band in proportion to its pairs."""
    of_band = [stated[pool.band[stated] == band] for band in (1, 2)]
    taken = [0, 0]
    for _ in range(min(n, len(stated))):
        most = max((0, 1), key=lambda one: len(of_band[one]) / (taken[one] + 1))
        taken[most] += taken[most] < len(of_band[most])
    return np.concatenate([rows[:count] for rows, count in zip(of_band, taken, strict=True)])


def strata_of(pool: Pool, answered: IntArray, bands: Sequence[Sequence[int]]) -> list[SampledStratum]:
    """Return the answers as samples of each of `bands`."""
    strata = []
    for some in bands:
        rows = answered[np.isin(pool.band[answered], some)]
        size = int(np.isin(pool.band, some).sum())
        strata.append(SampledStratum(size, len(rows), int(pool.is_right[rows].sum())))
    return strata


def precision(others: Pool, score: Floats) -> float:
    """Return the precision of the best by `score`, as many as are stated."""
    n_stated = int((others.band > 0).sum())
    return float(others.is_right[np.argsort(-score, kind="stable")[:n_stated]].mean())


def refitted(pool: Pool, answered: IntArray, others: Pool) -> Floats:
    """Return scores of `others` by weights fitted on the answers, pulled towards the sum.

    As in a run, what nobody called kin counts as none: weights that see the asked ones alone, all of them
    near the top, rank what is far from it by chance.
    """
    labels = np.zeros(len(pool.score), dtype=np.int64)
    labels[answered] = pool.is_right[answered]
    features = pool.features.astype(np.float32)
    fitted = LogisticModel.fit_towards(features, labels, np.array([0, 1]), DEFAULT.strength)
    return fitted.logits(others.features.astype(np.float32))


def simulated(way: str, pool: Pool, n: int, seed: int) -> Outcome:
    """Review half of the kin groups with `n` answers."""
    generator = np.random.default_rng(seed)
    _, unit = np.unique(pool.unit, return_inverse=True)
    is_reviewed = (generator.permutation(int(unit.max()) + 1) % 2 == 0)[unit]
    mine, others = pool.take(is_reviewed), pool.take(~is_reviewed)
    answered, drawn = asked(way, mine, n, generator)
    truth = float(mine.is_right[mine.band > 0].mean())
    if way == "uncertainty":  # what is asked is taken for a sample of what is stated
        n_right = int(mine.is_right[answered].sum())
        strata = [SampledStratum(max(n, int((mine.band > 0).sum())), len(answered), n_right)]
    else:
        strata = strata_of(mine, drawn, [(1,), (2,)] if way == "review" else [(1, 2)])
    known = stratified_share(strata)
    assert known.value is not None
    assert known.low is not None
    assert known.high is not None
    covers = known.low - 1e-9 <= truth <= known.high + 1e-9
    return Outcome(
        known.value - truth,
        known.high - known.low,
        covers,
        precision(others, others.score),
        precision(others, refitted(mine, answered, others)),
    )


@dataclass(frozen=True)
class RefitOutcome:
    """What one simulated review came to where the ranking is fitted anew from it: of each way a number."""

    precision: dict[str, float]
    loss: dict[str, float]
    """Mean logarithmic loss of the probability of kinship."""
    is_taken_over: bool


REFITS = ("none", "always", "if no worse", "without the run")


def rows_of(pool: Pool, bundle: LogisticModel) -> PairRows:
    """Return the pairs as a service keeps them: features, and last the log-odds of the bundle's weights."""
    features = pool.features.astype(np.float32)
    rows = np.column_stack([features, bundle.logits(features)]).astype(np.float32)
    return PairRows(rows, pool.is_right.astype(np.int64), pool.unit)


def log_loss(logits: Floats, labels: IntArray) -> float:
    """Return the mean logarithmic loss."""
    return float(np.logaddexp(0, np.where(labels == 1, -logits, logits)).mean())


def simulated_refit(pool: Pool, n: int, seed: int) -> RefitOutcome:
    """Review a third of the kin groups with `n` answers after another third made the bundle's weights."""
    generator = np.random.default_rng(seed)
    _, unit = np.unique(pool.unit, return_inverse=True)
    third = (generator.permutation(int(unit.max()) + 1) % 3)[unit]
    run, reviewed, others = (pool.take(third == number) for number in range(3))
    features, labels = run.features.astype(np.float32), run.is_right.astype(np.int64)
    bundle = LogisticModel.fit_towards(features, labels, np.array([0, 1]), DEFAULT.strength)
    of_run, mine, asked_of = rows_of(run, bundle), rows_of(reviewed, bundle), rows_of(others, bundle)
    scored = replace(reviewed, score=mine.rows[:, -1].astype(np.float64))
    answered, drawn = asked("review", scored, n, generator)
    chosen = PairRows(mine.rows[answered], mine.labels[answered], mine.unit[answered])
    done = refit(of_run, chosen, np.isin(answered, drawn))
    nothing = PairRows(chosen.rows[:0], chosen.labels[:0], chosen.unit[:0])
    before, after = asked_of.rows[:, -1].astype(np.float64), done.model.logits(asked_of.rows)
    logits = {
        "none": before,
        "always": after,
        "if no worse": after if done.is_no_worse else before,
        "without the run": fit_refit(nothing, chosen).logits(asked_of.rows),
    }
    return RefitOutcome(
        {name: precision(others, one) for name, one in logits.items()},
        {name: log_loss(one, asked_of.labels) for name, one in logits.items()},
        done.is_no_worse,
    )


def refit_table(pools: dict[str, Pool], answers: Sequence[int], repeats: int) -> Table:
    """Return what refits reach beside none, with how often one took over."""
    table = Table("data", "answers", "refit", "precision", "log loss", "taken over", box=None)
    for name, pool in pools.items():
        for n in answers:
            outcomes = [simulated_refit(pool, n, seed) for seed in range(repeats)]
            taken = np.mean([one.is_taken_over for one in outcomes])
            for way in REFITS:
                gains = np.array([one.loss[way] - one.loss["none"] for one in outcomes])
                low, high = np.percentile(gains, [2.5, 97.5])
                table.add_row(
                    name,
                    str(n),
                    way,
                    f"{np.mean([one.precision[way] for one in outcomes]):.3f}",
                    f"{np.mean([one.loss[way] for one in outcomes]):.4f} ({low:+.4f} to {high:+.4f})",
                    f"{taken:.0%}" if way == "if no worse" else "",
                )
    return table


def sample_tickets(n: int) -> Tickets:
    """Return tickets of the built-in sample."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "incidents.csv"
        write_sample(path, n, 3)
        return import_tickets([path], TicketSettings()).tickets


def linked(name: str, data: Path, n_sample: int) -> tuple[Tickets, Links]:
    """Return the tickets of a tracker, or of the built-in sample, with their links."""
    if name == "sample":
        tickets = sample_tickets(n_sample)
        return tickets, links_from_tickets(tickets).links
    folder = data / name.lower()
    tickets = import_tickets([folder / "reports.csv"], TicketSettings()).tickets
    return tickets, links_from_file(folder / "pairs.csv", tickets, LinkSettings()).links


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real trackers")
    parser.add_argument("--only", choices=("Hadoop", "Eclipse", "sample"))
    parser.add_argument("--sample", type=int, default=1_000, help="tickets of the built-in sample")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--answers", type=int, nargs="+", default=[20, 50, 100])
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    names = (arguments.only,) if arguments.only else ("Hadoop", "Eclipse", "sample")
    table = Table("data", "answers", "way", "bias", "width", "covered", "precision", box=None)
    pools = {}
    for name in names:
        tickets, links = linked(name, arguments.data, arguments.sample)
        pool = pools[name] = pool_of(tickets, kin_groups(tickets, links).group)
        for n in arguments.answers:
            for way in WAYS:
                outcomes = [simulated(way, pool, n, seed) for seed in range(arguments.repeats)]
                table.add_row(
                    f"{name} ({len(tickets):,} tickets, {(pool.band > 0).sum()} stated)",
                    str(n),
                    way,
                    f"{np.mean([one.bias for one in outcomes]):+.3f}",
                    f"{np.mean([one.width for one in outcomes]):.3f}",
                    f"{np.mean([one.covers for one in outcomes]):.0%}",
                    f"{np.mean([one.before for one in outcomes]):.3f} → "
                    f"{np.mean([one.after for one in outcomes]):.3f}",
                )
    console = Console(width=140)
    console.print(table)
    console.print(refit_table(pools, arguments.answers, arguments.repeats))


if __name__ == "__main__":
    main()
