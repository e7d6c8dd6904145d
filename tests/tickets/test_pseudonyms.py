"""People keep one pseudonym in all imports with one secret, and nothing that is stored gives them away."""

import os
import re
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.core.errors import ConfigurationError
from ticketkin.serving.incoming import new_ticket
from ticketkin.tickets import pseudonyms
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.pseudonyms import (
    KEY_FILE,
    SECRET,
    NoPseudonyms,
    Pseudonyms,
    installation_pseudonyms,
    normalise_account,
    pseudonyms_of,
)
from ticketkin.tickets.settings import TicketSettings
from ticketkin.workflows.artifacts import IMPORT_SUMMARY, TICKETS
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage

ONE, OTHER = "correct horse battery", "staple in the haystack"


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key file of a fresh installation will lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "ticketkin" / "secret"


def here() -> Pseudonyms:
    known = installation_pseudonyms()
    assert isinstance(known, Pseudonyms)
    return known


def export(path: Path, *people: str) -> Path:
    rows = "".join(f"INC{n},printer {n} is jammed,{person}\n" for n, person in enumerate(people))
    path.write_text(f"number,short_description,caller_id\n{rows}", "utf-8")
    return path


def imported(tmp_path: Path, *people: str, **options: object) -> ImportResult:
    return import_tickets([export(tmp_path / "export.csv", *people)], TicketSettings(), **options)  # type: ignore[arg-type]


def callers(tmp_path: Path, *people: str) -> list[str]:
    return imported(tmp_path, *people).tickets.frame["caller"].to_list()


def child(code: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_person_is_the_same_in_imports_of_different_files(tmp_path: Path) -> None:
    ada, bo = callers(tmp_path, "Ada Nowak", "Bo Lind")
    assert ada != bo
    assert callers(tmp_path, "Bo Lind", "", "Cy Roth", "ADA nowak ")[::3] == [bo, ada]


def test_the_key_file_is_for_its_owner_alone_and_is_made_once(key: Path) -> None:
    before = os.umask(0)
    try:
        first = here()
    finally:
        os.umask(before)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert here() == first
    assert [path.name for path in key.parent.iterdir()] == ["secret"]


def test_an_import_without_people_makes_no_key_file(tmp_path: Path, key: Path) -> None:
    result = imported(tmp_path, "", "n/a")
    assert result.tickets.frame["caller"].to_list() == ["", ""]
    assert (result.summary.people_keyed_by, result.summary.people_left_out) == ("", "")
    assert not key.exists()


def test_processes_that_make_the_key_file_at_once_agree() -> None:
    code = (
        "import sys; from ticketkin.tickets.pseudonyms import installation_pseudonyms\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(installation_pseudonyms().of('ada'), flush=True)"
    )
    racing = [child(code) for _ in range(3)]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0].strip() for process in racing}
    assert answers == {here().of("Ada")}


def test_of_two_key_files_the_one_made_first_counts(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, theirs = os.link, "ab" * 32

    def late(source: Path, target: Path) -> None:
        key.write_text(theirs)  # another process, between the look and the making
        key.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    assert here() == Pseudonyms(theirs.encode())
    assert [path.name for path in key.parent.iterdir()] == ["secret"]


def test_a_key_file_lies_where_it_is_asked_for(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "mine" / "key"))
    in_named = here()
    assert (tmp_path / "mine" / "key").is_file()
    assert not key.exists()
    monkeypatch.setenv(KEY_FILE, "")
    assert here() != in_named
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    here()
    assert (tmp_path / ".config" / "ticketkin" / "secret").is_file()
    monkeypatch.setenv(KEY_FILE, "key")
    with pytest.raises(ConfigurationError, match="TICKETKIN_KEY_FILE is 'key'; it must be a whole path"):
        here()


def test_another_secret_gives_other_people_and_another_fingerprint(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, ONE)
    one = here()
    monkeypatch.setenv(SECRET, f" {ONE}\n")
    assert here() == one
    monkeypatch.setenv(SECRET, OTHER)
    other = here()
    assert other.of("ada") != one.of("ada")
    assert other.fingerprint != one.fingerprint
    assert not key.exists()
    for word in ONE.split():
        assert word not in repr(one)
    monkeypatch.setenv(SECRET, "\udcff" * 16)  # bytes that are no UTF-8
    assert here().of("ada") not in {one.of("ada"), other.of("ada")}


@pytest.mark.parametrize("secret", ["", "short", "fifteen letters", "    short        "])
def test_a_short_secret_is_refused_and_not_shown(
    secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, secret)
    with pytest.raises(
        ConfigurationError, match=f"has {len(secret.strip())} characters.*at least 16"
    ) as raised:
        imported(tmp_path, "Ada Nowak")
    assert not secret.strip() or secret.strip() not in str(raised.value)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "open to all": (lambda path: path.chmod(0o604), "can be used by others .mode 604."),
    "open to a group": (lambda path: path.chmod(0o620), "can be used by others .mode 620."),
    "empty": (lambda path: path.write_text(""), "is too short"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:40]), "is too short"),
    "other letters": (lambda path: path.write_text("x" * 64), "is damaged"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() * 2), "is damaged"),
    "bytes": (lambda path: path.write_bytes(bytes(range(256))), "is damaged"),
    "a link": (lambda path: (path.rename(path.with_name("x")), path.symlink_to("x")), "is a link"),
    "a link to nothing": (lambda path: (path.unlink(), path.symlink_to("x")), "is a link"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is no file"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no file"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_key_file_that_is_not_safe_is_refused_and_stays(name: str, tmp_path: Path, key: Path) -> None:
    damage, says = DAMAGE[name]
    here()
    damage(key)
    before = key.lstat()
    for ask in (partial(imported, tmp_path, "Ada Nowak"), partial(pseudonyms_of, "f")):
        with pytest.raises(ConfigurationError, match=f"The key file {re.escape(str(key))} {says}"):
            ask()
    after = key.lstat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)


def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", homeless)


def _no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jane's file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "jane's file"))


def _no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(source))

    monkeypatch.setattr(os, "link", refused)


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (_no_home, "this user has no home folder"),
        (_no_folder, "no key file can be made (Not a directory)"),
        (_no_links, "no key file can be made (Operation not permitted)"),
    ],
)
def test_where_no_secret_can_be_had_people_are_left_out_and_that_is_stated_and_recorded(
    arrange: Callable[[Path, pytest.MonkeyPatch], None],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrange(tmp_path, monkeypatch)
    result = imported(tmp_path, "Ada Nowak", "")
    assert result.tickets.frame["caller"].to_list() == ["", ""]
    left_out = result.summary.people_left_out
    assert left_out.startswith(f"people (caller) are left out: {reason}")
    assert left_out.endswith("set TICKETKIN_SECRET to a secret of at least 16 characters")
    assert f"note: {left_out}" in result.summary.lines("rejected.csv")
    assert result.summary.people_keyed_by == ""
    assert str(tmp_path) not in str(result.summary)
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.setenv(SECRET, ONE)
    assert imported(tmp_path, "Ada Nowak").tickets.frame["caller"][0] == here().of("ada nowak")


def test_a_run_records_the_fingerprint_and_holds_neither_account_nor_secret(
    tmp_path: Path, key: Path
) -> None:
    people = ("Adalbert Nowakowski", "zoe.quux@example.com", "u4711xyz")
    run = tmp_path / "run"
    run_one_stage("import", run, job=Job(sources=(export(tmp_path / "export.csv", *people),)))
    known = here()
    assert f'"people_keyed_by": "{known.fingerprint}"' in (run / IMPORT_SUMMARY).read_text("utf-8")
    assert pl.read_parquet(run / TICKETS)["caller"].to_list() == [known.of(person) for person in people]
    secret = key.read_text().strip()
    kept = [*(path for path in run.rglob("*") if path.is_file())]
    contents = [path.read_bytes() for path in kept]
    contents += [pl.read_parquet(path).write_csv().encode() for path in kept if path.suffix == ".parquet"]
    for word in ("adalbert", "nowakowski", "zoe.quux", "u4711xyz", secret):
        assert not [content for content in contents if word.encode() in content.lower()], word


def test_a_new_ticket_gets_a_pseudonym_of_the_same_secret_alone(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(fingerprint: str, person: str = "ADA NOWAK") -> tuple[str, str]:
        ticket = {"title": "printer", "caller": person}
        incoming = new_ticket(ticket, {}, TicketSettings(), partial(pseudonyms_of, fingerprint))
        return incoming.tickets.frame["caller"][0], " ".join(incoming.notes)

    keyed_by = imported(tmp_path, "Ada Nowak").summary.people_keyed_by
    assert asked(keyed_by) == (here().of("Ada Nowak"), "")
    assert asked(keyed_by, " ") == ("", "")

    monkeypatch.setenv(SECRET, OTHER)
    caller, note = asked(keyed_by)
    assert caller == ""
    assert f"the secret here (fingerprint {here().fingerprint}) is not the one" in note
    assert keyed_by in note
    monkeypatch.delenv(SECRET)

    caller, note = asked("")
    assert caller == ""
    assert note.startswith("people (caller) are left out: the tickets that were learned from have none")

    key.unlink()
    caller, note = asked(keyed_by)
    assert caller == "" and "there is no secret here" in note
    assert not key.exists(), "a new key could never be that of the import"


def test_tickets_compared_with_an_earlier_import_are_imported_by_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = imported(tmp_path, "Ada Nowak")
    by_first = partial(pseudonyms_of, first.summary.people_keyed_by)
    later = imported(tmp_path, "Bo Lind", "ada nowak", pseudonymising=by_first)
    assert later.tickets.frame["caller"][1] == first.tickets.frame["caller"][0]
    monkeypatch.setenv(SECRET, OTHER)
    foreign = imported(tmp_path, "Bo Lind", "ada nowak", pseudonymising=by_first)
    assert foreign.tickets.frame["caller"].to_list() == ["", ""]
    assert "is not the one" in foreign.summary.people_left_out


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Nowak", " ADA NOWAK\t"),
        ("Müller", "Mu\u0308ller"),
        ("Weiß", "WEISS"),
        ("\uff21\uff44\uff41", "ada"),
        ("Ada\u00a0Nowak", "ada nowak"),
        ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
    ],
)
def test_spellings_of_one_account_agree(one: str, other: str) -> None:
    assert normalise_account(one) == normalise_account(other)
    assert normalise_account(one) != normalise_account(f"{other}2")


BLANKS = st.text(" \t\n\u00a0\u3000\u2003", max_size=3)


def _without_iota_below(account: str) -> bool:
    """Case-folding turns this mark of ancient Greek into a letter, which normalising can't take back."""
    return "\u0345" not in unicodedata.normalize("NFD", account)


@given(st.text().filter(_without_iota_below), BLANKS, BLANKS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_case_blanks_and_unicode_forms_make_no_other_person(
    account: str, before: str, after: str, form: str
) -> None:
    known = Pseudonyms(ONE.encode())
    normalised = normalise_account(account)
    assert normalise_account(normalised) == normalised
    for spelling in (account.casefold(), unicodedata.normalize(form, account), f"{before}{account}{after}"):
        assert known.of(spelling) == known.of(account)
    assert (known.of(account) == "") == (normalised == "")


@given(st.lists(st.text(max_size=5)))
def test_a_column_gets_what_each_account_gets(accounts: list[str]) -> None:
    known = Pseudonyms(ONE.encode())
    column = pl.Series("caller", accounts, dtype=pl.String)
    assert known.of_column(column).to_list() == [known.of(account) for account in accounts]


def test_each_different_account_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(account: str) -> str:
        asked.append(account)
        return normalise_account(account)

    monkeypatch.setattr(pseudonyms, "normalise_account", counted)
    Pseudonyms(ONE.encode()).of_column(pl.Series("caller", ["ada", "bo", "ada"] * 1000))
    assert sorted(asked) == ["ada", "bo"]


def test_the_pseudonym_is_the_documented_hash() -> None:
    """Against RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?"."""
    assert Pseudonyms(b"Jefe").of("What do ya want for nothing?") == "person 5bdcc146bf60"
    assert isinstance(pseudonyms_of(""), NoPseudonyms)
