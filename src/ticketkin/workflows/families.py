"""The families of a run: from people's links, and on request from what the relation model says."""

import re
from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import Origin
from ticketkin.core.wording import number_of
from ticketkin.relations.families import (
    PEOPLE,
    SILVER,
    FamilyGraph,
    Tie,
    as_graph,
    as_record,
    as_table,
    build_families,
)
from ticketkin.relations.pairs import filing_order
from ticketkin.relations.parents import parent_tiers
from ticketkin.relations.record import KindsNotLearned
from ticketkin.runs.stages import StageRun
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.artifacts import save_csv
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_kin import RunKin

if TYPE_CHECKING:
    import networkx as nx

# What XML can't hold, whatever the encoding.
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def run_families(run: StageRun[Job]) -> None:
    """Write families.csv, families.json and families.graphml into `families/`."""
    import networkx as nx

    data = RunData(run.values, run.job)
    ties = _stated_ties(data)
    if run.job.settings.families.said:
        reported = _reported_ties(data, run.progress)
        unrefuted = [tie for tie in reported if not _is_refuted(tie, data)]
        if len(unrefuted) < len(reported):
            n = len(reported) - len(unrefuted)
            run.progress.say(f"  {n:,} left out of what the model says: a person judged them otherwise")
        ties += unrefuted
    order = filing_order(data.tickets)
    graph = build_families(ties, order, parent_tiers(data.tickets))
    _tell(graph, run.progress)
    with run.writing(artifact.FAMILIES) as temporary:
        artifact.FAMILIES_JSON.write(temporary / "families.json", as_record(graph, data.tickets))
        save_csv(temporary / "families.csv", as_table(graph, data.tickets))
        nx.write_graphml(_for_xml(as_graph(graph, data.tickets)), temporary / "families.graphml")


def _stated_ties(data: RunData) -> list[Tie]:
    at = data.tickets.position
    links = data.links.frame.select("source", "target", "kind", "origin").iter_rows()
    return [
        Tie(at[source], at[target], kind, SILVER if origin == Origin.SILVER.value else PEOPLE)
        for source, target, kind, origin in links
    ]


def _reported_ties(data: RunData, progress: Progress) -> list[Tie]:
    learned = data.values.read(artifact.RELATIONS_JSON)
    if isinstance(learned, KindsNotLearned):
        raise NotEnoughDataError(
            f"--said needs the relation model, and there is none: {learned.reason}. Leave --said out for "
            "the families that people's links make"
        )
    return RunKin(data).reported(data.job.settings.relations.depth, progress)


def _is_refuted(tie: Tie, data: RunData) -> bool:
    """Return whether a review says something else of the pair than the relation model."""
    ids = data.tickets.ids
    answer = data.judged_kinds.get(frozenset((ids[tie.source], ids[tie.target])))
    return answer is not None and answer != tie.kind


def _tell(graph: FamilyGraph, progress: Progress) -> None:
    sizes = np.array([len(family.tickets) for family in graph.families])
    if not len(sizes):
        progress.say("  no link joins two tickets, so there are no families")
        return
    longest = max(len(family.longest_chain) for family in graph.families)
    chain = f"; longest causal chain: {number_of(longest, 'ticket')}" if longest else ""
    progress.say(
        f"  {number_of(len(sizes), 'family')} over {number_of(sizes.sum(), 'ticket')}, the largest of "
        f"{sizes.max():,}{chain}"
    )
    if graph.circles:
        n = len(graph.circles)
        progress.say(f"  {n:,} causal tie{'s' * (n > 1)} left out, which would close a circle")


def _for_xml(graph: "nx.DiGraph[str]") -> "nx.DiGraph[str]":
    import networkx as nx

    clean = {name: _NOT_IN_XML.sub("", name) for name in graph}
    renamed = nx.relabel_nodes(graph, clean)
    for _, values in renamed.nodes(data=True):
        values["title"] = _NOT_IN_XML.sub("", values["title"])
    return renamed
