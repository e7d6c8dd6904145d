"""The text a model reads: what it may hold, and what is refused with the reason."""

import numpy as np
import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import ConfigurationError, LeakageError
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.profiling import profile_tickets


def test_lines_without_content_leave_no_label_behind() -> None:
    columns = {
        "title": ["Mail down", "", ""],
        "description": ["since nine", "slow", ""],
        "category": ["", "Net", ""],
    }
    tickets = make_tickets(3, **columns)
    texts = compose_texts(tickets, "{title}\n{description}\nCategory: {category}")
    assert texts == ["Mail down\nsince nine", "slow\nCategory: Net", ""]


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        ("{title} {close_notes}", LeakageError, "known only after the ticket is worked on"),
        ("{state}", LeakageError, "known only after"),
        ("{parent}", LeakageError, "the very answer the model must find"),
        ("{title} {caller}", ConfigurationError, "is a person, kept as a pseudonym"),
        ("{titel}", ConfigurationError, "unknown field {titel}"),
        ("no field", ConfigurationError, "names no field"),
        ("{title", ConfigurationError, "is broken"),
    ],
)
def test_leaks_and_mistakes_are_refused(template: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compose_texts(make_tickets(1), template)


def test_profile_counts_what_is_there() -> None:
    titles = ["The printer on the second floor is jammed again"] * 2
    titles += ["Der Drucker im zweiten Stock ist kaputt", ""]
    tickets = make_tickets(4, title=titles, category=["Print", "Print", "Print", ""])
    profile = profile_tickets(tickets, titles, np.array([10, 10, 20, 2]), limit_tokens=12)
    assert (profile.n_tickets, profile.n_empty, profile.n_exact_repeats) == (4, 1, 1)
    assert profile.share_cut == 0.25
    assert profile.categories == {"Print": 3, "(none)": 1}
    assert profile.languages["english"] == pytest.approx(2 / 3, abs=0.01)
    assert profile.templates == [("the printer on the second floor is jammed again", 2)]
