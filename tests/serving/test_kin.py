"""Answers for new tickets from Python."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import current_thread
from typing import Any

import numpy as np
import pytest

from bundle_material import Judged
from ticketkin import Kin
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.relations.parents import Parent
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.search import KinSearch


@pytest.fixture(scope="module")
def kin(judged: Judged) -> Kin:
    return Kin.open(judged.bundle, create=False)


def test_a_text_gets_kin_with_evidence(kin: Kin, judged: Judged) -> None:
    title, description = judged.tickets.frame.select("title", "description").row(150)
    answer = kin.relate(f"{title}\n{description}", k=10)
    assert 0 < len(answer.relations) <= 10
    assert answer.ticket_id == ""
    assert any(one.title == title for one in answer.relations)
    order = {"say": 0, "suggest": 1, "silent": 2}
    bands = [order[one.band or "silent"] for one in answer.relations]
    assert bands == sorted(bands)
    assert all(0 <= (one.probability or 0) <= 1 for one in answer.relations)
    assert any("both say" in line for one in answer.relations for line in one.evidence)


def test_words_are_searched_while_the_encoder_reads_and_the_answer_is_the_same(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    title, description = judged.tickets.frame.select("title", "description").row(150)
    answers = []
    for beside in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(Bundle, "encodes_beside", beside)
            kin = Kin.open(judged.bundle, create=False)
            threads = _threads_of_words(patch)
            answers.append(kin.relate(f"{title}\n{description}"))
        assert (threads == {current_thread().name}) is not beside
    assert answers[0] == answers[1]


def _threads_of_words(patch: pytest.MonkeyPatch) -> set[str]:
    names: set[str] = set()
    searched = KinSearch.by_words

    def by_words(self: KinSearch, *arguments: Any) -> Any:
        names.add(current_thread().name)
        return searched(self, *arguments)

    patch.setattr(KinSearch, "by_words", by_words)
    return names


def test_a_ticket_with_nearly_the_same_text_is_shown_whatever_else_speaks_against_it(
    kin: Kin, judged: Judged
) -> None:
    title, description = judged.tickets.frame.select("title", "description").row(150)
    opened = datetime(1970, 1, 1) + timedelta(microseconds=kin.index.newest_opening, days=900)
    copied = kin.relate(f"{title}\n{description}", opened_at=opened)
    same = [one for one in copied.relations if one.nearly_same_text]
    assert [one.title for one in same] == [title]
    assert same[0].evidence[0] == "nearly the same text"
    assert not same[0].is_silent
    assert copied.relations.index(same[0]) == sum(one.band in ("say", "suggest") for one in copied.relations)
    other = kin.relate("A sentence that nobody at this desk has ever written before, about penguins")
    assert not any(one.nearly_same_text for one in other.relations)


def test_an_index_that_was_not_fed_for_long_is_named(kin: Kin, judged: Judged) -> None:
    newest = datetime(1970, 1, 1) + timedelta(microseconds=kin.index.newest_opening)
    for days, is_named in ((1, False), (29, False), (31, True), (900, True)):
        answer = kin.relate("Printer is dead", opened_at=newest + timedelta(days=days))
        assert any(f"opened {days:,} days before" in note for note in answer.notes) is is_named


def test_fields_count_and_unknown_ones_are_refused(kin: Kin, judged: Judged) -> None:
    row = judged.tickets.frame.row(150, named=True)
    answer = kin.relate(row["title"], k=3, service=row["service"])
    assert any(f"same service: {row['service']}" in one.evidence for one in answer.relations)
    for wrong in ("colour", "close_notes", "parent"):
        with pytest.raises(InputError, match="allowed are title, description"):
            kin.relate("Printer is dead", **{wrong: "x"})
    with pytest.raises(InputError, match="given twice"):
        kin.relate("Printer is dead", title="Printer")


def test_a_stored_ticket_never_finds_itself(kin: Kin, judged: Judged) -> None:
    row = judged.rows[-1]
    ticket = judged.tickets.frame.row(row, named=True)
    by_number = kin.relate(ticket["number"])
    as_record = kin.relate({name: ticket[name] for name in ("number", "title", "description", "opened_at")})
    for answer in (by_number, as_record):
        assert answer.ticket_id == ticket["ticket_id"]
        assert answer.relations
        assert ticket["ticket_id"] not in {one.ticket_id for one in answer.relations}
        assert all(ticket["ticket_id"] not in one.alike for one in answer.relations)
    with pytest.raises(InputError, match="no ticket 'INC9999999'"):
        kin.relate_stored(["INC9999999"])


@pytest.mark.parametrize("text", ["", "   \n ", "n/a", {"title": "", "description": "-"}])
def test_a_ticket_without_text_is_refused(kin: Kin, text: str) -> None:
    with pytest.raises(InputError, match="no text"):
        kin.relate(text)


def test_a_very_long_text_is_answered_and_its_cut_is_stated(kin: Kin) -> None:
    answer = kin.relate("Outlook asks for the password again. " * 2_800)
    assert answer.relations
    assert any("cut at 20,000 characters, as in training" in note for note in answer.notes)
    limit = kin.bundle.max_length_tokens
    assert any(f"reads its first {limit} tokens" in note for note in answer.notes)


@pytest.mark.parametrize("text", ["打印机无法连接网络", "Принтер не печатает", "الطابعة لا تعمل", "🖨️ ❌"])
def test_other_scripts_are_ordinary(kin: Kin, text: str) -> None:
    assert kin.relate(text, k=3).relations


def test_an_opening_time_in_the_future_is_answered_and_noted(kin: Kin, judged: Judged) -> None:
    answer = kin.relate(judged.tickets.frame["title"][10], opened_at=datetime.now() + timedelta(days=30))
    assert answer.relations
    assert any("opens in the future" in note for note in answer.notes)
    early = kin.relate(judged.tickets.frame["title"][10], opened_at="1990-01-01 00:00:00")
    assert early.relations == []
    with pytest.raises(InputError, match="can't be read as a time"):
        kin.relate("Printer is dead", opened_at="the day before yesterday")


def test_personal_data_is_masked_as_in_training(kin: Kin) -> None:
    answer = kin.relate("Password for jane.doe@example.com does not work")
    assert "jane.doe" not in answer.title and "[EMAIL]" in answer.title
    assert any("masked" in note for note in answer.notes)


def test_tickets_are_added_updated_and_found(bundle: Path, tmp_path: Path) -> None:
    kin = Kin.open(bundle, tmp_path / "fresh")
    with pytest.raises(InputError, match="holds no ticket yet"):
        kin.relate("Printer is dead")
    solved = {
        "number": "INC1", "title": "Kaffeemaschine zeigt Fehler E17", "state": "Closed",
        "close_notes": "Pump was blocked by limescale and has been replaced",
        "opened_at": "2024-01-05 10:00:00", "resolved_at": "2024-01-06 10:00:00",
    }  # fmt: skip
    templates = [
        {"number": f"INC{n}", "opened_at": f"2024-01-{n:02d} 10:00:00",
         "title": f"Disk usage alert on server srv{n:03d} volume {n} is above {n} percent of limit"}
        for n in range(10, 20)
    ]  # fmt: skip
    change = kin.add([solved, *templates])
    assert (change.n_added, change.n_updated, change.n_unchanged) == (11, 0, 0)
    again = kin.add([solved, {**templates[0], "state": "Closed"}])
    assert (again.n_added, again.n_updated, again.n_unchanged) == (0, 1, 1)
    again = Kin.open(bundle, tmp_path / "fresh")
    assert len(again) == 11
    answer = again.relate("Kaffeemaschine Fehler E17", k=5)
    first = next(one for one in answer.relations if one.ticket_id == "INC1")
    assert "limescale" in first.solution
    alerts = [one for one in answer.relations if one.title.startswith("Disk usage alert")]
    assert len(alerts) == 1 and len(alerts[0].alike) == 9
    with pytest.raises(InputError, match="no field 'solution'"):
        kin.add([{"number": "1", "solution": "x"}])


def test_an_index_of_another_bundle_is_refused(judged: Judged, bundle: Path) -> None:
    record = bundle / "index/index.json"
    record.write_text(record.read_text().replace('"bundle": "', '"bundle": "0'))
    with pytest.raises(InputError, match="belongs to the bundle"):
        Kin.open(bundle, create=False)
    with pytest.raises(MissingInputError, match="ticketkin index"):
        Kin.open(judged.bundle, bundle / "nowhere", create=False)


def test_parents_are_followed_through_stored_tickets(bundle: Path, tmp_path: Path) -> None:
    kin = Kin.open(bundle, tmp_path / "fresh")
    text = "VPN client drops the tunnel after standby on the train"
    tickets = [
        {"number": "INC1", "title": text, "opened_at": "2024-01-01 10:00:00"},
        {"number": "INC2", "title": text + " again", "opened_at": "2024-01-02 10:00:00", "parent": "INC1"},
    ]
    kin.add(tickets)
    row = kin.index.row_of("INC2")
    assert row is not None
    stored = kin.index.tickets(np.array([row])).frame.row(0, named=True)
    search, asked = KinSearch(kin.bundle, kin.index), {"opened_at": datetime(2024, 2, 1)}
    assert search.parent(asked, stored, row) == Parent("INC1", is_open=True)
    first = kin.index.row_of("INC1")
    assert first is not None
    top = kin.index.tickets(np.array([first])).frame.row(0, named=True)
    assert search.parent(asked, top, first) == Parent("INC1", is_open=True)


def test_duplicates_linked_elsewhere_tell_the_parent_and_outlive_an_update(
    bundle: Path, tmp_path: Path
) -> None:
    kin = Kin.open(bundle, tmp_path / "fresh")
    text = "VPN client drops the tunnel after standby on the train"
    tickets = [
        {"number": f"INC{n}", "title": text, "state": "New", "opened_at": f"2024-01-0{n} 10:00:00"}
        for n in (1, 2, 3)
    ]
    kin.add(tickets)

    def parent(number: str) -> str:
        row = kin.index.row_of(number)
        assert row is not None
        stored = kin.index.tickets(np.array([row])).frame.row(0, named=True)
        head = KinSearch(kin.bundle, kin.index).parent({"opened_at": datetime(2024, 2, 1)}, stored, row)
        open_there[number] = head.is_open
        return head.ticket_id

    open_there: dict[str, bool] = {}
    assert parent("INC3") == "INC3"
    assert kin.link([("INC2", "INC3"), ("INC2", "INC1")]) == 2
    assert kin.link([("INC3", "INC2")]) == 0, "the order within a pair says nothing"
    assert parent("INC3") == parent("INC1") == "INC1", "over a third ticket"
    kin.add([{**tickets[2], "title": text + " again"}])
    assert parent("INC3") == "INC1"
    assert Kin.open(bundle, tmp_path / "fresh").index.links.of("INC3") == ["INC2"]
    with pytest.raises(InputError, match="no ticket 'INC9'"):
        kin.link([("INC1", "INC9")])
    assert all(open_there.values())
    kin.add([{**one, "state": "Closed"} for one in tickets[:2]])
    assert parent("INC1") == "INC3", "the only one that is open"
    kin.add([{**one, "state": "Closed"} for one in tickets])
    assert parent("INC3") == "INC1" and not open_there["INC3"], "all are closed: the first filed"
    kin.index.delete(["INC2"])
    assert parent("INC3") == "INC3" and not open_there["INC3"]


def test_a_ticket_that_opens_now_sees_what_a_desk_ahead_of_utc_has_just_stored(
    bundle: Path, tmp_path: Path
) -> None:
    kin = Kin.open(bundle, tmp_path / "fresh")
    local = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=9)
    kin.add([{"number": "INC1", "title": "Badge reader at the gate is dead", "opened_at": local}])
    answer = kin.relate("Badge reader at the gate is dead")
    assert [one.ticket_id for one in answer.relations] == ["INC1"]
    assert not answer.notes or "future" not in " ".join(answer.notes)


def test_ten_lines_of_python(bundle: Path, tmp_path: Path) -> None:
    collected = []
    with Kin.open(bundle, tmp_path / "fresh") as kin:
        kin.add([
            {"number": "INC1", "title": "Outlook asks for the password", "service": "Email"},
            {"number": "INC2", "title": "Printer prints empty pages", "service": "Printing"},
        ])  # fmt: skip
        answer = kin.relate("Outlook asks for the password again", k=5, service="Email")
        for relation in answer.relations:
            collected.append((relation.ticket_id, relation.kind, relation.band, relation.evidence))
    assert {ticket for ticket, *_ in collected} == {"INC1", "INC2"}
    assert any("same service: Email" in evidence for *_, evidence in collected)
