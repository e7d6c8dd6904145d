"""What report.json repeats of earlier stages is what these stages write."""

import dataclasses

import pytest
from pydantic import TypeAdapter, ValidationError

from ticketkin.encoders.untouched import UntouchedEncoder
from ticketkin.evaluation.recorded import RecordedEncoder, RecordedLinks, RecordedProfile, RecordedTickets
from ticketkin.tickets.account import ImportSummary
from ticketkin.tickets.profiling import TicketProfile
from ticketkin.workflows.link_summary import LinkSummary


@pytest.mark.parametrize(
    ("repeated", "written"),
    [
        (RecordedTickets, [field.name for field in dataclasses.fields(ImportSummary)]),
        (RecordedLinks, list(LinkSummary.model_fields)),
        (RecordedProfile, [field.name for field in dataclasses.fields(TicketProfile)]),
        (RecordedEncoder, [field.name for field in dataclasses.fields(UntouchedEncoder)]),
    ],
)
def test_the_report_knows_every_key_that_a_stage_writes(repeated: type, written: list[str]) -> None:
    assert list(repeated.__annotations__) == written, "keys stand in the order of the file"


def test_keys_of_another_version_are_kept_and_none_is_added() -> None:
    given = {"n_tickets": 9, "of_another_version": [1, 2]}
    assert TypeAdapter(RecordedTickets).validate_python(given) == given


def test_a_key_that_holds_something_else_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"redactions.email"):
        TypeAdapter(RecordedTickets).validate_python({"redactions": {"email": "many"}})
