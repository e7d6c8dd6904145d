"""Real trackers for the benchmarks of few links: prepared once, then judged by folds."""

import os
from pathlib import Path

import numpy as np

from real_data import DATA
from ticketkin.core.tables import IntArray
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.tickets.settings import LinkSettings
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

_LINKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "hadoop": ("pairs.csv", ()),
    "duraspace": ("links.csv", ("source", "target", "link_type")),
    "eclipse": ("pairs.csv", ()),
}


def prepared(name: str, seed: int, work: Path, candidates: tuple[str, ...], **judging: int | None) -> RunData:
    """Return a tracker with its embeddings; its links are judged by folds, by settings of `judging`."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    link_file, columns = _LINKS[name]
    settings = Settings(
        seed=seed,
        candidates=candidates,
        links=LinkSettings(columns=columns),
        encoder=EncoderSettings(offline=True),
        evaluation=EvaluationSettings.model_validate({"by": "folds", "shuffles": 0, **judging}),
    )
    folder = (DATA / name).resolve()
    job = Job(sources=(folder / "reports.csv",), links_file=folder / link_file, settings=settings)
    run = work / f"{name}-{seed}"
    for stage in ("import", "links", "split", "embed"):
        run_one_stage(stage, run, job=job)
    return RunData.of(run, job)


def kin_groups_of(data: RunData) -> IntArray:
    """Return the numbers of the groups of at least two tickets."""
    return np.unique(data.groups.group[data.groups.has_kin])


def thinned(groups: IntArray, kept: IntArray) -> IntArray:
    """Return kin-group numbers in which only the groups `kept` remain: the other tickets stand alone."""
    alone = int(groups.max()) + 1 + np.arange(len(groups))
    _, numbered = np.unique(np.where(np.isin(groups, kept), groups, alone), return_inverse=True)
    return numbered.astype(np.int64)
