"""Links, kin groups and splits: oracles and invariants."""

from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_material import make_links, make_tickets
from ticketkin.core.errors import MappingError, NotEnoughDataError
from ticketkin.core.tables import SplitName
from ticketkin.tickets import templates as templates_module
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.link_result import merge_links
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.settings import LinkSettings, SplitSettings, TicketSettings
from ticketkin.tickets.splitting import split_tickets
from ticketkin.tickets.templates import template_groups

edges = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


@given(edges)
@settings(max_examples=60, deadline=None)
def test_kin_groups_are_the_components_of_the_graph(pairs: list[tuple[int, int]]) -> None:
    tickets = make_tickets(30)
    groups = kin_groups(tickets, make_links(pairs))
    graph = nx.Graph(pairs)
    graph.add_nodes_from(range(30))
    expected = {frozenset(part) for part in nx.connected_components(graph)}
    parts = {frozenset(np.flatnonzero(groups.group == g).tolist()) for g in np.unique(groups.group)}
    assert parts == expected
    for row in range(30):
        assert groups.group[groups.canonical[row]] == groups.group[row]
        assert set(groups.members(row).tolist()) == set(nx.node_connected_component(graph, row)) - {row}


def test_canonical_ticket_is_the_first_opened_even_in_a_cycle() -> None:
    tickets = make_tickets(4, opened=["2024-01-04", "2024-01-02", "2024-01-03", "2024-01-01"])
    groups = kin_groups(tickets, make_links([(0, 1), (1, 2), (2, 0)]))
    assert groups.canonical.tolist() == [1, 1, 1, 3]


def test_links_in_the_tickets_own_columns() -> None:
    tickets = make_tickets(
        5,
        number=["INC1", "INC2", "INC3", "INC4", "INC5"],
        sys_id=["s1", "s2", "s3", "s4", "s5"],
        parent=["", "s1", "", "INC9", ""],
        problem=["P1", "", "", "", "P1"],
        caused_by=["", "", "INC1", "", ""],
        close_code=["", "", "Closed as Duplicate", "", ""],
        close_notes=["", "", "see INC2 please", "INC1", ""],
    )
    result = links_from_tickets(tickets)
    links = {(row[0], row[1], row[2], row[3]) for row in result.links.frame.iter_rows()}
    assert links == {
        ("INC2", "INC1", "duplicate", "parent"),
        ("INC3", "INC2", "duplicate", "close_notes"),
        ("INC1", "INC3", "causal", "caused_by"),
        ("INC5", "INC1", "related", "problem"),
    }
    assert result.n_absent == 1


def test_a_change_exported_beside_the_incidents_is_their_cause(tmp_path: Path) -> None:
    incidents, changes = tmp_path / "incidents.csv", tmp_path / "changes.csv"
    incidents.write_text(
        "number,sys_id,opened_at,short_description,caused_by\n"
        "INC1,a1,2024-02-01 10:00:00,No mail since ten,CHG7\nINC2,a2,2024-02-01 10:05:00,No mail,c7\n"
    )
    changes.write_text(
        "number,sys_id,opened_at,short_description\nCHG7,c7,2024-02-01 09:30:00,Mail gateway update\n"
    )
    tickets = import_tickets([incidents, changes], TicketSettings()).tickets
    links = [row[:3] for row in links_from_tickets(tickets).links.frame.iter_rows()]
    assert links == [("CHG7", "INC1", "causal"), ("CHG7", "INC2", "causal")]


def test_link_file_finds_its_columns_kinds_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text(
        "note,from,relation,to\n"
        "x,T1,duplicates,T0\nx,T2,is duplicated by,T3\nx,T1,duplicates,T0\nx,T4,is caused by,T5\n"
        "x,T6,is sub-task of,T7\nx,T8,duplicates,T8\nx,T1,duplicates,GONE\n"
    )
    result = links_from_file(path, make_tickets(10), LinkSettings())
    links = [row[:3] for row in result.links.frame.iter_rows()]
    assert links == [("T1", "T0", "duplicate"), ("T3", "T2", "duplicate"), ("T5", "T4", "causal")]
    assert (result.n_self, result.n_absent, result.n_repeated) == (1, 1, 1)
    assert result.ignored_kinds == {"is sub-task of": 1}


def test_link_file_without_ids_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text("a,b\nX,Y\n")
    with pytest.raises(MappingError, match="Name the two with --link-columns"):
        links_from_file(path, make_tickets(3), LinkSettings())
    with pytest.raises(MappingError, match="has no column c"):
        links_from_file(path, make_tickets(3), LinkSettings(columns=("a", "c")))


def test_cycles_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text("a,b\nT0,T1\nT1,T2\nT2,T0\n")
    assert links_from_file(path, make_tickets(3), LinkSettings()).cycles == [["T0", "T1", "T2"]]
    merged = merge_links([links_from_file(path, make_tickets(3), LinkSettings())] * 2)
    assert (len(merged.links), merged.n_repeated) == (3, 3)


def test_templates_that_differ_in_numbers_only_are_one() -> None:
    body = "disk usage critical on the production host please free some space now thank you"
    texts = [f"{body} {n}" for n in range(5)] + ["the coffee machine is out of beans again today sadly", ""]
    groups = template_groups(texts, 0.9)
    assert len(set(groups[:5].tolist())) == 1
    assert len(set(groups.tolist())) == 3


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), min_size=12, max_size=40),
    st.integers(0, 5),
    st.sampled_from(["category", "time"]),
)
@settings(max_examples=40, deadline=None)
def test_no_kin_group_and_no_template_crosses_a_border(
    pairs: list[tuple[int, int]], seed: int, by: str
) -> None:
    tickets = make_tickets(60, opened=[f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(60)])
    groups = kin_groups(tickets, make_links(pairs))
    texts = [f"words number {chr(97 + n % 20)} of many {chr(97 + n % 7)} things" for n in range(60)]
    try:
        splits = split_tickets(tickets, texts, groups, SplitSettings(by=by), seed)
    except NotEnoughDataError:
        return
    assert splits.frame["ticket_id"].to_list() == tickets.ids
    split = splits.frame["split"].to_numpy()
    assert set(split) <= set(SplitName)
    for labels in (groups.group, template_groups(texts, 0.9)):
        for label in np.unique(labels):
            assert len(set(split[labels == label])) == 1
    again = split_tickets(tickets, texts, groups, SplitSettings(by=by), seed)
    assert splits.frame.equals(again.frame)


def test_shares_are_kept_and_time_holds_out_the_newest() -> None:
    n = 1_000
    opened = [f"2024-01-01 {m // 60:02d}:{m % 60:02d}:00" for m in range(n)]
    tickets = make_tickets(n, opened=opened)
    groups = kin_groups(tickets, make_links([(i, i + 1) for i in range(0, n - 1, 4)]))
    texts = [" ".join(chr(97 + (i * k) % 26) * 3 for k in range(1, 9)) + str(i) for i in range(n)]
    loose = SplitSettings(near_identical=1.0)
    splits = split_tickets(tickets, [f"{t} {hash_word(i)}" for i, t in enumerate(texts)], groups, loose, 1)
    shares = dict(splits.frame["split"].value_counts(normalize=True).iter_rows())
    assert shares["train"] == pytest.approx(0.765, abs=0.02)
    assert shares["holdout"] == pytest.approx(0.1, abs=0.02)
    by_time = SplitSettings(by="time", near_identical=1.0)
    timed = split_tickets(tickets, [f"{t} {hash_word(i)}" for i, t in enumerate(texts)], groups, by_time, 1)
    rows = {name: timed.rows(tickets, name) for name in SplitName}
    assert rows[SplitName.HOLDOUT].min() > np.percentile(rows[SplitName.TRAIN], 99)


@pytest.mark.parametrize("by", ["category", "time"])
def test_what_the_base_has_learned_from_trains_and_the_others_share_evaluation_and_holdout(by: str) -> None:
    n = 400
    opened = [f"2024-01-01 {m // 60:02d}:{m % 60:02d}:00" for m in range(n)]
    tickets = make_tickets(n, opened=opened)
    groups = kin_groups(tickets, make_links([(i, i + 1) for i in range(0, n, 4)]))
    texts = [hash_word(i) * 3 for i in range(n)]
    learned = np.zeros(n, dtype=np.bool_)
    learned[np.arange(0, 240, 4)] = True  # one of each of the first 60 of 100 kin groups
    chosen = SplitSettings(by=by, near_identical=1.0)
    splits = split_tickets(tickets, texts, groups, chosen, 1, learned=learned)
    train, evaluation, holdout = (set(splits.rows(tickets, name).tolist()) for name in SplitName)
    assert {row for first in np.flatnonzero(learned) for row in (first, first + 1)} <= train
    for judging in (evaluation, holdout):
        assert sum(groups.has_kin[row] for row in judging) >= 8

    learned[np.arange(0, n, 4)] = True
    learned[4 * 99] = False
    with pytest.raises(NotEnoughDataError, match=r"Of 100 independent kin groups, 1 without .*newer"):
        split_tickets(tickets, texts, groups, chosen, 1, learned=learned)


def hash_word(number: int) -> str:
    """A word of letters only, since templates ignore digits."""
    return "".join(chr(97 + int(d)) for d in f"{number * 7919:08d}")


def test_too_few_groups_and_missing_times_say_what_to_do() -> None:
    tickets = make_tickets(6)
    texts = [hash_word(i) * 3 for i in range(6)]
    few = kin_groups(tickets, make_links([(0, 1)]))
    with pytest.raises(NotEnoughDataError, match="1 independent kin group was"):
        split_tickets(tickets, texts, few, SplitSettings(), 0)
    three = kin_groups(tickets, make_links([(0, 1), (2, 3), (4, 5)]))
    with pytest.raises(NotEnoughDataError, match="Map the column with --map opened_at=COLUMN"):
        split_tickets(tickets, texts, three, SplitSettings(by="time"), 0)
    assert set(split_tickets(tickets, texts, three, SplitSettings(), 0).frame["split"]) == set(SplitName)


def test_links_table_knows_its_origin() -> None:
    assert make_links([(0, 1)]).labels_from == "person"
    silver = make_links([(0, 1)]).frame.with_columns(pl.lit("silver").alias("origin"))
    assert type(make_links([]))(silver).labels_from == "silver"


@pytest.mark.parametrize(
    ("code", "notes", "expected"),
    [
        ("Duplicate", "INC2 is a duplicate of INC1", [("INC2", "INC1")]),
        ("Duplikat", "Duplikat von INC1", [("INC2", "INC1")]),
        ("Not a duplicate", "unlike INC1 a hardware fault", []),
        ("Closed (no duplicate)", "compared with INC1", []),
        ("Kein Duplikat", "verglichen mit INC1", []),
    ],
)
def test_close_codes_say_duplicate_or_its_opposite(
    code: str, notes: str, expected: list[tuple[str, str]]
) -> None:
    tickets = make_tickets(2, number=["INC1", "INC2"], close_code=["", code], close_notes=["", notes])
    result = links_from_tickets(tickets)
    assert list(result.links.frame.select("source", "target").iter_rows()) == expected
    assert result.n_self == 0


def test_a_few_texts_are_joined_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    words = ["printer", "queue", "stuck", "floor", "reset", "password", "token", "expired", "disk", "full"]
    templates = [" ".join(generator.choice(words, 14)) for _ in range(8)]
    texts = [f"{template} ticket {number}" for number in range(9) for template in templates] + ["", "  "]
    each_with_each = template_groups(texts, 0.9)
    monkeypatch.setattr(templates_module, "_FEW_TEXTS", 0)
    assert (template_groups(texts, 0.9) == each_with_each).all()
    assert len(set(each_with_each.tolist())) == len(templates) + 2
