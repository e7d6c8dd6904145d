"""Every text column cleaned, redacted and cut; each different text once."""

import re
from collections import Counter

import polars as pl

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.ticket_fields import OPENING_FIELDS, PERSON_FIELDS
from ticketkin.tickets.account import Account
from ticketkin.tickets.cleaning import clean_text, is_placeholder, strip_mail_threads
from ticketkin.tickets.pseudonyms import NoPseudonyms

# People's words. The other columns are codes and names, but whoever fills a form writes anywhere.
FREE_TEXT = ("title", "description", "close_notes")
TEXT_FIELDS = (*OPENING_FIELDS, "state", "close_code", "close_notes")
# A text is cut twice: with a margin before it is cleaned, so that a cell of 100 MB costs no minutes, and
# to its length afterwards. What redaction left of the margin's last characters may be half a secret.
_MARGIN_FACTOR, _MARGIN_CHARACTERS = 4, 1 << 14
_LAST_CHARACTERS = 1 << 12
_BLANKS = re.compile(r"[^\S\n]{3,}|\n{3,}")


def clean_columns(frame: pl.DataFrame, account: Account, progress: Progress) -> pl.DataFrame:
    """Return `frame` with its text columns cleaned and redacted, and people as pseudonyms."""
    columns = _pseudonymous(
        frame, account
    )  # first: a secret that can't be used is reported before the long work
    for name in TEXT_FIELDS:
        shown = progress if name in FREE_TEXT else SILENT
        columns.append(_cleaned(frame[name], account, shown))
    return frame.with_columns(columns)


def without_placeholders(column: pl.Series, repairs: Counter[str]) -> pl.Series:
    """Return `column` with "" for every cell that says 'nothing' in words, counted in `repairs`."""
    unique = {value for value in column.unique() if value and is_placeholder(value)}
    if not unique:
        return column
    hit = column.is_in(list(unique))
    repairs["placeholders"] += int(hit.sum())
    return pl.select(pl.when(hit).then(pl.lit("")).otherwise(column).alias(column.name)).to_series()


def _cleaned(column: pl.Series, account: Account, progress: Progress) -> pl.Series:
    counted = column.value_counts(sort=False, name="count")
    cleaned: dict[str, str] = {}
    with progress.task(f"clean {column.name}", counted.height) as task:
        for text, count in counted.iter_rows():
            repairs, redactions = Counter[str](), Counter[str]()
            cleaned[text] = clean_cell(text, column.name in FREE_TEXT, account, repairs, redactions)
            for total, counts in ((account.repairs, repairs), (account.redactions, redactions)):
                for kind, times in counts.items():
                    total[kind] += times * count
            task.advance()
    changed = {text: new for text, new in cleaned.items() if new != text}
    if not changed:
        return column
    return column.replace(list(changed), list(changed.values()))


def clean_cell(
    text: str, free_text: bool, account: Account, repairs: Counter[str], redactions: Counter[str]
) -> str:
    """Return a text cleaned, redacted and cut; what was done to it is counted.

    `free_text` says whether it is people's words, of which mail threads can be stripped.
    """
    settings = account.settings
    most = _MARGIN_FACTOR * settings.max_characters + _MARGIN_CHARACTERS
    if len(text) > most:  # not by pages of blanks, which cleaning takes out anyway
        text = _BLANKS.sub(lambda run: run[0][:2], text)
    beginning = text[:most]
    is_cut = len(beginning) < len(text)
    cleaned = clean_text(beginning)
    if not cleaned:
        repairs["placeholders"] += bool(beginning.strip())
        return ""
    repairs["characters"] += cleaned != beginning and cleaned.split() != beginning.split()
    if free_text and settings.strip_mail_threads:
        stripped = strip_mail_threads(cleaned)
        repairs["mail_threads"] += stripped != cleaned
        cleaned = stripped
    if settings.redact:
        cleaned = account.redactor.redact(cleaned, redactions)
    if is_cut:
        cleaned = cleaned[:-_LAST_CHARACTERS]
    if is_cut or len(cleaned) > settings.max_characters:
        repairs["cut_texts"] += 1
    return cleaned[: settings.max_characters]


def _pseudonymous(frame: pl.DataFrame, account: Account) -> list[pl.Series]:
    """Return the columns of people as pseudonyms; empty columns where there can be none."""
    columns = [
        without_placeholders(frame[name].fill_null("").str.strip_chars(), account.repairs)
        for name in PERSON_FIELDS
    ]
    if all((column == "").all() for column in columns):
        return columns
    pseudonyms = account.pseudonymising()
    if isinstance(pseudonyms, NoPseudonyms):
        account.people_left_out = pseudonyms.sentence
        return [pl.Series(column.name, [""] * len(column)) for column in columns]
    account.people_keyed_by = pseudonyms.fingerprint
    return [pseudonyms.of_column(column) for column in columns]


def can_be_matched(frame: pl.DataFrame) -> pl.Series:
    """Return whether each ticket has a title or a description."""
    return frame.select((pl.col("title") != "") | (pl.col("description") != "")).to_series()
