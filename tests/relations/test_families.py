"""Families: one parent for duplicates, no causal circle, every ticket of a tie once."""

import json
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.relations.families import (
    PEOPLE,
    SAID,
    Tie,
    as_graph,
    as_record,
    as_table,
    build_families,
)
from ticketkin.relations.parents import canonical_parent, parent_tiers
from ticketkin.workflows.artifacts import FAMILIES_JSON

N = 12
TIES = st.lists(
    st.builds(
        Tie,
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from(["duplicate", "related", "causal"]),
        st.sampled_from([PEOPLE, SAID]),
        st.floats(0.1, 1),
    ).filter(lambda tie: tie.source != tie.target),
    max_size=30,
)


@given(ties=TIES, tiers=st.lists(st.integers(0, 3), min_size=N, max_size=N), seed=st.integers(0, 9))
def test_whatever_is_stated_parents_are_no_duplicates_and_nothing_is_its_own_cause(
    ties: list[Tie], tiers: list[int], seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(N)
    families = build_families(ties, order, np.array(tiers))
    rows = [row for family in families.families for row in family.tickets]
    assert len(rows) == len(set(rows)), "no ticket is in two families"
    parent = {child: head for family in families.families for child, head in family.parents.items()}
    assert not set(parent) & set(parent.values())
    oracle = nx.Graph((t.source, t.target) for t in ties if t.kind == "duplicate")
    for group in nx.connected_components(oracle):
        heads = {parent.get(row, row) for row in group}
        assert len(heads) == 1, "one parent for all duplicates of one another"
        assert tiers[heads.pop()] == min(tiers[row] for row in group)
    causal = [tie for family in families.families for tie in family.causal]
    graph = nx.DiGraph((parent.get(t.source, t.source), parent.get(t.target, t.target)) for t in causal)
    assert nx.is_directed_acyclic_graph(graph)
    assert len(causal) + len(families.circles) == sum(tie.kind == "causal" for tie in ties)
    for family in families.families:
        assert all(graph.has_edge(a, b) for a, b in pairwise(family.longest_chain))
    sizes = [len(family.tickets) for family in families.families]
    assert sizes == sorted(sizes, reverse=True)


def test_what_people_stated_stays_where_a_reported_tie_would_close_a_circle() -> None:
    ties = [
        Tie(2, 0, "causal", SAID, 0.99),
        Tie(0, 1, "causal", PEOPLE),
        Tie(1, 2, "causal", PEOPLE),
        Tie(3, 3 - 1, "related", PEOPLE),
    ]
    families = build_families(ties, np.arange(4), np.ones(4, dtype=np.bool_))
    assert families.circles == [ties[0]]
    (family,) = families.families
    assert family.longest_chain == [0, 1, 2] and family.related == [ties[3]]


def test_duplicates_go_under_the_first_that_is_still_open() -> None:
    tickets = make_tickets(
        4, state=["Closed", "In Progress", "New", "6"], resolved_at=["", "", "2024-01-02 10:00:00", ""]
    )
    tiers = parent_tiers(tickets)
    assert tiers.tolist() == [1, 0, 1, 1]
    assert canonical_parent([0, 1, 2, 3], np.arange(4), tiers) == 1
    assert canonical_parent([3, 2, 0], np.arange(4), tiers) == 0, "all closed: the first filed"


def test_a_ticket_that_people_called_a_duplicate_is_no_parent() -> None:
    tickets = make_tickets(
        5,
        state=["Closed", "New", "Closed", "New", "Closed"],
        close_code=["Duplicate", "", "", "", "Closed as duplicate"],
        duplicate_of=["", "T2", "", "", ""],
        parent=["", "", "", "T2", ""],
    )
    tiers = parent_tiers(tickets)
    assert canonical_parent(range(5), np.arange(5), tiers) == 2, "closed, but nobody's duplicate"
    assert canonical_parent([0, 4, 3], np.arange(5), tiers) == 3, "all are duplicates: the open one"


def test_table_json_and_graph_tell_the_same(tmp_path: Path) -> None:
    tickets = make_tickets(5, title=["root", "effect", "again", "kin", "alone"])
    ties = [
        Tie(0, 1, "causal", PEOPLE), Tie(2, 1, "duplicate", PEOPLE), Tie(3, 0, "related", SAID, 0.8),
    ]  # fmt: skip
    families = build_families(ties, np.arange(5), np.ones(5, dtype=np.bool_))
    table = {row["ticket_id"]: row for row in as_table(families, tickets).iter_rows(named=True)}
    ids = tickets.ids
    assert ids[4] not in table and {row["family_size"] for row in table.values()} == {4}
    assert table[ids[2]]["duplicate_of"] == ids[1] and table[ids[1]]["duplicate_of"] == ""
    assert table[ids[1]]["caused_by"] == ids[0] and table[ids[3]]["related_to"] == ids[0]
    path = tmp_path / "families/families.json"
    FAMILIES_JSON.write(path, as_record(families, tickets))
    assert FAMILIES_JSON.read(path) == as_record(families, tickets)
    stored = json.loads(path.read_text("utf-8"))
    assert stored["n_families"] == 1 and stored["families"][0]["duplicate_of"] == {ids[2]: ids[1]}
    assert stored["families"][0]["title"] == "effect", "of the one with a duplicate"
    assert stored["families"][0]["related"] == [
        {"source": ids[3], "target": ids[0], "origin": "said", "probability": 0.8}
    ]
    nx.write_graphml(as_graph(families, tickets), tmp_path / "f.graphml")
    graph = nx.read_graphml(tmp_path / "f.graphml")
    assert graph.nodes[ids[0]] == {"title": "root", "family": 1}
    assert graph.edges[ids[0], ids[3]] == {"kind": "related", "origin": "said", "probability": 0.8}
    assert graph.edges[ids[2], ids[1]]["kind"] == "duplicate"
