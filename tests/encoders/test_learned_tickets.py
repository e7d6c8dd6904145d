"""What a model is said to have learned from: recognised in another export, and no text of a ticket."""

from pathlib import Path

import numpy as np
import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import UnreadableFileError
from ticketkin.encoders.learned_tickets import (
    LEARNED_TICKETS,
    learned_folder,
    learned_from,
    read_learned,
    write_learned,
)

JUNE = make_tickets(
    3,
    opened=["2026-05-01", "2026-05-01", "2026-05-02"],
    number=["INC1", "INC2", "INC3"],
    title=["Printer is broken", "Mail is slow", "VPN drops"],
    description=["No toner.", "Since Monday", ""],
)


def test_tickets_are_recognised_by_their_words_or_by_id_and_time(tmp_path: Path) -> None:
    write_learned(tmp_path, learned_from(JUNE, np.array([0, 1]), "june", "2026-06-30T10:00", None))
    learned = read_learned(tmp_path)
    assert learned is not None
    assert (learned.name, learned.n_tickets) == ("the model of june, 2026-06-30", 2)
    july = make_tickets(
        4,
        opened=["2026-07-03", "2026-05-01", "2026-07-01", "2026-05-02"],
        number=["X9", "INC2", "INC1", "INC3"],
        title=["PRINTER is broken!", "Mail is slow (solved)", "Screen flickers", "VPN drops"],
        description=["no toner", "", "", ""],
    )
    assert learned.among(july).tolist() == [True, True, False, False]


def test_no_text_and_no_number_can_be_read(tmp_path: Path) -> None:
    write_learned(tmp_path, learned_from(JUNE, np.arange(3), "june", "2026-06-30", None))
    content = (tmp_path / LEARNED_TICKETS).read_text("utf-8").lower()
    assert not [word for word in ("printer", "toner", "inc1", "vpn") if word in content]


def test_a_model_of_a_model_has_learned_from_both() -> None:
    may = learned_from(JUNE, np.array([0, 1]), "may", "2026-05-31", None)
    june = learned_from(JUNE, np.array([1, 2]), "june", "2026-06-30", may)
    assert june.among(JUNE).all()
    assert june.n_tickets == 3


def test_a_folder_without_the_file_is_untouched_and_a_damaged_file_is_said(tmp_path: Path) -> None:
    assert learned_folder(str(tmp_path)) is None
    assert learned_folder("someone/some-model") is None
    (tmp_path / LEARNED_TICKETS).write_text("{}", "utf-8")
    assert learned_folder(str(tmp_path)) == tmp_path
    with pytest.raises(UnreadableFileError, match="Restore it from the run"):
        read_learned(tmp_path)
