"""ServiceNow's XML unload, and XML that asks for more than records."""

from pathlib import Path

import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading import RawTable, read_table


def _incident(number: int, action: str = "INSERT_OR_UPDATE") -> str:
    return (
        f'<incident action="{action}"><number>INC{number}</number><sys_id>s{number}</sys_id>'
        f"<short_description>Mail &amp; {number}</short_description>"
        '<caller_id display_value="A. Person">c1</caller_id>'
        '<parent_incident display_value="INC1">s1</parent_incident>'
        '<opened_at display_value="01/05/2024">2024-05-01 10:00:00</opened_at><close_notes/>'
        "</incident>"
    )


def _read(folder: Path, content: str | bytes) -> RawTable:
    path = folder / "a.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def test_an_unload_with_references(tmp_path: Path) -> None:
    records = "".join(map(_incident, range(1, 4)))
    table = _read(
        tmp_path, f'<?xml version="1.0" encoding="UTF-8"?><unload unload_date="x">{records}</unload>'
    )
    assert table.frame.row(1, named=True) == {
        "number": "INC2",
        "sys_id": "s2",
        "short_description": "Mail & 2",
        "caller_id": "A. Person",
        "parent_incident": "s1",
        "opened_at": "2024-05-01 10:00:00",
        "close_notes": "",
    }
    assert (table.rows, table.n_records) == ([1, 2, 3], 3)


def test_other_tables_and_deletions_are_rejected(tmp_path: Path) -> None:
    journal = "<sys_journal_field><element_id>s1</element_id><value>note</value></sys_journal_field>" * 5
    table = _read(tmp_path, f"<unload>{_incident(1)}{journal}{_incident(2, 'DELETE')}{_incident(3)}</unload>")
    assert table.frame["number"].to_list() == ["INC1", "INC3"]
    assert (table.n_records, len(table.rejected)) == (8, 6)
    assert table.rejected[0] == (2, "is a sys_journal_field, where most records are a incident")
    assert table.rejected[-1] == (7, "the unload deletes this incident")


def test_damage_keeps_the_records_before_it(tmp_path: Path) -> None:
    table = _read(tmp_path, f"<unload>{_incident(1)}{_incident(2)}<incident><number>INC3</num")
    assert table.frame["number"].to_list() == ["INC1", "INC2"]
    assert table.rejected[0][0] == 3
    assert "not valid XML" in table.rejected[0][1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xml_names_its_encoding(tmp_path: Path, encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}"?><xml><incident><title>für</title></incident></xml>'
    assert _read(tmp_path, content.encode(encoding)).frame["title"][0] == "für"


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "content",
    [
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{BOMB}]><unload><incident><title>&e9;</title></incident></unload>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><unload><incident><title>&e;</title></incident>'
        "</unload>",
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><unload><incident><title>a</title></incident></unload>',
    ],
)
def test_entities_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFileError, match="declares a document type or entities"):
        _read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<unload/>", "holds no records"),
        ("nonsense", "not valid XML"),
        ("<a>" * 100_000, "nested deeper than 100 levels"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "not valid XML|holds no records"),
        (
            "<unload>" + "".join(f"<i><c{n}>x</c{n}></i>" for n in range(5_001)) + "</unload>",
            "more than 5,000",
        ),
        ("<unload>text alone<incident/></unload>", "none of its 1 record can be read"),
    ],
)
def test_xml_that_is_no_unload(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message):
        _read(tmp_path, content)
