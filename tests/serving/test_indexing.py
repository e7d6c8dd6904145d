"""Exports stored batch by batch, again, after a stop, and forgotten; as functions and as typed."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from index_material import BUNDLE, embedded, scorer
from test_serving_commands import ran

from bundle_material import Judged
from ticketkin.core.errors import InputError, MissingInputError, TicketkinError, UnreadableFileError
from ticketkin.core.tables import Tickets
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.serving import index as index_module
from ticketkin.serving import indexing
from ticketkin.serving.index import Index, IndexChange
from ticketkin.serving.index_changes import FEW_SEGMENTS
from ticketkin.serving.indexing import delete_named, read_names, store_in_batches

NAMES = [f"T{n}" for n in range(25)]


class Encoder:
    """Embeds known tickets, counts them, and stops when it is told to."""

    def __init__(self, version: int, stops_after: int = 1 << 30) -> None:
        self.version, self.stops_after, self.n_encoded = version, stops_after, 0

    def __call__(self, tickets: Tickets) -> EmbeddedTickets:
        self.n_encoded += len(tickets)
        if self.n_encoded > self.stops_after:
            raise KeyboardInterrupt
        return embedded(tickets.ids, [self.version] * len(tickets))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setattr(indexing, "BATCH_TICKETS", 4)
    return Index.open(tmp_path / "index", scorer(), BUNDLE, create=True)


def test_a_stopped_command_goes_on_where_it_was(index: Index) -> None:
    tickets, stopped = embedded(NAMES, [0] * 25).tickets, Encoder(0, stops_after=10)
    with pytest.raises(KeyboardInterrupt):
        store_in_batches(index, stopped, tickets)
    assert len(index) == 8
    again = Encoder(0)
    assert store_in_batches(index, again, tickets) == IndexChange(17, 0, 8)
    assert again.n_encoded == 17


def test_only_what_is_new_or_changed_is_encoded(index: Index) -> None:
    store_in_batches(index, Encoder(0), embedded(NAMES, [0] * 25).tickets)
    same = Encoder(0)
    assert store_in_batches(index, same, embedded(NAMES, [0] * 25).tickets) == IndexChange(0, 0, 25)
    assert same.n_encoded == 0
    changed = Encoder(1)
    assert store_in_batches(index, changed, embedded([*NAMES[:5], "T99"], [1] * 6).tickets) == (
        IndexChange(1, 5, 0)
    )
    assert changed.n_encoded == 6
    assert len(index) == 26


def test_large_segments_get_cells_that_find_what_an_exact_search_does(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"T{n}" for n in range(300)]
    store_in_batches(index, Encoder(0), embedded(names, [0] * 300).tickets)
    queries = scorer().describe(embedded(["T900", "T901"], [0, 0]))
    assert index.retriever is not None
    exact = scorer().candidates(index.retriever, queries)
    monkeypatch.setattr(index_module, "CELLS_FROM", 100)
    folder, n_before = index._folder, len(list(index._folder.iterdir()))
    assert index.tend()
    assert index.recall["base"] > 0.99
    opened = Index.open(folder, scorer(), BUNDLE)
    opened.check()
    assert opened.retriever is not None and opened.recall == index.recall
    rescored = scorer().candidates(opened.retriever, queries)
    for name, nearest in exact.nearest.items():
        assert nearest.similarities == pytest.approx(rescored.nearest[name].similarities)
    assert n_before >= len(list(folder.iterdir()))  # no segment stayed behind
    cells = next(folder.glob("segment-*/cells_base.faiss"))
    cells.write_bytes(cells.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(UnreadableFileError, match="content changed"):
        _ = Index.open(folder, scorer(), BUNDLE).retriever


def test_many_small_segments_become_few_and_answer_alike(index: Index) -> None:
    for first in range(0, 60, 10):
        names = [f"T{n}" for n in range(first, first + 10)]
        index.put(embedded(names, [0] * 10))
    queries = scorer().describe(embedded(["T900", "T901"], [0, 0]))
    assert index.retriever is not None
    before = scorer().candidates(index.retriever, queries)
    assert n_segments(index) == 6
    assert index.tend()
    assert n_segments(index) <= FEW_SEGMENTS
    after = scorer().candidates(index.retriever, queries)
    for name, nearest in before.nearest.items():
        assert np.array_equal(nearest.similarities, after.nearest[name].similarities)
    assert not index.tend()
    assert len(Index.open(index._folder, scorer(), BUNDLE)) == len(index) == 60


def n_segments(index: Index) -> int:
    return len(list(index._folder.glob("segment-*")))


def test_tickets_are_deleted_by_id_or_number(index: Index) -> None:
    store_in_batches(index, Encoder(0), embedded(NAMES, [0] * 25).tickets)
    assert delete_named(index, ["T1", "T2", "nobody"]) == (2, ("nobody",))
    assert delete_named(index, ["T1"]) == (0, ("T1",))
    assert len(index) == 23


def test_a_file_of_names_is_read_or_reported(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"\xef\xbb\xbfT1\r\n\r\n  T2 \nT1\n")
    assert read_names(file) == ["T1", "T2"]
    file.write_text("\n \n")
    with pytest.raises(InputError, match="no id"):
        read_names(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableFileError, match="UTF-8"):
        read_names(file)
    with pytest.raises(InputError, match="can't be read"):
        read_names(tmp_path / "none.txt")


@pytest.fixture(scope="module")
def empty_bundle(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle without an index."""
    place = tmp_path_factory.mktemp("indexing") / "kin"
    return Path(shutil.copytree(judged.bundle, place, ignore=shutil.ignore_patterns("index")))


def write_export(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["number", "short_description", "description", "opened_at"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def row_of(number: int, title: str = "Outlook asks for the password") -> dict[str, str]:
    return {
        "number": f"INC{number:07}",
        "short_description": f"{title} {number}",
        "description": "call alice.cooper@example.com",
        "opened_at": f"2024-05-{1 + number % 28:02d} 10:00:00",
    }


def test_the_command_builds_extends_and_forgets(empty_bundle: Path, tmp_path: Path) -> None:
    place, rows = tmp_path / "stored", [row_of(n) for n in range(12)]
    export = write_export(
        tmp_path / "tickets.csv", [*rows, {**row_of(90), "short_description": "", "description": ""}]
    )
    command = ["index", empty_bundle, export, "--index", place, "--json", "--rejected", tmp_path / "out.csv"]
    built = json.loads(ran(*command))
    assert (built["n_added"], built["n_stored"]) == (12 + 1 - built["n_rejected"],) * 2
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + built["n_rejected"]
    with pytest.raises(InputError, match="exists"):
        ran(*command)
    again = json.loads(ran(*command, "--force"))
    assert (again["n_added"], again["n_updated"], again["n_unchanged"]) == (0, 0, built["n_added"])
    write_export(export, [row_of(0, "VPN drops"), row_of(50)])
    (tmp_path / "ids.txt").write_text("INC0000003\nINC0000004\nINC9999999\n")
    screen = ran("index", empty_bundle, export, "--index", place, "--delete", tmp_path / "ids.txt")
    assert "1 added, 1 updated, 0 unchanged, 2 deleted" in screen
    assert "INC9999999" in screen
    answers = json.loads(
        ran("relate", empty_bundle, "--index", place, "--text", "VPN drops 0", "--json", "--all")
    )
    named = {one["ticket_id"] for one in answers[0]["relations"]}
    assert "INC0000000" in named and "INC0000003" not in named
    assert b"Outlook asks for the password 3" in content_of(place)  # no part of the index was merged yet
    ran("index", empty_bundle, "--index", place, "--purge")
    left = content_of(place)
    assert b"password 3" not in left and b"password 5" in left
    assert b"alice.cooper" not in left


def test_bad_commands_are_reported(empty_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name an export"):
        ran("index", empty_bundle)
    (tmp_path / "ids.txt").write_text("INC1\n")
    with pytest.raises(MissingInputError, match="no index"):
        ran("index", empty_bundle, "--index", tmp_path / "none", "--delete", tmp_path / "ids.txt")
    with pytest.raises(InputError, match="no bundle"):
        ran("index", tmp_path, tmp_path / "tickets.csv")


def test_an_index_never_goes_over_files_of_the_user(empty_bundle: Path, tmp_path: Path) -> None:
    export = write_export(tmp_path / "tickets.csv", [row_of(n) for n in range(3)])
    before = export.read_bytes()
    mine = tmp_path / "mine"
    (mine / "index").mkdir(parents=True)
    (mine / "index/letter.txt").write_text("dear")
    (tmp_path / "a-file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "tickets.csv")
    for options in (
        ("--index", mine / "index"),
        ("--index", tmp_path / "a-file"),
        ("--index", export),
        ("--rejected", export, "--force"),
        ("--rejected", tmp_path / "link", "--force"),
        ("--rejected", mine),
        ("--rejected", tmp_path / "nowhere" / "out.csv" / "x"),
    ):
        try:
            ran("index", empty_bundle, export, *options)
        except TicketkinError as error:
            assert "Traceback" not in str(error) and len(str(error)) > 20
        assert export.read_bytes() == before, options
        assert (mine / "index/letter.txt").read_text() == "dear"
        assert (tmp_path / "a-file").read_text() == "mine"
        assert sorted(path.name for path in (mine / "index").iterdir()) == ["letter.txt"]
