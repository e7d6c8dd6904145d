"""Workbooks written by hand, so that they can be wrong in every way."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
HEADER = ("number", "short_description", "description")
Cell = str | int | float | bool | None


def letters(column: int) -> str:
    """Return the letters of a column counted from 0."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def cell(reference: str, value: Cell) -> str:
    """Return one cell as XML; no reference where it is ""."""
    place = f' r="{reference}"' if reference else ""
    if value is None:
        return f"<c{place}/>"
    if isinstance(value, bool):
        return f'<c{place} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c{place}><v>{value}</v></c>"
    if value.startswith("#"):
        return f'<c{place} t="e"><v>{escape(value)}</v></c>'
    return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def sheet(rows: Sequence[Sequence[Cell]], more: str = "", *, dimension: str = "", head: str = "") -> str:
    """Return a sheet as XML; `more` is put behind its rows, `head` before the sheet."""
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(cell(f"{letters(column)}{number}", value) for column, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    reference = f'<dimension ref="{dimension}"/>' if dimension else ""
    data = f"<sheetData>{''.join(lines)}{more}</sheetData>"
    return f"{_DECLARATION}{head}<worksheet {_MAIN}>{reference}{data}</worksheet>"


def parts(sheets: Mapping[str, str], more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the parts of a workbook with these sheets, by their path in the archive."""
    numbered = list(enumerate(sheets, start=1))
    named = "".join(f'<sheet name="{escape(n)}" sheetId="{k}" r:id="rId{k}"/>' for k, n in numbered)
    links = "".join(
        f'<Relationship Id="rId{k}" Type="{_RELATION}/worksheet" Target="worksheets/sheet{k}.xml"/>'
        for k, _ in numbered
    )
    links += f'<Relationship Id="rId900" Type="{_RELATION}/sharedStrings" Target="sharedStrings.xml"/>'
    links += f'<Relationship Id="rId901" Type="{_RELATION}/styles" Target="styles.xml"/>'
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{k}.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for k, _ in numbered
    )
    made = {
        "[Content_Types].xml": f'{_DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        f"{overrides}</Types>",
        "_rels/.rels": f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'{_DECLARATION}<workbook {_MAIN} xmlns:r="{_RELATION}"><sheets>{named}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        "</Relationships>",
        "xl/sharedStrings.xml": f'{_DECLARATION}<sst {_MAIN} count="0" uniqueCount="0"></sst>',
        "xl/styles.xml": f"{_DECLARATION}<styleSheet {_MAIN}><fonts><font/></fonts><fills><fill/></fills>"
        '<borders><border/></borders><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    made |= {f"xl/worksheets/sheet{k}.xml": sheets[name] for k, name in numbered}
    return made | dict(more or {})


def archive(contents: Mapping[str, str | bytes]) -> bytes:
    """Return the parts as a ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return stream.getvalue()


def workbook(sheets: Mapping[str, str], more: Mapping[str, str] | None = None) -> bytes:
    """Return a whole workbook."""
    return archive(parts(sheets, more))


def lying_bomb(contents: Mapping[str, str], name: str, block: bytes, n_blocks: int, *, claims: int) -> bytes:
    """Return an archive in which part `name` unpacks to its text with `block` times `n_blocks` in the middle.

    Both of its records claim it were `claims` bytes.
    """
    before, after = contents[name].encode().split(b"@", 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    # Flushed in full, a packed block knows nothing of what came before it and may be repeated.
    first, repeated = (packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH) for text in (before, block))
    body = first + repeated * n_blocks + packer.compress(after) + packer.flush()
    crc = zlib.crc32(before)
    for _ in range(n_blocks):
        crc = zlib.crc32(block, crc)
    crc = zlib.crc32(after, crc)
    others = {part: content for part, content in contents.items() if part != name}
    plain = archive(others)
    end = plain.rindex(b"PK\x05\x06")
    n_entries, size, offset = struct.unpack("<HII", plain[end + 10 : end + 20])
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(body), claims, len(name), 0)
    local = b"PK\x03\x04" + fields + name.encode() + body
    central = b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name.encode()
    tail = struct.pack(
        "<HHHHIIH", 0, 0, n_entries + 1, n_entries + 1, size + len(central), offset + len(local), 0
    )
    return plain[:offset] + local + plain[offset : offset + size] + central + b"PK\x05\x06" + tail
