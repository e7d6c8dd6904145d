"""One new ticket is read exactly as an import reads a file that holds it alone."""

from datetime import datetime
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.progress import SILENT
from ticketkin.serving.incoming import new_ticket
from ticketkin.tickets.importing import ImportResult, import_tables
from ticketkin.tickets.new_ticket import NEW_TICKET_FIELDS, read_new_ticket
from ticketkin.tickets.pseudonyms import SECRET, Pseudonyms, pseudonyms_of
from ticketkin.tickets.reading import RawTable
from ticketkin.tickets.settings import TicketSettings

_NOW = datetime(2025, 6, 1, 12, 0)
_CELLS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\r\u200b"), max_size=40),
    st.sampled_from([
        "", "n/a", " NULL ", "12.0", '="0012"', "INC 0012345", "anna.berg@example.com", "+49 170 1234567",
        "call anna.berg@example.com (password: Tulip77x!)", "Ã¼ber", "a_x000D_b", "2025-03-04 05:06",
        "03/04/2025 5 pm", "45000.5", "1735689600", "2025-01-02T03:04:05+02:00", "yesterday",
        "Hello\n\n\n\nIt fails\nRegards,\nAnna\nFrom: x\nSent: y", "\u2003indented\u3000", "x" * 400,
    ]),
)  # fmt: skip
_FIELDS = st.dictionaries(st.sampled_from(NEW_TICKET_FIELDS), _CELLS, max_size=6)
_SETTINGS = st.sampled_from([
    TicketSettings(),
    TicketSettings(redact=False, strip_mail_threads=True),
    TicketSettings(strip_mail_threads=True, max_characters=100),
])  # fmt: skip


def _imported(cells: dict[str, str], chosen: TicketSettings, secret: str) -> ImportResult:
    table = RawTable(pl.DataFrame({name: [cell] for name, cell in cells.items()}), [1], 1)
    own = chosen.model_copy(update={"mapping": {name: name for name in cells}, "unreadable_times": "ignore"})
    return import_tables([("new", table)], own, SILENT, partial(pseudonyms_of, secret))


@settings(max_examples=60)
@given(cells=_FIELDS, title=_CELLS, chosen=_SETTINGS, keyed=st.booleans())
def test_a_new_ticket_is_read_as_a_file_of_it_alone(
    cells: dict[str, str], title: str, chosen: TicketSettings, *, keyed: bool
) -> None:
    cells = {**cells, "title": f"Printer {title}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "a secret for this test")
        secret = Pseudonyms(b"a secret for this test").fingerprint if keyed else ""
        imported = _imported(cells, chosen, secret)
        read = read_new_ticket(cells, chosen, partial(pseudonyms_of, secret), _NOW)
    expected = imported.tickets.frame.with_columns(pl.col("opened_at").fill_null(_NOW))
    assert read.tickets.frame.to_dicts() == expected.to_dicts()
    assert read.opened_at == imported.tickets.frame["opened_at"][0]
    assert {kind: n for kind, n in read.redactions.items() if n} == imported.summary.redactions
    assert read.people_left_out == imported.summary.people_left_out
    assert read.repairs["cut_texts"] == imported.summary.repairs.get("cut_texts", 0)


def test_half_a_character_is_replaced() -> None:
    read = new_ticket(
        "Outlook \ud83d crashes", {"service": "Ma\udc00il"}, TicketSettings(), partial(pseudonyms_of, "")
    )
    assert read.tickets.frame["title"][0] == "Outlook crashes"
    assert read.tickets.frame["service"][0] == "Mail"
