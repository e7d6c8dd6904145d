"""Small XLSX workbooks, written part by part so that each part can be wrong."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Cell = str | float
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_XML = '<?xml version="1.0" encoding="UTF-8"?>'


def cell_xml(reference: str, value: Cell) -> str:
    """Return a cell of text, or of a number."""
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{reference}"><v>{value}</v></c>'


def sheet_xml(rows: Sequence[Sequence[Cell | None]], first: int = 1, hidden: Sequence[int] = ()) -> str:
    """Return the rows of a sheet; None is no cell, `hidden` holds row numbers."""
    parts = []
    for number, row in enumerate(rows, start=first):
        cells = [
            cell_xml(f"{chr(65 + place)}{number}", value)
            for place, value in enumerate(row)
            if value is not None
        ]
        mark = ' hidden="1"' if number in hidden else ""
        parts.append(f'<row r="{number}"{mark}>{"".join(cells)}</row>')
    return "".join(parts)


def write_workbook(path: Path, sheets: Mapping[str, str], properties: str = "") -> None:
    """Write a workbook of sheets, each name with its rows as XML; `properties` are those of <workbookPr>."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="rId{place}"/>' for place, name in enumerate(names, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{place}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, len(names) + 1)
    )
    parts = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><workbookPr {properties}/>'
        f"<sheets>{listed}</sheets>"
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        "</Relationships>",
    }
    for place, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{place}.xml"] = (
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
