"""An index against a dictionary, killed at every step, and damaged."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from index_material import BUNDLE, embedded, scorer

from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import InputError, MissingInputError, RunLockedError, UnreadableFileError
from ticketkin.ranking.retriever import Retriever
from ticketkin.serving.index import Index, IndexChange
from ticketkin.serving.index_manifest import VERSION
from ticketkin.serving.segment_files import REMEDY

NAMES = st.sampled_from([f"T{n}" for n in range(12)])


def opened(folder: Path, *, create: bool = False) -> Index:
    return Index.open(folder, scorer(), BUNDLE, create=create)


def check_content(index: Index, expected: dict[str, int]) -> None:
    """The index holds what a dictionary from id to version says, and finds it as one block would."""
    assert len(index) == len(expected)
    for number in range(12):
        assert (index.row_of(f"T{number}") is not None) == (f"T{number}" in expected)
    if not expected:
        return
    names = sorted(expected)
    given = embedded(names, [expected[name] for name in names])
    rows = np.array([index.row_of(name) for name in names], dtype=np.int64)
    stored = index.embedded(rows)
    assert stored.tickets.frame.equals(given.tickets.frame.with_columns(stored.tickets.frame["source_row"]))
    assert stored.texts == given.texts
    assert all((stored.embeddings[name] == given.embeddings[name]).all() for name in ("base", "tuned"))
    assert index.is_current(given.tickets).all()
    queries = scorer().describe(embedded(["T3", "T77"], [9, 9]))
    asked = scorer().candidates(Retriever(scorer().describe(given)), queries)
    assert index.retriever is not None
    answered = scorer().candidates(index.retriever, queries)
    mine, theirs = scorer().score(queries, answered), scorer().score(queries, asked)
    for query in range(len(queries)):
        by_id = dict(
            zip(index.tickets(answered.rows[query][answered.rows[query] >= 0]).ids, mine[query], strict=False)
        )
        own = asked.rows[query][asked.rows[query] >= 0]
        assert by_id == dict(zip([names[row] for row in own], theirs[query], strict=False))
    for name, nearest in asked.nearest.items():
        assert np.array_equal(nearest.similarities, answered.nearest[name].similarities)


class IndexMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.index = opened(self.place / "index", create=True)
        self.expected: dict[str, int] = {}
        self.linked: set[frozenset[str]] = set()

    @rule(tickets=st.dictionaries(NAMES, st.integers(0, 2), min_size=1, max_size=6))
    def put(self, tickets: dict[str, int]) -> None:
        added = sum(name not in self.expected for name in tickets)
        unchanged = sum(self.expected.get(name) == version for name, version in tickets.items())
        change = self.index.put(embedded(list(tickets), list(tickets.values())))
        assert change == IndexChange(added, len(tickets) - added - unchanged, unchanged)
        self.expected |= tickets

    @rule(tickets=st.dictionaries(NAMES, st.integers(0, 2), min_size=1, max_size=6))
    def hold(self, tickets: dict[str, int]) -> None:
        self.index.hold(embedded(list(tickets), list(tickets.values())))
        self.expected |= tickets

    @rule(names=st.lists(NAMES, min_size=1, max_size=8, unique=True))
    def delete(self, names: list[str]) -> None:
        assert self.index.delete(names) == sum(name in self.expected for name in names)
        for name in names:
            self.expected.pop(name, None)
        self.linked = {pair for pair in self.linked if pair.isdisjoint(names)}

    @rule(pairs=st.lists(st.tuples(NAMES, NAMES), max_size=4))
    def link(self, pairs: list[tuple[str, str]]) -> None:
        stored = {frozenset(pair) for pair in pairs if set(pair) <= self.expected.keys()}
        new = {pair for pair in stored if len(pair) == 2} - self.linked
        assert self.index.link(pairs) == len(new)
        self.linked |= new

    @precondition(lambda self: (self.place / "index" / "index.json").exists())
    @rule()
    def reopen(self) -> None:
        self.index.compact()  # writes what is held in memory
        self.index = opened(self.place / "index")

    @rule(name=NAMES)
    def another_writes(self, name: str) -> None:
        if not self.index.is_on_disk:
            self.index.compact()
        opened(self.place / "index", create=True).put(embedded([name], [5]))
        self.expected[name] = 5
        self.index = opened(self.place / "index")

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @invariant()
    def holds_what_it_was_given(self) -> None:
        check_content(self.index, self.expected)
        for name in self.expected:
            tied = {other for pair in self.linked if name in pair for other in pair} - {name}
            assert set(self.index.links.of(name)) == tied

    def teardown(self) -> None:
        shutil.rmtree(self.place)


TestIndexAgainstDictionary = IndexMachine.TestCase
TestIndexAgainstDictionary.settings = settings(max_examples=8, stateful_step_count=14, deadline=None)


def test_what_is_held_is_found_at_once_and_written_when_there_is_enough(tmp_path: Path) -> None:
    index = opened(tmp_path / "index", create=True)
    index.put(embedded(["T1", "T2"], [0, 0]))
    on_disk = sorted(path.name for path in (tmp_path / "index").iterdir())
    index.hold(embedded(["T2", "T3"], [1, 0]))
    kept = index.snapshot()
    index.hold(embedded(["T3"], [2]))
    check_content(index, {"T1": 0, "T2": 1, "T3": 2})
    check_content(kept, {"T1": 0, "T2": 1, "T3": 0})
    assert not index.is_on_disk
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == on_disk
    check_content(opened(tmp_path / "index"), {"T1": 0, "T2": 0})  # as after a kill
    for n in range(4, 4 + 300):
        index.hold(embedded([f"T{n}"], [0]))
    written = len(opened(tmp_path / "index"))
    assert 250 < written < len(index) == 303, "most of them are on the disk"
    index.compact()
    assert index.is_on_disk and len(opened(tmp_path / "index")) == 303


def test_a_full_disk_loses_nothing_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(tmp_path / "index", create=True)
    index.put(embedded(["T1"], [0]))
    index.hold(embedded(["T1", "T2"], [1, 0]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ticketkin.serving.index_changes.write_segment", full)
        with pytest.raises(OSError, match="No space"):
            index.compact()
    check_content(index, {"T1": 1, "T2": 0})
    index.compact()
    check_content(opened(tmp_path / "index"), {"T1": 1, "T2": 0})


def test_small_segments_are_merged(tmp_path: Path) -> None:
    index = opened(tmp_path / "index", create=True)
    for number in range(12):
        index.put(embedded([f"T{number}"], [0]))
    assert len(list((tmp_path / "index").glob("segment-*"))) <= 9
    check_content(index, {f"T{number}": 0 for number in range(12)})


def test_a_kill_at_any_step_loses_nothing_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("index_killing.py")), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "index"
    opened(place, create=True).put(embedded(["T1", "T2", "T3"], [0, 0, 0]))
    return place


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("segment-*/*"))


def test_a_changed_byte_of_any_file_is_reported(folder: Path) -> None:
    for path in files_of(folder):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(UnreadableFileError, match="its content changed"):
            opened(folder)
        path.write_bytes(content)
    opened(folder).check()


def test_damaged_links_are_reported(folder: Path) -> None:
    opened(folder).link([("T1", "T2")])
    path = folder / "links.json"
    content = path.read_text()
    for damage in ("", "[]", content.replace("T2", "T3"), content.replace('"version": 1', '"version": 2')):
        path.write_text(damage)
        with pytest.raises(UnreadableFileError, match=REMEDY):
            opened(folder).check()
    path.write_text(content)
    opened(folder).check()


def test_a_missing_or_short_file_is_reported(folder: Path) -> None:
    path = files_of(folder)[3]
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    with pytest.raises(UnreadableFileError, match=REMEDY):
        opened(folder)
    path.unlink()
    with pytest.raises(UnreadableFileError, match="not complete"):
        opened(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 3, "bundle": "x", "segments": [{}]}'])
def test_a_damaged_manifest_is_reported(folder: Path, content: str) -> None:
    (folder / "index.json").write_text(content)
    with pytest.raises(UnreadableFileError, match="damaged"):
        opened(folder)


def test_another_version_another_bundle_and_none_are_reported(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="belongs to the bundle"):
        Index.open(folder, scorer(), "c" * 64)
    manifest = folder / "index.json"
    manifest.write_text(manifest.read_text().replace(f'"version": {VERSION}', '"version": 2'))
    with pytest.raises(UnreadableFileError, match="version 2"):
        opened(folder)
    with pytest.raises(MissingInputError, match="ticketkin index"):
        opened(tmp_path / "none")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="other files"):
        opened(tmp_path / "other", create=True)


def test_a_second_writer_is_refused_and_a_reader_is_not(folder: Path) -> None:
    index = opened(folder)
    before = hash_path(folder)
    with index._writing():
        other = opened(folder)
        assert len(other) == 3
        with pytest.raises(RunLockedError, match="changed by another process"):
            other.put(embedded(["T4"], [0]))
    assert hash_path(folder) == before
    assert other.put(embedded(["T4"], [0])).n_added == 1
    assert index.delete(["T4"]) == 1  # it reads what the other one wrote
