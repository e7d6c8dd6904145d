"""Files of links as people keep them: no link changes its meaning, none is lost without a word."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.core.errors import MappingError
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.link_kinds import LinkKinds
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.settings import LinkSettings
from ticketkin.workflows.configuration import load_settings


def load(folder: Path, *lines: str, n_tickets: int = 10, **options: object) -> LinkResult:
    path = folder / "links.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    result = links_from_file(path, make_tickets(n_tickets), LinkSettings.model_validate(options))
    counted = len(result.links) + result.n_absent + result.n_self + result.n_repeated
    assert result.n_read == counted + result.n_ignored + result.n_rejected
    return result


def kept(result: LinkResult) -> list[tuple[str, str, str]]:
    return [row[:3] for row in result.links.frame.iter_rows()]


def test_german_kinds_beside_a_known_one_do_not_become_duplicates(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "von,nach,x",
        "T0,T1,Duplikat",
        "T2,T3,verwandt",
        "T4,T5,related",
        "T6,T7,gekoppelt",
        "T8,T9,gekoppelt",
    )
    assert kept(result) == [("T0", "T1", "duplicate"), ("T2", "T3", "related"), ("T4", "T5", "related")]
    assert result.unknown_kinds == {"gekoppelt": 2}
    assert any(
        "'gekoppelt' 2; say what they mean, e.g. --set 'links.kinds.gekoppelt=related'" in line
        for line in result.lines()
    )


@pytest.mark.parametrize("name", ["kind", "Link Type", "Art", "Typ", "Beziehung", "Verknüpfungstyp",
                                  "relación", "type de lien", "Tipo"])  # fmt: skip
def test_a_column_called_as_kinds_are_is_one_even_if_few_are_known(tmp_path: Path, name: str) -> None:
    words = ("alpha", "beta", "gamma", "delta", "duplicate")
    lines = [f"T{n},T{n + 1},{word}" for n, word in enumerate(words)]
    result = load(tmp_path, f"a,b,{name}", *lines)
    assert kept(result) == [("T4", "T5", "duplicate")]
    assert sum(result.unknown_kinds.values()) == 4


def test_kinds_that_nobody_knows_are_an_error_with_the_way_out(tmp_path: Path) -> None:
    lines = ("a,b,Art", "T0,T1,hängt zusammen", "T2,T3,hängt zusammen", "T4,T5,dito")
    with pytest.raises(MappingError, match=r"'hängt zusammen' \(2\), 'dito' \(1\)") as caught:
        load(tmp_path, *lines)
    command = str(caught.value).split("--set '")[1].split("'")[0]
    assert command == "links.kinds.hängt zusammen=duplicate"
    # The setting as the message writes it is taken, and works.
    kinds = load_settings(None, [command, "links.kinds.dito=ignore"], environment={}).links.kinds
    result = load(tmp_path, *lines, kinds=kinds)
    assert kept(result) == [("T0", "T1", "duplicate"), ("T2", "T3", "duplicate")]
    assert result.ignored_kinds == {"dito": 1}
    assert kept(load(tmp_path, *lines, columns=("a", "b"))) == [
        ("T0", "T1", "duplicate"), ("T2", "T3", "duplicate"), ("T4", "T5", "duplicate"),
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [("a",), ("a", "a"), ("a", "b", "b"), ("a", "b", "c", "d")])
def test_columns_of_links_are_two_or_three_different_ones(tmp_path: Path, columns: tuple[str, ...]) -> None:
    with pytest.raises(MappingError, match="give two or three different names"):
        load(tmp_path, "a,b,c,d", "T0,T1,x,y", columns=columns)


def test_remarks_are_no_kinds(tmp_path: Path) -> None:
    lines = [f"T{n},T{n + 1},{'none' if n % 2 else f'remark {n}'}" for n in range(8)]
    assert len(load(tmp_path, "a,b,comment", *lines).links) == 8


@pytest.mark.parametrize(
    ("written", "kind", "reverse"),
    [
        ("Duplicate", "duplicate", False), ("is duplicated by", "duplicate", True),
        ("Ist Duplikat von", "duplicate", False), ("est dupliqué par", "duplicate", True),
        ("duplicado de", "duplicate", False), ("Cloners", "related", False), ("Reference", "related", False),
        ("Incorporates", "related", False), ("Container", "related", False), ("Supercedes", "related", False),
        ("SEE_ALSO", "related", False), ("verwandt mit", "related", False), ("lié à", "related", False),
        ("relacionado con", "related", False), ("Problem/Incident", "causal", False),
        ("Blocks", "causal", False), ("Blocker", "causal", False), ("Regressions", "causal", False),
        ("Depends on", "causal", True), ("Required", "causal", True), ("Dependent", "causal", True),
        ("Regressed by", "causal", True), ("Verursacht durch", "causal", True), ("causé par", "causal", True),
        ("causado por", "causal", True), ("Sub-task", None, False), ("Child-Issue", None, False),
    ],
)  # fmt: skip
def test_link_types_of_systems_and_languages(written: str, kind: str | None, reverse: bool) -> None:
    kinds = LinkKinds(LinkSettings())
    assert written in kinds
    assert kinds.kind(written) == (kind, reverse)


def test_ragged_lines_are_counted_and_reported(tmp_path: Path) -> None:
    result = load(tmp_path, "a,b", "T0,T1", "T2", "T3,T4,T5", "T6,T7")
    assert (len(result.links), result.n_rejected, result.n_read) == (2, 2, 4)
    assert "2 in rows that can't be read" in result.lines()[0]
    assert any("row 2: 1 cell where the header has 2" in line for line in result.lines())


@pytest.mark.parametrize("first", ["T0,T1,duplicate", "T0,GONE,duplicate"])
def test_the_first_line_of_a_file_without_header_is_a_link(tmp_path: Path, first: str) -> None:
    result = load(tmp_path, first, "T2,T3,related")
    assert result.n_read == 2
    assert result.n_absent == first.count("GONE")
    assert kept(result)[-1] == ("T2", "T3", "related")
    assert "no header line" in str(result.notes)


def test_clusters_become_duplicates_of_their_first(tmp_path: Path) -> None:
    rows = ["T3,C1", "T1,C1", "GONE,C1", "T5,C2", "T6,", "T7,C3", "T8,C3", "T7,C3", "T2,C1"]
    result = load(tmp_path, "id,cluster_id", *rows)
    assert kept(result) == [("T1", "T3", "duplicate"), ("T2", "T3", "duplicate"), ("T8", "T7", "duplicate")]
    assert (result.n_absent, result.n_self) == (1, 1)
    assert any("1 ticket is in no cluster" in note for note in result.notes)


def test_cluster_numbers_that_are_ids_too_are_clusters(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("id,cluster\n1,1\n2,1\n3,2\n4,2\n")
    tickets = make_tickets(4, number=["1", "2", "3", "4"])
    assert kept(links_from_file(path, tickets, LinkSettings())) == [
        ("2", "1", "duplicate"),
        ("4", "3", "duplicate"),
    ]


def test_a_cluster_of_more_than_fifty_is_a_bucket(tmp_path: Path) -> None:
    rows = [*(f"T{n},5" for n in range(51)), "T60,7", "T61,7"]
    result = load(tmp_path, "id,cluster_id", *rows, n_tickets=70)
    assert kept(result) == [("T61", "T60", "duplicate")]
    assert result.n_ignored == 50
    assert any("cluster 5 holds 51 tickets" in note for note in result.notes)


def test_whole_numbers_with_a_point_are_found(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text("a,b\n2.0,1.0\n3,2.0\n")
    tickets = make_tickets(3, number=["1", "2", "3"])
    assert kept(links_from_file(path, tickets, LinkSettings())) == [
        ("2", "1", "duplicate"),
        ("3", "2", "duplicate"),
    ]
    path.write_text("a,b\n2,1\n")
    floats = make_tickets(2, number=["1.0", "2.0"])
    assert len(links_from_file(path, floats, LinkSettings()).links) == 1


def test_flags_that_are_ids_too_are_no_id_column(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text("both_texts,a,b\n1,2,3\n1,4,GONE\n1,5,6\n")
    tickets = make_tickets(7, number=[str(n) for n in range(7)])
    assert kept(links_from_file(path, tickets, LinkSettings())) == [
        ("2", "3", "duplicate"),
        ("5", "6", "duplicate"),
    ]


def test_reversed_repeats_are_reported(tmp_path: Path) -> None:
    result = load(tmp_path, "a,b", "T0,T1", "T1,T0", "T2,T3", "T2,T3")
    assert (len(result.links), result.n_reversed, result.n_repeated) == (3, 1, 1)
    assert "1 link says again, the other way round, what another says" in result.lines()


def test_what_a_file_says_reaches_the_screen_escaped_and_redacted(tmp_path: Path) -> None:
    result = load(tmp_path, "a,b,kind", "T0,T1,\x1b[31mred", "T2,T3,ask ada@example.com", "T4,T5,duplicate")
    account = "\n".join(result.lines()) + str(result.unknown_kinds)
    assert "\x1b" not in account
    assert "example.com" not in account


rows = st.lists(
    st.tuples(
        st.sampled_from(["T0", "T1", "T2", "GONE", ""]),
        st.sampled_from(["T0", "T1", "T3", "GONE", ""]),
        st.sampled_from(["duplicate", "related", "caused by", "what", "", "none"]),
    ).map(",".join)
    | st.sampled_from(["T0", "T0,T1,duplicate,x"]),
    max_size=12,
)


@given(rows=rows)
@settings(max_examples=100, deadline=None)
def test_every_row_of_a_link_file_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str]
) -> None:
    fixed = ["T0,T1,duplicate", "T3,T2,related"]
    result = load(tmp_path_factory.mktemp("links"), "a,b,kind", *fixed, *rows)
    assert result.n_read == len(fixed) + len([row for row in rows if row.strip(",")])
    kinds = Counter(row[2] for row in kept(result))
    assert set(kinds) <= {"duplicate", "related", "causal"}


@pytest.mark.parametrize(
    ("column", "yes", "no"),
    [
        ("is_duplicate", "1", "0"), ("label", "1.0", "0.0"), ("duplicate", "True", "False"),
        ("verdict", "yes", "no"), ("Ist Duplikat", "ja", "nein"), ("match", "y", ""),
    ],
)  # fmt: skip
def test_a_label_that_says_no_is_no_link(tmp_path: Path, column: str, yes: str, no: str) -> None:
    result = load(tmp_path, *f"a,b,{column}\nT1,T0,{yes}\nT3,T2,{no}\nT5,T4,{no}\n".splitlines(), n_tickets=6)
    assert kept(result) == [("T1", "T0", "duplicate")]
    assert (result.n_read, result.n_ignored) == (3, 2)
    assert sum(result.said_no.values()) == 2 and not result.left_out_kinds


def test_a_label_named_by_the_user_is_read_as_one(tmp_path: Path) -> None:
    text = "a,b,judged\nT1,T0,1\nT3,T2,0\n"
    assert kept(load(tmp_path, *text.splitlines(), n_tickets=4, columns=("a", "b", "judged"))) == [
        ("T1", "T0", "duplicate")
    ]
    # Of a name that says nothing a column is not used, and that is told.
    unnamed = load(tmp_path, *text.splitlines(), n_tickets=4)
    assert len(unnamed.links) == 2
    assert any("columns not used: judged" in note for note in unnamed.notes)


@pytest.mark.parametrize("column", ["score", "similarity", "label"])
def test_pairs_that_are_only_graded_are_refused(tmp_path: Path, column: str) -> None:
    text = f"a,b,{column}\nT1,T0,.99\nT3,T2,0.01\n"
    with pytest.raises(MappingError, match=f"the column '{column}' grades the pairs by numbers"):
        load(tmp_path, *text.splitlines(), n_tickets=4)
    assert len(load(tmp_path, *text.splitlines(), n_tickets=4, columns=("a", "b")).links) == 2


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("master,duplicate", "T0,T1", ("T1", "T0", "duplicate")),
        ("original_id,dup_id", "T0,T1", ("T1", "T0", "duplicate")),
        ("duplicate,master", "T1,T0", ("T1", "T0", "duplicate")),
        ("master,duplicate,kind", "T0,T1,is duplicated by", ("T1", "T0", "duplicate")),
        ("parent,child", "T0,T1", ("T1", "T0", "duplicate")),
        ("duplicate_of,id", "T0,T1", ("T1", "T0", "duplicate")),
        ("id,duplicate_of", "T1,T0", ("T1", "T0", "duplicate")),
        ("target,source,kind", "T0,T1,duplicate", ("T1", "T0", "duplicate")),
        ("to,from,kind", "T0,T1,caused by", ("T0", "T1", "causal")),
        ("effect,cause", "T1,T0", ("T0", "T1", "causal")),
        ("effect,cause,kind", "T1,T0,caused by", ("T0", "T1", "causal")),
        ("cause,effect,kind", "T0,T1,causal", ("T0", "T1", "causal")),
        ("id,caused_by", "T1,T0", ("T0", "T1", "causal")),
        ("id,root_cause", "T1,T0", ("T0", "T1", "causal")),
        ("ticket_id,related_to", "T1,T0", ("T1", "T0", "related")),
        ("issue_id,duplicate_id", "T1,T0", ("T1", "T0", "duplicate")),
        ("a,b", "T0,T1", ("T0", "T1", "duplicate")),
    ],
)
def test_names_of_columns_state_direction_and_kind(
    tmp_path: Path, header: str, row: str, expected: tuple[str, str, str]
) -> None:
    assert kept(load(tmp_path, *f"{header}\n{row}\n".splitlines(), n_tickets=2)) == [expected]


def test_noise_is_no_cluster(tmp_path: Path) -> None:
    result = load(tmp_path, *"id,cluster\nT0,0\nT1,0\nT2,-1\nT3,-1\nT4,-1\n".splitlines(), n_tickets=5)
    assert kept(result) == [("T1", "T0", "duplicate")]
    assert any("3 tickets are in no cluster" in note for note in result.notes)


def test_what_is_reported_of_a_link_file_is_masked(tmp_path: Path) -> None:
    address, password = "erika@firm.example", "Geheim#2024"
    bucket = "id,cluster\n" + "".join(f"T{n},of {address}\n" for n in range(60))
    lines = load(tmp_path, *bucket.splitlines(), n_tickets=60).lines()
    header = load(
        tmp_path, *f"{address},b,kind\nT1,T0,related\nT2,T0,{address}\n".splitlines(), n_tickets=3
    ).lines()
    with pytest.raises(MappingError) as unknown:
        load(
            tmp_path,
            *f"a,b,kind\nT1,T0,call {address}\nT2,T0,password: {password}\n".splitlines(),
            n_tickets=3,
        )
    shown = " ".join([*lines, *header, str(unknown.value)])
    assert "[EMAIL]" in shown
    assert address not in shown and password not in shown


def test_a_repeated_header_is_no_link(tmp_path: Path) -> None:
    result = load(tmp_path, "source,target", "T0,T1", "source,target", "T2,T3")
    assert len(result.links) == 2
    assert (result.n_read, result.n_rejected, result.n_absent) == (3, 1, 0)
    assert any("row 2: repeats the header" in note for note in result.notes)
