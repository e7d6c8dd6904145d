"""The sample: deterministic, linked, scarred, and hard enough to leave room for tuning."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import ConfigurationError
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import AT_ONCE, COLUMNS, OMITTED, SampleSummary, phrases, write_sample
from ticketkin.tickets.sample.incidents import SERVICES
from ticketkin.tickets.settings import TicketSettings


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False).fill_null("")


@pytest.fixture(scope="module", params=[(7, 0.0), (42, 0.0), (42, AT_ONCE)])
def sample(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, SampleSummary, pl.DataFrame, pl.DataFrame]:
    path = tmp_path_factory.mktemp("sample") / "incidents.csv"
    seed, at_once = request.param
    summary = write_sample(path, 1200, seed, at_once=at_once, write_truth=True)
    return path, summary, _read(path), _read(path.with_name("truth.csv"))


Sample = tuple[Path, SampleSummary, pl.DataFrame, pl.DataFrame]


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_sample(tmp_path / f"{name}.csv", 300, seed)
    first, second, third = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert first == second != third


def test_json_lines_hold_the_same_rows(tmp_path: Path) -> None:
    write_sample(tmp_path / "s.csv", 100, 5)
    write_sample(tmp_path / "s.jsonl", 100, 5)
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == _read(tmp_path / "s.csv").to_dicts()


def test_columns_and_counts_match_the_truth(sample: Sample) -> None:
    _, summary, frame, truth = sample
    assert tuple(frame.columns) == COLUMNS
    assert summary.n_tickets == frame.height == truth.height == 1200
    assert frame["number"].n_unique() == frame["sys_id"].n_unique() == 1200
    assert summary.n_events == truth.filter(pl.col("event") != "")["event"].n_unique()
    assert summary.n_alerts == (truth["role"] == "alert").sum()
    sizes = Counter(truth.filter(pl.col("role") == "report")["event"].to_list())
    assert summary.n_kin_groups == sum(size > 1 for size in sizes.values()) > 100
    assert max(sizes.values()) <= 6


def test_links_lead_to_earlier_tickets_of_the_same_event(sample: Sample) -> None:
    _, summary, frame, truth = sample
    event = dict(zip(truth["number"], truth["event"], strict=True))
    written = 0
    for row in frame.to_dicts():
        named = re.findall(r"INC\d{7}", row["close_notes"] if row["close_code"] == "Duplicate" else "")
        targets = [number for number in (row["parent_incident"], row["caused_by"], *named) if number]
        written += len(targets)
        for target in targets:
            assert target != row["number"] and event[target] == event[row["number"]] != ""
    assert written == summary.n_links
    assert summary.n_causes == (frame["caused_by"] != "").sum() > 0
    assert (frame["problem_id"] != "").sum() > 20
    assert 0.15 <= summary.n_links_omitted / (summary.n_links + summary.n_links_omitted) <= 0.25


def test_a_good_desk_records_nearly_all_links_and_tells_the_same_stories(tmp_path: Path) -> None:
    for name, omitted in (("desk", 0.2), ("good", OMITTED)):
        (tmp_path / name).mkdir()
        summary = write_sample(tmp_path / name / "s.csv", 600, 42, omitted=omitted, write_truth=True)
    assert 0 < summary.n_links_omitted / (summary.n_links + summary.n_links_omitted) <= 0.08
    titles, others = (_read(tmp_path / name / "s.csv")["short_description"] for name in ("desk", "good"))
    assert titles.equals(others)


def test_import_reads_the_sample_and_its_kin_are_true_kin(sample: Sample) -> None:
    path, _, _, truth = sample
    result = import_tickets([path], TicketSettings())
    assert result.summary.system == "servicenow"
    assert (result.summary.n_tickets, result.summary.n_rejected) == (1200, 0)
    assert result.summary.repairs.keys() == {"characters", "excel_dates", "placeholders"}
    assert not result.tickets.frame["description"].str.contains("_x000|\u00e2\u20ac").any()
    groups = kin_groups(result.tickets, links_from_tickets(result.tickets).links)
    assert len(groups.groups) > 100
    event = truth["event"].to_list()
    assert all(len({event[row] for row in rows}) == 1 for rows in groups.groups)


def test_personal_data_and_excel_scars_are_there_to_be_found(sample: Sample) -> None:
    path, _, frame, _ = sample
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert frame["description"].str.contains("_x000D_\n", literal=True).any()
    assert frame["description"].str.contains("\u00e2\u20ac").any()  # a curly quote or dash, misread
    text = "\n".join(frame["description"])
    assert "@example.com" in text and "202-555-01" in text and "4111 1111 1111 1111" in text
    assert set(re.findall(r"@[\w.]+\w", text)) <= {"@example.com", "@example.org"}
    assert frame["closed_at"].str.contains(r"^\d{5}\.\d+$").any()
    assert any((frame[column] == "null").any() for column in COLUMNS)


def _template(sentence: str) -> str:
    """Return the sentence without what differs from event to event: names, places, things, numbers."""
    slots = {
        *phrases.TOWNS,
        *phrases.BUILDINGS,
        *phrases.TEAMS,
        *phrases.FIRST,
        *phrases.LAST,
        *phrases.ATTEMPTS,
    }
    slots |= {thing for service in SERVICES for fault in service.faults for thing in fault.objects}
    slots |= {service.name for service in SERVICES}
    names = "|".join(re.escape(slot) for slot in sorted(slots, key=len, reverse=True))
    masked = re.sub(rf"\b(?:{names})\b", "*", sentence, flags=re.IGNORECASE)
    return re.sub(r"\w*\d[\w.:-]*", "#", masked).lower()


def test_no_longer_sentence_template_is_shared_between_events(sample: Sample) -> None:
    _, summary, frame, truth = sample
    events: defaultdict[str, set[str]] = defaultdict(set)
    rows = zip(frame["short_description"], frame["description"], truth["event"], strict=True)
    for title, text, event in rows:
        for sentence in [title, *re.split(r"(?<=[.!?])\s+|\n+", text)] if event else ():
            if len(sentence.split()) > 7 and "@example" not in sentence:
                events[_template(sentence)].add(event)
    assert summary.n_shared_templates == 0
    assert len(events) > 1500
    # A vague word in place of the thing can make two templates look alike once it is masked.
    shared = [sentence for sentence, owners in events.items() if len(owners) > 1]
    assert len(shared) <= 0.01 * len(events), shared


def test_words_alone_find_many_kin_but_not_all(sample: Sample) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    _, _, frame, truth = sample
    texts = [f"{t}. {d}" for t, d in zip(frame["short_description"], frame["description"], strict=True)]
    weights = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    similarities = (weights @ weights.T).toarray()
    event = np.where(truth["role"] == "report", truth["event"], [f"-{row}" for row in range(1200)])
    collected = []
    for row in range(1200):
        if (event[:row] == event[row]).any():
            nearest = np.argsort(-similarities[row, :row], kind="stable")[:10]
            collected.append((event[nearest] == event[row]).any())
    assert 0.55 <= np.mean(collected) <= 0.85


def _share_beside_others(folder: Path, at_once: float) -> float:
    """Return the share of reported events beside which another of the same service and fault began."""
    write_sample(folder / "s.csv", 1200, 42, at_once=at_once, write_truth=True, force=True)
    frame, truth = _read(folder / "s.csv"), _read(folder / "truth.csv")
    reports = frame.with_columns(truth["event"], truth["role"]).filter(pl.col("role") == "report")
    events = reports.group_by("event").agg(
        pl.col("business_service").first(), pl.col("subcategory").mode().first(),
        pl.col("opened_at").str.to_datetime().min(),
    )  # fmt: skip
    both = events.join(events, on=["business_service", "subcategory"])
    apart = (pl.col("opened_at") - pl.col("opened_at_right")).dt.total_minutes().abs()
    beside = both.filter(pl.col("event") != pl.col("event_right"), apart <= 60)
    return beside["event"].n_unique() / len(events)


def test_events_at_once_share_service_fault_and_hours(tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    assert _share_beside_others(tmp_path / "apart", 0.0) < 0.2
    assert _share_beside_others(tmp_path, AT_ONCE) > 0.8


@settings(max_examples=25, deadline=None)
@given(n_tickets=st.integers(20, 120), seed=st.integers(0, 2**31), at_once=st.sampled_from([0.0, 1.0]))
def test_any_size_has_exactly_the_tickets_asked_for(
    tmp_path_factory: pytest.TempPathFactory, n_tickets: int, seed: int, at_once: float
) -> None:
    path = tmp_path_factory.mktemp("any") / "s.csv"
    summary = write_sample(path, n_tickets, seed, at_once=at_once)
    frame = _read(path)
    assert summary.n_tickets == frame.height == n_tickets
    assert frame["opened_at"].is_sorted()
    assert (frame["short_description"] != "").all() and (frame["description"] != "").all()


@pytest.mark.parametrize(
    ("name", "n_tickets", "message"), [("s.xlsx", 50, ".csv or .jsonl"), ("s.csv", 3, "20 or more")]
)
def test_bad_requests_say_what_is_allowed(tmp_path: Path, name: str, n_tickets: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        write_sample(tmp_path / name, n_tickets)
    assert not list(tmp_path.iterdir())
