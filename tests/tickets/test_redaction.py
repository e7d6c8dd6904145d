"""Redaction: what is found, what is left alone, and what always holds."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.cli.job_options import JobOptions
from ticketkin.core.errors import ConfigurationError, InputError, MissingExtraError
from ticketkin.tickets.redaction import REDACTION_VERSION, Redactor, recognised_kinds, redact
from ticketkin.tickets.redaction.known_names import WordList, entity_spans, person_finder
from ticketkin.tickets.redaction.predicates import is_predicate
from ticketkin.tickets.redaction.recogniser import labels
from ticketkin.tickets.redaction.redactor import RECOGNISERS
from ticketkin.tickets.settings import TicketSettings

_BENCHMARK = Path(__file__).parents[2] / "benchmarks/redaction.py"
_spec = importlib.util.spec_from_file_location("benchmarks_redaction", _BENCHMARK)
assert _spec is not None and _spec.loader is not None
measure = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = measure
_spec.loader.exec_module(measure)

SECRETS = {"credential", "token"}


@pytest.mark.parametrize("family", ["secrets", "identifiers"])
def test_precision_and_recall_on_the_sentences(family: str) -> None:
    scores = measure.score(measure.read_sentences())
    kinds = [kind.name for kind in recognised_kinds() if (kind.name in SECRETS) == (family == "secrets")]
    kind_scores = [scores[kind] for kind in kinds]
    misses = [line for score in kind_scores for line in score.misses]
    n_right, n_wrong = sum(s.n_right for s in kind_scores), sum(s.n_wrong for s in kind_scores)
    assert sum(s.n_replaced for s in kind_scores) / sum(s.n_marked for s in kind_scores) >= 0.97, misses
    assert n_right / (n_right + n_wrong) >= 0.97, misses


def test_precision_and_recall_on_the_sentences_written_later() -> None:
    scores = measure.score(measure.read_sentences(measure.FRESH_SENTENCES))
    misses = [line for score in scores.values() for line in score.misses]
    assert scores["all"].recall >= 0.97, misses
    assert scores["all"].precision >= 0.97, misses


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Affected user: Doe, Jane\nSite: Lyon", "Affected user: [NAME]\nSite: Lyon"),
        ("Demandeur : BEISPIEL Jane", "Demandeur : [NAME]"),
        ("Caller: Jane BEISPIEL", "Caller: [NAME]"),
        ("Contact on site: Jane Doe", "Contact on site: [NAME]"),
        ("Danke!\nVG Jane", "Danke!\nVG [NAME]"),
        ("wifi key for the guests: rainy-day-13", "wifi key for the guests: [CREDENTIAL]"),
        ("token for the interface: 4d2f8a6b1c9e7d3f5a0b", "token for the interface: [TOKEN]"),
        ("Zugangsdaten: jroe / Adm1n!", "Zugangsdaten: [USER_ID] / [CREDENTIAL]"),
        ("ssh -p 22 jroe@host7 hangs", "ssh -p 22 [USER_ID]@host7 hangs"),
        ("Der User KJROE1 ist gesperrt", "Der User [USER_ID] ist gesperrt"),
        ("Geb.-Datum: 01.04.1979", "Geb.-Datum: [BIRTH_DATE]"),
    ],
)
def test_forms_of_names_keys_and_user_ids(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Name: ADOBE Reader",
        "User: Chrome, Version 12",
        "Contact: SAP Basis",
        "user sees LG Monitor",
        "token for order: 4500127733",
        "wifi key for guests: see wiki",
        "informed user INC0012345",
        "user WINDOWS11 rollout",
        "scp x git@gitserver:team/tool",
        "User: HR2",
    ],
)
def test_look_alikes_of_names_keys_and_user_ids_stay(text: str) -> None:
    assert redact(text) == text


def test_the_sentences_are_many_and_half_are_innocent() -> None:
    sentences = measure.read_sentences()
    n_innocent = sum(not sentence.spans for sentence in sentences)
    assert len(sentences) >= 400
    assert 0.45 <= n_innocent / len(sentences) <= 0.55
    assert {sentence.language for sentence in sentences} >= {"en", "de", "fr"}
    marked = {kind for sentence in sentences for _, _, kind in sentence.spans}
    assert marked == {kind.name for kind in recognised_kinds()}


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=lambda r: r.name)
def test_each_recogniser_finds_its_own_example_and_is_triggered_by_it(recogniser) -> None:
    matches = list(recogniser.pattern.finditer(recogniser.example))
    assert any(recogniser.locate(match) for match in matches)
    replacements = Redactor().replacements(recogniser.example)
    assert replacements, "no trigger of the recogniser is in its example"


def test_kinds_say_what_they_are() -> None:
    kinds = recognised_kinds()
    assert len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert kind.placeholder == f"[{kind.name.upper()}]"
        assert kind.description.endswith(".")
        assert redact(f"it was {kind.placeholder} yesterday") == f"it was {kind.placeholder} yesterday"


examples = st.sampled_from([recogniser.example for recogniser in RECOGNISERS])
placeholders = st.sampled_from([kind.placeholder for kind in recognised_kinds()])
labels_and_signs = st.sampled_from(
    [
        "password: ",
        "Passwort ist ",
        "token=",
        "PIN ",
        "user: ",
        "tel ",
        "iban ",
        "Mr. ",
        "Regards,\n",
        "geb. ",
    ]
) | st.sampled_from("@()-.,:=<>[]/#\n \\\"'01xA")
mixed = st.lists(examples | placeholders | labels_and_signs | st.text(max_size=6), max_size=8)


@given(mixed.map("".join) | mixed.map(" ".join) | st.text(max_size=100))
@settings(max_examples=400, deadline=None)
def test_redaction_is_idempotent(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(mixed.map("".join), mixed.map(" ".join), st.sampled_from(["", " ", "\n"]))
@settings(max_examples=200, deadline=None)
def test_no_placeholder_is_lost_when_texts_are_joined(left: str, right: str, between: str) -> None:
    joined = redact(left) + between + redact(right)
    again = redact(joined)
    for kind in recognised_kinds():
        assert again.count(kind.placeholder) >= joined.count(kind.placeholder)


@given(mixed.map(" ".join))
@settings(max_examples=200, deadline=None)
def test_replacements_lie_in_the_text_that_was_given(text: str) -> None:
    counts: Counter[str] = Counter()
    redacted = redact(text, counts)
    replacements = Redactor().replacements(text)
    assert Counter(r.kind.name for r in replacements) == counts
    rebuilt, end = "", 0
    for r in replacements:
        rebuilt += text[end : r.start] + r.kind.placeholder
        end = r.end
    assert rebuilt + text[end:] == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        # The commonest tickets of a desk keep the words that tell them apart.
        ("password is not working", "password is not working"),
        ("password expiring", "password expiring"),
        ("Passwort ist abgelaufen", "Passwort ist abgelaufen"),
        ("mot de passe oublié", "mot de passe oublié"),
        ("the token is invalid", "the token is invalid"),
        # A word alone is a secret where it is no predicate.
        ("password: banana", "password: [CREDENTIAL]"),
        ("password: banana bread is sold out", "password: banana bread is sold out"),
        ("DB_PASSWORD=${SECRET}", "DB_PASSWORD=${SECRET}"),
        ('{"password": "x"}', '{"password": "[CREDENTIAL]"}'),
        # What is beside a replacement stays.
        ("<jane@example.com>;", "<[EMAIL]>;"),
        ("10.0.0.7:8080/24", "[IP]:8080/24"),
        ("version 10.0.0.7", "version 10.0.0.7"),
    ],
)
def test_secrets_go_and_words_about_them_stay(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe@example.com please", "email"),
        ("call +49 30 5550 1234 now", "phone"),
        ("call (030) 555-01234", "phone"),
        ("pay with 4111 1111 1111 1111", "card"),
        ("password: hunter2", "credential"),
        ("my Passwort ist Sommer2025", "credential"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "token"),
        ("https://user:secret@host/path", "credential"),
        ("ping 192.168.100.200", "ip"),
    ],
)
def test_kinds_are_found_and_counted(text: str, kind: str) -> None:
    counts: Counter[str] = Counter()
    assert f"[{kind.upper()}]" in redact(text, counts)
    assert counts == {kind: 1}


@pytest.mark.parametrize(
    "text",
    ["INC0012345 again", "version 10.4.2.1183", "at 2024-01-02 03:04:05", "1404344000123", "PRB0040123",
     "4111 1111 1111 1112", "error 0x80070005", "127.0.0.1", "255.255.255.0"],
)  # fmt: skip
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert redact(text) == text


def test_predicates_of_compound_words() -> None:
    assert is_predicate("wrong/expired")
    assert is_predicate("auto-generated")
    assert not is_predicate("banana")
    assert not is_predicate("expired24")


def test_labels_begin_with_letters() -> None:
    with pytest.raises(ValueError, match="begins with no letter"):
        labels("password|[xy]z")


def test_words_of_a_list_go_exactly_and_whatever_their_case(tmp_path: Path) -> None:
    words = tmp_path / "names.txt"
    words.write_text("\ufeffJane van Roe\n\nroe\nMÜLLER\nx-4711\n", "utf-8")
    redactor = Redactor.of(TicketSettings(redact_words=words))
    counts: Counter[str] = Counter()
    text = "JANE  van\nRoe met Roe, müller's X-4711 and Roeder near x-47110"
    assert redactor.redact(text, counts) == "[NAME] met [NAME], [NAME]'s [NAME] and Roeder near x-47110"
    assert counts == {"name": 4}


@pytest.mark.parametrize("line", ["a", "--", "y" * 300])
def test_a_line_that_would_replace_the_text_itself_is_refused(line: str) -> None:
    with pytest.raises(ConfigurationError, match="line 2"):
        WordList.of(["Jane", line])


def test_a_list_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"M\xfcller\n")
    for path in (tmp_path / "absent.txt", tmp_path, tmp_path / "names.txt"):
        with pytest.raises(ConfigurationError, match="--redact-words"):
            Redactor.of(TicketSettings(redact_words=path))


@given(
    st.text(alphabet="ab '-", max_size=30),
    st.lists(st.text(alphabet="ab '-", min_size=2, max_size=6), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_words_of_a_list_are_idempotent(text: str, lines: list[str]) -> None:
    lines = [line for line in lines if len(line.strip(" '-")) > 1]
    redactor = Redactor(WordList.of(lines))
    once = redactor.redact(text)
    assert redactor.redact(once) == once


def test_the_option_reaches_the_settings(tmp_path: Path) -> None:
    export, words = tmp_path / "export.csv", tmp_path / "names.txt"
    export.write_text("id,title\n1,a\n")
    words.write_text("Jane\n")
    job = JobOptions([export], map_="title=title", redact_words=words).job()
    assert job.settings.tickets.redact_words == words
    with pytest.raises(InputError, match="no such file"):
        JobOptions([export], redact_words=tmp_path / "absent.txt").job()


def test_a_pipeline_that_is_absent_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"ticketkin\[names\]|xx_absent_pipeline"):
        person_finder(("xx_absent_pipeline",))


def test_a_spacy_pipeline_finds_people() -> None:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns(
        [{"label": "PERSON", "pattern": "Jane Roe"}, {"label": "ORG", "pattern": "Example Corp"}]
    )
    redactor = Redactor(people=entity_spans([pipeline]))
    assert redactor.redact("ask Jane Roe of Example Corp") == "ask [NAME] of Example Corp"


def test_the_version_is_a_short_name() -> None:
    assert REDACTION_VERSION.isdigit()
