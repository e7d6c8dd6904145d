"""Texts on which a careless pattern takes minutes: a megabyte of each."""

from collections.abc import Callable
from functools import partial

from hostile_case import Case, Content, Outcome, holds, importing

hang = partial(importing, "hangs")

_MEGABYTE = 1 << 20


def _filled(unit: str, before: str = "", after: str = "") -> Callable[[], bytes]:
    """A file of two tickets; the description of the first is `unit` over and over, a megabyte in all."""

    def content() -> bytes:
        text = (before + unit * (_MEGABYTE // len(unit.encode())) + after).replace('"', '""')
        return f'number,short_description,description\nINC1,Mail is down,"{text}"\nINC2,VPN is slow,x y\n'.encode()

    return content


# What to repeat, what stands before it and after it.
_TEXTS: dict[str, tuple[str, str, str]] = {
    "underscores before an address": ("_", "", "@firm.example"),
    "letters before an address": ("a", "", "@firm.example"),
    "letters after an at": ("a", "x@", ""),
    "halves of addresses": ("a.b@", "", ""),
    "dots before an address": ("a.", "", "@firm.example"),
    "labels of a domain": ("a.", "x@", "1"),
    "hyphens of a domain": ("-", "x@", ".example"),
    "digits": ("7", "", ""),
    "digits between blanks": ("7 ", "", ""),
    "digits between hyphens": ("4111-", "", ""),
    "digits between brackets": ("(030) ", "", ""),
    "plus signs and digits": ("+49 30 ", "", ""),
    "digits between dots": ("1.", "", ""),
    "digits between colons": ("1:", "", ""),
    "colons": (":", "", ""),
    "hexadecimal digits between colons": ("fe80:", "", ""),
    "the start of an IBAN": ("DE89 3704 ", "", ""),
    "the start of a token": ("eyJ", "", ""),
    "tokens without an end": ("eyJhbGciOi.", "", ""),
    "Bearer": ("Bearer ", "", ""),
    "Authorization": ("Authorization: Basic ", "", ""),
    "the start of a private key": ("-----BEGIN PRIVATE KEY-----\n", "", ""),
    "the letters of a private key": ("QUJD", "-----BEGIN RSA PRIVATE KEY-----\n", ""),
    "hyphens": ("-", "", ""),
    "password": ("password ", "", ""),
    "passwords without a value": ("password: ", "", ""),
    "password is": ("password is ", "", ""),
    "keys and equals signs": ("token=", "", ""),
    "equals signs": ("=", "", ""),
    "quotes": ('"', "", ""),
    "apostrophes": ("'", "", ""),
    "addresses of pages": ("http://", "", ""),
    "users in addresses of pages": ("a:", "http://", "@x"),
    "slashes": ("/", "", ""),
    "backslashes": ("\\", "", ""),
    "line separators": ("\u2028", "", ""),
    "line ends": ("\n", "a", "b"),
    "line ends of Windows and blanks": (" \r\n ", "a", "b"),
    "carriage returns": ("\r", "a", "b"),
    "blanks": (" ", "a", "b"),
    "blanks that don't break": ("\u00a0", "a", "b"),
    "tabs and line ends": ("\t\n", "a", "b"),
    "quoted lines": ("> \n", "", ""),
    "heads of mails": ("From: a\nTo: b\n", "", ""),
    "someone wrote": ("On a ", "", " wrote:"),
    "ends of mails": ("\n-- \n", "", ""),
    "broken letters": ("Ã¤", "", ""),
    "letters broken thrice": ("ÃƒÂ¤", "", ""),
    "marks on letters": ("\u0301", "a", ""),
    "blanks without width": ("\u200b", "a", "b"),
    "marks of direction": ("\u202e", "a", "b"),
    "emoji joined": ("\U0001f468\u200d", "", ""),
    "flags": ("\U0001f1e9", "", ""),
    "escapes of sheets": ("_x000D_", "", ""),
    "halves of escapes of sheets": ("_x00", "", ""),
    "ampersands": ("&amp;", "", ""),
    "tags": ("<a ", "", ""),
    "brackets": ("[", "", ""),
    "braces around a value": ("{", "", "'value'}"),
    "references within references": ("{'value': ", "", "1}"),
    "lists within a reference": ("[", "{'value': ", "}"),
    "control characters": ("\x01", "a", "b"),
    "one word of a megabyte": ("x", "", ""),
    "question marks": ("?", "", ""),
    "file names": ("C:\\a\\", "", ""),
    "a log": ("2024-01-01 10:00:00,123 ERROR [main] 10.0.0.1 id=4711 failed\n", "", ""),
}
_END = Outcome(rows=2, tickets=2)


def _named(kind: str) -> str:
    return f"a megabyte of {kind}".replace("'", "")


def _in_column(column: str, unit: str) -> Content:
    def content() -> bytes:
        cell = unit * (_MEGABYTE // len(unit))
        return f"number,short_description,{column}\nINC1,Mail is down,{cell}\nINC2,VPN is slow,x y\n".encode()

    return content


CASES: list[Case] = [
    *(hang(_named(kind), _filled(*parts), _END, holds("title", "VPN is slow")) for kind, parts in _TEXTS.items()),
    *(
        hang(f"a megabyte of {kind}, mail threads stripped", _filled(*_TEXTS[kind]), _END, options="--set tickets.strip_mail_threads=true")
        for kind in ("quoted lines", "heads of mails", "someone wrote", "ends of mails", "line ends", "hyphens", "blanks", "underscores before an address")
    ),
    *(
        hang(f"a megabyte of {kind}, never cut", _filled(*_TEXTS[kind]), _END, options="--set tickets.max_characters=2000000")
        for kind in ("underscores before an address", "digits", "the start of a token", "halves of addresses", "line separators", "broken letters", "password", "addresses of pages")
    ),
    *(
        hang(f"a megabyte of {unit or what} in {column}", _in_column(column, what), _END)
        for column in ("category", "close_notes", "caller_id", "cmdb_ci", "assignment_group", "parent_incident", "sys_id")
        for unit, what in (("underscores", "_"), ("digits", "7"))
    ),
    hang("a megabyte of digits as number", f"number,short_description\n{'7' * _MEGABYTE},Mail is down\nINC2,VPN\n", _END),
]  # fmt: skip
