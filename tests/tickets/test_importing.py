"""The import as a user meets it, on made files and on real exports."""

import re
from pathlib import Path

import polars as pl
import pytest

from ticketkin.core.errors import LeakageError, MappingError, UnreadableFileError
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.mapping import find_mapping
from ticketkin.tickets.settings import TicketSettings
from workbook_material import sheet_xml, write_workbook

REAL = Path(__file__).parents[2] / "../shared/data"


def load(tmp_path: Path, text: str, **settings: object) -> ImportResult:
    path = tmp_path / "a.csv"
    path.write_text(text)
    return import_tickets([path], TicketSettings.model_validate(settings))


def test_servicenow_names_and_labels_map_alike() -> None:
    names = find_mapping(["number", "opened_at", "short_description", "close_notes"], {})
    labels = find_mapping(["Number", "Opened", "Short description", "Resolution notes"], {})
    assert names.system == labels.system == "servicenow"
    assert list(names.columns) == list(labels.columns) == ["number", "opened_at", "title", "close_notes"]


def test_update_time_never_becomes_opening_time() -> None:
    mapping = find_mapping(["id", "title", "text", "product", "component", "updated"], {})
    assert mapping.columns["updated_at"] == "updated"
    assert "opened_at" not in mapping.columns


def test_map_refuses_unknown_fields_columns_and_leaks() -> None:
    columns = ["Summary", "Text", "close_notes"]
    with pytest.raises(MappingError, match="did you mean 'title'"):
        find_mapping(columns, {"titel": "Summary"})
    with pytest.raises(MappingError, match="did you mean 'Summary'"):
        find_mapping(columns, {"title": "Sumary"})
    with pytest.raises(LeakageError, match="known only after the ticket is worked on"):
        find_mapping(columns, {"description": "close_notes"})
    with pytest.raises(MappingError, match="Name them: --map title=COLUMN"):
        find_mapping(["a", "b"], {})


def test_update_log_collapses_to_first_filed_fields(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "number,short_description,category,state,sys_mod_count,sys_updated_on,close_code\n"
        "INC1,Mail down,Software,New,0,2024-01-01 08:00:00,\n"
        "INC1,Mail down for all,Network,Closed,5,2024-01-02 08:00:00,Duplicate\n"
        "INC2,VPN,Network,New,0,2024-01-01 09:00:00,\n",
    )
    first = result.tickets.frame.row(0, named=True)
    assert (first["title"], first["category"]) == ("Mail down", "Software")
    assert (first["state"], first["close_code"]) == ("Closed", "Duplicate")
    assert result.summary.n_collapsed == 1


def test_ids_missing_repeated_and_contradicting(tmp_path: Path) -> None:
    result = load(tmp_path, "id,title,text\n1,a,x\n1,a,x\n1,b,y\n,c,z\n")
    assert result.tickets.ids == ["1", "a.csv#4"]
    assert result.summary.n_duplicate_ids == 1
    assert result.rejected.row(0)[1:] == (3, "id 1 was seen before with other content; the first row is kept")
    assert result.summary.repairs["generated_ids"] == 1


def test_placeholders_mojibake_and_excel_dates(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "number,opened_at,short_description,description\nINC1,45000.5,null,GerÃ¤t kaputt\nINC2,45001,N/A,?\n",
    )
    frame = result.tickets.frame
    assert frame["title"].to_list() == ["", ""]
    assert frame["description"].to_list() == ["Gerät kaputt", ""]
    assert str(frame["opened_at"][0]) == "2023-03-15 12:00:00"
    assert result.summary.repairs["excel_dates"] == 2
    assert any("neither title nor description" in note for note in result.summary.notes)


def test_us_dates_are_read_one_way_in_a_column(tmp_path: Path) -> None:
    result = load(tmp_path, "number,opened_at,short_description\nA1,3/4/2025 6:04,x\nA2,3/17/2025 7:00,y\n")
    assert [str(t) for t in result.tickets.frame["opened_at"]] == [
        "2025-03-04 06:04:00",
        "2025-03-17 07:00:00",
    ]


def test_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
    result = load(tmp_path, f"id,title,text\n1,a,{'x ' * 60_000}\n")
    assert len(result.tickets.frame["description"][0]) == 20_000
    assert result.summary.repairs["cut_texts"] == 1


def test_personal_data_is_gone_everywhere(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "number,short_description,description,close_notes\n"
        "INC1,Call +49 30 5550 1234,mail a.b@example.com,card 4111 1111 1111 1111\n",
    )
    row = str(result.tickets.frame.row(0))
    assert not any(secret in row for secret in ("5550", "example.com", "4111"))
    assert result.summary.redactions == {"card": 1, "email": 1, "phone": 1}


def test_callers_are_distinguished_and_never_named(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "number,short_description,caller_id\n"
        "INC1,a,Ada Nowak\nINC2,b,\nINC3,c,Bo Lind\nINC4,d,ada nowak \nINC5,e,n/a\n",
    )
    assert result.summary.mapping["caller"] == "caller_id"
    ada, nobody, bo, again, placeholder = result.tickets.frame["caller"].to_list()
    assert re.fullmatch("person [0-9a-f]{12}", ada)
    assert re.fullmatch("person [0-9a-f]{12}", bo)
    assert (again, nobody, placeholder) == (ada, "", "")
    assert ada != bo
    assert "nowak" not in str(result.tickets.frame.rows()).lower()


def test_no_usable_row_tells_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="None of the 2 rows can be used"):
        load(tmp_path, "id,title\n1,a,b\n2,c,d\n")


TEXTLESS = ("tableapi_displayvalue_link.jsonl", "us_dates_null_text.csv")


@pytest.mark.parametrize(
    ("name", "n_rows", "n_tickets", "fields"),
    [
        (
            "list_export_labels.csv",
            93,
            93,
            {"title", "description", "opened_at", "close_code", "close_notes"},
        ),
        ("list_export_labels.xlsx", 82, 82, {"title", "category", "opened_at", "assignment_group"}),
        ("list_export_names.csv", 73, 73, {"title", "category", "opened_at", "priority"}),
        ("list_export_records.json", 70, 69, {"title", "sys_id", "parent", "problem", "description"}),
        ("tableapi_displayvalue_link.jsonl", 58, 58, {"assignment_group", "updated_at"}),
        ("tableapi_link_value.json", 67, 67, {"title", "sys_id", "parent", "problem", "description"}),
        ("us_dates_null_text.csv", 97, 97, {"title", "category", "opened_at"}),
    ],
)
def test_real_servicenow_exports(
    tmp_path: Path, name: str, n_rows: int, n_tickets: int, fields: set[str]
) -> None:
    path = REAL / "servicenow" / name
    if not path.exists():
        pytest.skip("the real exports are not on this machine")
    if name in TEXTLESS:
        with pytest.raises(UnreadableFileError, match="has a title or a description"):
            import_tickets([path], TicketSettings())
    # A ticket with a text beside them, so that those without any can be read too.
    more = tmp_path / "one.csv"
    more.write_text("number,opened_at,short_description\nINC1X,2024-01-02 03:04:05,Mail down\n")
    result = import_tickets([path, more], TicketSettings())
    assert result.summary.system == "servicenow"
    assert (result.summary.n_rows, result.summary.n_tickets) == (n_rows + 1, n_tickets + 1)
    assert fields <= result.summary.mapping.keys()
    if "opened_at" in fields:
        assert result.tickets.has_times
    references = result.tickets.frame.filter(pl.col("problem") != "")
    if "problem" in fields:
        assert references.height and not references["problem"].str.contains("{", literal=True).any()


def test_columns_of_a_reference_stand_for_it(tmp_path: Path) -> None:
    text = (
        "number,short_description.value,parent_incident.number,problem_id.display_value\n"
        "INC1001,Mail,,PRB1\nINC1002,Post,INC1001,PRB1\n"
    )
    frame = load(tmp_path, text).tickets.frame
    assert frame["title"].to_list() == ["Mail", "Post"]
    assert frame["parent"].to_list() == ["", "INC1001"]
    assert frame["problem"].to_list() == ["PRB1", "PRB1"]


def test_personal_data_in_references_is_masked(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "number,short_description,parent_incident,problem_id,caused_by\n"
        "INC1001,Mail,,ask for it at +49 170 1234567,password: Geheim#2024\n"
        "INC1002,Post,INC1001,ask for it at +49 170 1234567,IBAN DE89 3704 0044 0532 0130 00\n",
    )
    assert result.tickets.frame["parent"].to_list() == ["", "INC1001"]
    assert result.tickets.frame["problem"].n_unique() == 1
    kept = " ".join(map(str, result.tickets.frame.rows()))
    assert not [secret for secret in ("1234567", "Geheim", "DE89") if secret in kept]


def test_texts_written_as_formulas(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        'number,short_description,parent_incident\n="0012",Mail,\n="0013",Post,"=""0012"""\n',
    )
    assert result.tickets.ids == ["0012", "0013"]
    assert result.tickets.frame["parent"].to_list() == ["", "0012"]
    assert result.summary.repairs["text_formulas"] == 3


@pytest.mark.parametrize(
    ("properties", "expected"),
    [("", "2019-12-31"), ('date1904="1"', "2024-01-01"), ("date1904='true'", "2024-01-01"),
     ('date1904="0"', "2019-12-31")],
)  # fmt: skip
def test_a_workbook_that_counts_from_1904(tmp_path: Path, properties: str, expected: str) -> None:
    path = tmp_path / "a.xlsx"
    rows = [["number", "opened_at", "short_description"], ["INC1", 43830.5, "Mail"], ["INC2", 43830, "Post"]]
    write_workbook(path, {"S": sheet_xml(rows)}, properties)
    result = import_tickets([path], TicketSettings())
    assert [str(time) for time in result.tickets.frame["opened_at"]] == [
        f"{expected} 12:00:00", f"{expected} 00:00:00",
    ]  # fmt: skip
    assert any("1904" in note for note in result.summary.notes) == expected.startswith("2024")


def _times(tmp_path: Path, header: str, *rows: str) -> tuple[dict[str, list[str]], list[str]]:
    lines = [f"number,short_description,{header}", *(f"INC{n},Mail,{row}" for n, row in enumerate(rows))]
    result = load(tmp_path, "\n".join(lines) + "\n")
    fields = ("opened_at", "resolved_at", "closed_at")
    days = {name: [str(time)[:10] for time in result.tickets.frame[name]] for name in fields}
    return days, [note for note in result.summary.notes if "first" in note]


def test_a_column_that_leaves_the_order_open_follows_the_others_of_its_file(tmp_path: Path) -> None:
    days, notes = _times(tmp_path, "opened_at,closed_at", "03/04/2025,13/04/2025", "05/04/2025,06/04/2025")
    assert days["opened_at"] == ["2025-04-03", "2025-04-05"]
    assert days["closed_at"] == ["2025-04-13", "2025-04-06"]
    assert "opened_at: 03/04/2025 was read day first (as closed_at allows only that)" in notes[0]
    days, _ = _times(tmp_path, "opened_at,closed_at", "03-04-2025,04/13/2025", "05-04-2025,04/06/2025")
    assert days["opened_at"] == ["2025-03-04", "2025-05-04"]
    days, _ = _times(tmp_path, "opened_at,closed_at", "03.04.2025,04/13/2025", "05.04.2025,04/06/2025")
    assert days["opened_at"] == ["2025-04-03", "2025-04-05"]


def test_dates_with_the_same_sign_decide_before_others(tmp_path: Path) -> None:
    days, _ = _times(
        tmp_path, "opened_at,resolved_at,closed_at", "03/04/2025,13/04/2025,04-14-2025", "05/04/2025,,"
    )
    assert days["opened_at"] == ["2025-04-03", "2025-04-05"]


def test_columns_that_contradict_each_other_decide_nothing(tmp_path: Path) -> None:
    days, notes = _times(
        tmp_path, "opened_at,resolved_at,closed_at", "03/04/2025,13/04/2025,04/14/2025", "05/04/2025,,"
    )
    assert days["opened_at"] == ["2025-03-04", "2025-05-04"]
    assert "contradict each other; resolved_at is day first; closed_at is month first" in notes[0]


def test_tickets_end_after_they_are_opened_where_nothing_else_decides(tmp_path: Path) -> None:
    days, notes = _times(tmp_path, "opened_at,closed_at", "03/04/2025,01/05/2025", "05/04/2025,06/04/2025")
    assert days["opened_at"] == ["2025-04-03", "2025-04-05"]
    assert days["closed_at"] == ["2025-05-01", "2025-04-06"]
    assert "day first (as fewer tickets then end before they are opened)" in notes[0]
    days, notes = _times(tmp_path, "opened_at,closed_at", "03/04/2025,04/05/2025")
    assert days["opened_at"] == ["2025-03-04"]
    assert "no value tells which" in notes[0]


def test_ids_that_became_floats_join(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ids, parents = [1.0, 2.0, 1e16, None], [None, 1.0, 2.0, 1e16]
    pl.DataFrame({"id": ids, "title": ["a", "b", "c", "d"], "duplicate_of": parents}).write_parquet(path)
    pl.read_parquet(path).write_csv(tmp_path / "a.csv")
    for name in ("a.parquet", "a.csv"):
        tickets = import_tickets([tmp_path / name], TicketSettings()).tickets
        assert tickets.ids == ["1", "2", "10000000000000000", f"{name}#4"]
        links = [row[:2] for row in links_from_tickets(tickets).links.frame.iter_rows()]
        assert links == [("2", "1"), ("10000000000000000", "2"), (f"{name}#4", "10000000000000000")]


def test_ids_written_as_links_of_a_spreadsheet(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        'number,short_description\n"=HYPERLINK(""https://x.example/1"",""INC1"")",Mail\n'
        '"=hyperlink(""https://x.example/2"";""INC2"")",Post\n',
    )
    assert result.tickets.ids == ["INC1", "INC2"]
    assert result.summary.repairs["text_formulas"] == 2
