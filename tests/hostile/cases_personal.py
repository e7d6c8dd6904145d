"""Personal data and secrets, in every column and on every way out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
from hostile_case import Case, Outcome, given, importing, tickets_in, values
from hostile_worker import Ended

personal = partial(importing, "personal data")

_ADDRESS = "erika.mustermann@firm.example"
_COLUMNS = (
    "short_description", "description", "category", "subcategory", "business_service", "cmdb_ci", "assignment_group",
    "caller_id", "priority", "state", "close_code", "close_notes",
)  # fmt: skip


def _in_column(column: str) -> Case:
    others = [name for name in ("short_description", "description", "category") if name != column]
    header = ["number", *others, column]
    lines = [",".join(header)]
    lines += [
        ",".join([f"INC{n}", *(f"word{n} {name}" for name in others), f"for {_ADDRESS} only"])
        for n in range(30)
    ]
    content = "\n".join(lines) + "\n"
    return Case(
        f"an address in {column}",
        "personal data",
        given({"a.csv": content}, "import a.csv --out run"),
        Outcome(secret=(_ADDRESS,)),
    )


def _secret(kind: str, text: str, secret: str) -> Case:
    quoted = text.replace('"', '""')
    content = f'number,short_description,description\nINC1,Please help,"{quoted}"\nINC2,"{quoted}",x y\n'
    return personal(kind, content, Outcome(rows=2, tickets=2, secret=(secret,)))


def _kept(text: str) -> Case:
    content = f'number,short_description,description\nINC1,Please help,"{text}"\n'
    name = "kept: " + "".join(c if c.isalnum() or c in " .-" else "" for c in text)
    return personal(name, content, Outcome(rows=1, tickets=1), values(description=[text]))


# Joined here, so that no file of this project holds anything that looks like a secret.
_SK = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
_AIZA = "AIza" + "SyD4iE2xVSpkLLOXoyqT-RuPwswN3ScPDyh"
_KEY = "MIIEowIBAAKCAQEA7bq0mX2"
_LETTERS = "Sommer2024!"

SECRETS = [
    _secret("a password in JSON", f'config {{"password": "{_LETTERS}"}} fails', _LETTERS),
    _secret("a password in the environment", f"DB_PASSWORD={_LETTERS} was set", _LETTERS),
    _secret("a password called pw", f"my pw: {_LETTERS}", _LETTERS),
    _secret("a password in German", f"Kennwort: {_LETTERS}", _LETTERS),
    _secret("a password in French", f"mot de passe: {_LETTERS}", _LETTERS),
    _secret("a password in Spanish", f"contraseña: {_LETTERS}", _LETTERS),
    _secret("a client secret", f"client_secret={_LETTERS}9aQ", f"{_LETTERS}9aQ"),
    _secret("an account key", "AccountKey=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4==;EndpointSuffix=core", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"),
    _secret("basic authorisation", "Authorization: Basic dXNlcjpwYXNzd29ydA==", "dXNlcjpwYXNzd29ydA"),
    _secret("a key of a payment service", f"we use {_SK} there", _SK),
    _secret("a key of a map service", f"we use {_AIZA} there", _AIZA),
    _secret("a private key without its end", f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY}\n", _KEY),
    _secret("an IBAN", "transfer to DE89 3704 0044 0532 0130 00 please", "0044 0532"),
    _secret("an address with umlauts", "write to jörg.müller@firma.example", "jörg.müller@firma.example"),
    _secret("an address in brackets", "write to <max@firm.example>;", "max@firm.example"),
    _secret("a phone number in German", "Tel. +49 (0)30 901820-15", "901820"),
    _secret("a user in the address of a database", f"postgres://app:{_LETTERS}@db.example:5432/x", _LETTERS),
]  # fmt: skip
KEPT = [
    _kept(text)
    for text in (
        "My password is not working since monday",
        "The password expiring mail is wrong",
        "account locked after three tries",
        "Order 4500123456 is missing in the system",
        "password reset does not work",
        "version 10.2.3.4567 of the client crashes",
        "error 0x80070005 at 10:15:00 on 2024-01-01",
    )
]

_WORDS = "number,short_description,description\nINC1,Call Berta Beispiel,Berta Beispiel and u4711x called BERTA back\n"


def _words(name: str, content: str | bytes, text: str, end: Outcome) -> Case:
    make = given(
        {"a.csv": _WORDS, "names.txt": content},
        ["import", "a.csv", "--out", "t.parquet", "--json", "--redact-words", "names.txt"],
    )

    def check(here: Path, _: Ended) -> None:
        got = tickets_in(here)["description"][0]
        assert got == text, f"description is {got!r}, expected {text!r}"

    return Case(name, "personal data", make, end, check)


_ORIGINAL = "Berta Beispiel and u4711x called BERTA back"

WORDS = [
    _words("a list of names", "Berta Beispiel\nu4711x\n", "[NAME] and [NAME] called BERTA back", Outcome(tickets=1)),
    _words("a list of names in capitals", "berta\nU4711X\n", "[NAME] Beispiel and [NAME] called [NAME] back", Outcome(tickets=1)),
    _words("a list of patterns is a list of words", ".*\n[A-Z]+\n(\nu4711.\n", _ORIGINAL, Outcome((0, 2), tickets=1)),
    _words("a list of parts of words", "Bert\ncall\nack\n", _ORIGINAL, Outcome(tickets=1)),
    _words("an empty list of names", "", _ORIGINAL, Outcome((0, 2), tickets=1)),
    _words("a list of empty lines", "\n  \n\n", _ORIGINAL, Outcome((0, 2), tickets=1)),
    _words("a list of 50,000 names", "".join(f"name{n} other{n}\n" for n in range(50_000)) + "u4711x\n", "Berta Beispiel and [NAME] called BERTA back", Outcome(tickets=1)),
    _words("a binary list of names", b"\xff\xfe\x00\x81" * 50, _ORIGINAL, Outcome((0, 2), tickets=1)),
    Case("a list of names that is missing", "personal data", given({"a.csv": _WORDS}, "import a.csv --out t.parquet --redact-words nowhere.txt"), Outcome(2, says=("nowhere.txt",))),
    Case("a list of names that is a folder", "personal data", given({"a.csv": _WORDS, "names/x": ""}, "import a.csv --out t.parquet --redact-words names"), Outcome(2, says=("names",))),
]  # fmt: skip

_PIN = "my PIN: 4711 does not work"
_PAIRS = json.dumps(
    [
        {"text1": f"{_PIN} on door {n}", "text2": f"door {n} stays closed for me", "label": n % 2}
        for n in range(30)
    ]
)


def _no_hash_of_a_pin(here: Path, _: Ended) -> None:
    ids = pl.read_parquet((here / "run" / "tickets.parquet").read_bytes())["ticket_id"].to_list()
    for number in range(30):
        for algorithm in ("sha256", "sha1", "md5", "blake2b"):
            guess = hashlib.new(algorithm, f"{_PIN} on door {number}".encode()).hexdigest()
            assert not [one for one in ids if guess[:10] in one], "an id is a hash of a text with its PIN"


def _pairs(here: Path) -> list[list[str]]:
    (here / "p.json").write_text(_PAIRS)
    # A folder that looks like a model until it is loaded, behind the import.
    (here / "empty-model").mkdir()
    (here / "empty-model" / "config.json").write_text("{}")
    (here / "empty-model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return [["run", "--pairs", "p.json", "--out", "run", "--offline", "--base-model", "empty-model"]]


OTHER_WAYS = [
    Case(
        "an id made of a text with a PIN",
        "personal data",
        _pairs,
        Outcome((1, 2)),
        _no_hash_of_a_pin,
    ),
    Case(
        "an address in a row that is rejected",
        "personal data",
        given({"a.csv": f"number,short_description,description\nINC1,a b,c\nINC2,{_ADDRESS}\nINC1,{_ADDRESS},d\n"}, "import a.csv --out run"),
        Outcome(secret=(_ADDRESS,)),
    ),
    Case(
        "an address as label of a pair",
        "personal data",
        given({"p.json": json.dumps([{"text1": "a b c", "text2": "d e f", "label": _ADDRESS}])}, "pairs check p.json"),
        Outcome(2),
    ),
]  # fmt: skip

_CALLER = "Berta Beispiel"
_CALLERS = f"number,short_description,caller_id\nINC1,a b,{_CALLER}\nINC2,c d,{_CALLER.upper()}\n"


def _people(name: str, environment: Mapping[str, str], end: Outcome, n_kept: int = 0) -> Case:
    def check(here: Path, _: Ended) -> None:
        people = [person for person in tickets_in(here)["caller"] if person]
        assert len(people) == n_kept, people
        assert len(set(people)) == min(n_kept, 1), "one person has two pseudonyms"

    make = given({"a.csv": _CALLERS}, "import a.csv --out run --json")
    end = replace(end, secret=(*end.secret, _CALLER))
    judged = check if n_kept or end.tickets else None
    return Case(f"people: {name}", "personal data", make, end, judged, environment=environment)


_LONG, _SHORT = "ein langes Geheimnis 4711", "Geheimnis 4711"
PEOPLE = [
    _people("a key file", {}, Outcome(tickets=2), n_kept=2),
    _people("a secret", {"TICKETKIN_SECRET": _LONG}, Outcome(tickets=2, secret=(_LONG,)), n_kept=2),
    _people("a short secret", {"TICKETKIN_SECRET": _SHORT}, Outcome(2, says=("TICKETKIN_SECRET", "at least 16"), secret=(_SHORT,))),
    _people("an empty secret", {"TICKETKIN_SECRET": ""}, Outcome(2, says=("TICKETKIN_SECRET", "at least 16"))),
    _people("a secret under a wrong name", {"TICKETKIN_SECRETS": _LONG}, Outcome(2, says=("unknown setting",), secret=(_LONG,))),
    _people("no folder for a key file", {"XDG_CONFIG_HOME": "/dev/null"}, Outcome(tickets=2, says=(r"people \(caller\) are left out", "TICKETKIN_SECRET"))),
    _people("a key file in the working folder", {"TICKETKIN_KEY_FILE": "key"}, Outcome(2, says=("TICKETKIN_KEY_FILE", "whole path"))),
    _people("a key file that is a device", {"TICKETKIN_KEY_FILE": "/dev/zero"}, Outcome(2, says=("/dev/zero", "is no file"))),
]  # fmt: skip

CASES = [*map(_in_column, _COLUMNS), *SECRETS, *KEPT, *WORDS, *OTHER_WAYS, *PEOPLE]
