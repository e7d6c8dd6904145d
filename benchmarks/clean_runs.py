"""Six whole runs without a fault, each of another kind: whatever a check raises there is a false alarm.

The material is the built-in sample, where incidents break at once that text alone tells apart. What is said
rightly, such as that few links prove little, is named with its run.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl

from ticketkin.core.artifacts import read_json
from ticketkin.core.checks import Outcome
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.pairs.settings import PairSettings
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.sample import AT_ONCE, write_sample
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.examination import examine
from ticketkin.workflows.job import run_job
from ticketkin.workflows.settings import Settings

_LINKS = ("parent_incident", "problem_id", "caused_by")
_TIMES = ("opened_at", "resolved_at", "closed_at", "sys_updated_on")
_RAISED = (Outcome.FAILED, Outcome.WARNING)
_MONITORED = ("Disk {n} of the archive is above its limit", "Heartbeat of relay {n} is late")


def settings_of(by: str = "split", pairs: PairSettings | None = None) -> Settings:
    """Return settings of a run that two cores can do in a minute or two."""
    return Settings(
        candidates=("lexical", "base", "head", "fusion"),
        encoder=EncoderSettings(offline=True, device="cpu", max_length_tokens=64),
        evaluation=EvaluationSettings(by=by, n_bootstrap=200, shuffles=5),
        relations=RelationSettings(model="logistic", repeats=1, folds=3),
        pairs=pairs or PairSettings(),
    )


def _sample(folder: Path, n_tickets: int, seed: int) -> tuple[Path, pl.DataFrame, pl.DataFrame]:
    """Return the sample's file, its rows and the truth behind them."""
    path = folder / "incidents.csv"
    write_sample(path, n_tickets, seed, at_once=AT_ONCE, write_truth=True)
    rows, truth = (pl.read_csv(one, infer_schema=False).fill_null("") for one in (path, folder / "truth.csv"))
    return path, rows, truth


def _few_links(folder: Path) -> Job:
    path, rows, truth = _sample(folder, 400, 11)
    events = pl.Series(truth["event"])
    unlinked = events.hash(seed=1) % 3 != 0  # two of three events: nobody linked them
    cleared = [pl.when(unlinked).then(pl.lit("")).otherwise(pl.col(name)).alias(name) for name in _LINKS]
    no_note = pl.when(unlinked).then(pl.lit("Solved (Permanently)")).otherwise(pl.col("close_code"))
    rows.with_columns(*cleared, no_note.alias("close_code")).write_csv(path)
    return Job(sources=(path,), settings=settings_of("folds"))


def _plenty_of_links(folder: Path) -> Job:
    return Job(sources=(_sample(folder, 800, 12)[0],), settings=settings_of())


def _without_times(folder: Path) -> Job:
    path, rows, _ = _sample(folder, 400, 13)
    rows.drop(_TIMES).write_csv(path)
    return Job(sources=(path,), settings=settings_of())


def _with_copies(folder: Path) -> Job:
    """Every eighth ticket is one of two alerts, word for word but for a number, as a monitor writes them."""
    path, rows, truth = _sample(folder, 400, 14)
    alerts = pl.Series(truth["role"]).is_in(["alert", "single"]) & (
        pl.int_range(len(rows), eager=True) % 3 == 0
    )
    texts = [_MONITORED[n % 2].format(n=n % 40) for n in range(len(rows))]
    told = [pl.when(alerts).then(pl.Series(texts)).otherwise(pl.col(name)).alias(name)
            for name in ("short_description", "description")]  # fmt: skip
    rows.with_columns(told).write_csv(path)
    return Job(sources=(path,), settings=settings_of())


def _pairs(rows: pl.DataFrame, truth: pl.DataFrame, random: Random) -> Iterator[tuple[str, str, int]]:
    """Yield texts and label: all pairs of kin, and twice as many strangers, half of them of one service."""
    texts = [
        f"{title}. {text}" for title, text in rows.select("short_description", "description").iter_rows()
    ]
    of_event: dict[str, list[int]] = {}
    of_service: dict[str, list[int]] = {}
    for row, (event, role) in enumerate(truth.select("event", "role").iter_rows()):
        if role in ("report", "single"):
            of_event.setdefault(event, []).append(row)
            of_service.setdefault(rows["business_service"][row], []).append(row)
    event_of = {row: event for event, own in of_event.items() for row in own}
    for own in of_event.values():
        for place, one in enumerate(own):
            for other in own[place + 1 :]:
                yield texts[one], texts[other], 1
                for pool in (list(event_of), of_service[rows["business_service"][one]]):
                    stranger = random.choice(pool)
                    if event_of[stranger] != event_of[one]:
                        yield texts[one], texts[stranger], 0


def _pair_files(folder: Path, labelled: Callable[[int, Random], int]) -> tuple[Path, Path]:
    """Write pairs to train on, and frozen pairs of other events."""
    files = []
    for name, n_tickets, seed in (("train", 300, 15), ("test", 200, 16)):
        (folder / name).mkdir(parents=True)
        random = Random(seed)
        _, rows, truth = _sample(folder / name, n_tickets, seed)
        pairs = [{"text1": one, "text2": other, "label": labelled(label, random)}
                 for one, other, label in _pairs(rows, truth, random)]  # fmt: skip
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(pairs), "utf-8")
    return files[0], files[1]


def _pair_file(folder: Path) -> Job:
    train, test = _pair_files(folder, lambda label, _: label)
    settings = settings_of(pairs=PairSettings(labels_from="person"))
    return Job(sources=(), pairs_file=train, test_pairs_file=test, settings=settings)


def _graded_pairs(folder: Path) -> Job:
    train, test = _pair_files(folder, lambda label, random: random.choice((4, 5) if label else (1, 2, 3)))
    settings = settings_of(pairs=PairSettings(labels_from="person", kin_from=4))
    return Job(sources=(), pairs_file=train, test_pairs_file=test, settings=settings)


@dataclass(frozen=True)
class CleanRun:
    """A run without a fault."""

    name: str
    job: Callable[[Path], Job]
    said_rightly: frozenset[str] = frozenset()
    """Codes of checks that say what is so."""


CLEAN_RUNS = (
    CleanRun("few links", _few_links, frozenset({"small_sample", "class_support"})),
    CleanRun("plenty of links", _plenty_of_links),
    CleanRun("without times", _without_times),
    CleanRun("copies as a desk has them", _with_copies),
    CleanRun("a pair file", _pair_file, frozenset({"small_sample"})),
    CleanRun("graded pairs", _graded_pairs),
)


def false_alarms(folder: Path) -> list[str]:
    """Return what was raised on a finished run: its diagnostics and the doctor's round."""
    raised = [
        f"{check['code']} ({check['outcome']}): {check['evidence']}"
        for check in read_json(folder / "report.json")["diagnostics"]
        if check["outcome"] in _RAISED
    ]
    for subject in examine(folder, EncoderSettings(offline=True)):
        raised += [f"{subject.name}: {c.code} ({c.outcome}): {c.evidence}" for c in subject.checks
                   if c.outcome in _RAISED]  # fmt: skip
    return raised


def alarms_of(run: CleanRun, folder: Path) -> list[str]:
    """Run the job in `folder` and return its false alarms."""
    material = folder / "material"
    material.mkdir(parents=True)
    os.environ["XDG_STATE_HOME"] = str(folder / "state")  # another run may judge by the same links
    run_job(run.job(material), folder / "run")
    return [alarm for alarm in false_alarms(folder / "run") if alarm.split(" (")[0] not in run.said_rightly]
