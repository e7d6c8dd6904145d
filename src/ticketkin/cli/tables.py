"""Tables on the screen: whatever its width, no cell with a number is cut or broken over lines.

A column folds where the caller says that it may: names and sentences. All others are as wide as their widest
cell. What then does not fit beside the leading columns comes below, in a further table with these repeated.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from ticketkin.cli.console import SafeConsole
from ticketkin.core.printing import printable

Cell = str | Text

_BETWEEN = 2
"""Columns of the screen between two of a table."""
_LEAST, _LEAST_LEADING = 16, 24
"""What a column that folds has at least, where its cells are longer; names of models take two lines of 24."""
_BETWEEN_SLASHES, _BETWEEN_HYPHENS = re.compile(r"[^/]+/*|/+"), re.compile(r"[^_-]+[_-]*|[_-]+")
"""Parts of a long name: it is broken after a slash, and after a hyphen where that is not enough."""


@dataclass(frozen=True)
class _Column:
    head: str
    cells: list[Text]
    folds_to: int | None
    """Width to which it may be folded; None where it may not."""

    @property
    def most(self) -> int:
        """Width at which nothing of it is broken."""
        return max(_width(self.head), self.least_of_cells)

    @property
    def least_of_cells(self) -> int:
        """Width of the widest line of a cell."""
        return max((_width(line) for cell in self.cells for line in cell.plain.split("\n")), default=0)

    @property
    def least(self) -> int:
        """Width below which it is never printed; a head is broken between words alone."""
        of_head = max(map(_width, self.head.split()), default=0)
        of_cells = self.least_of_cells
        return max(of_head, of_cells if self.folds_to is None else min(of_cells, self.folds_to), 1)


def show_table(
    console: SafeConsole,
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "",
    folds: Collection[int] = (0,),
    n_leading: int = 1,
) -> None:
    """Print rows of cells under their heads, in several tables where the screen is too narrow for one.

    `folds` are the places of the columns that may be broken over lines; the first `n_leading` columns say
    what a row is of. Without any head, none is printed.
    """
    listed = [[Text(printable(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    columns = []
    for place, head in enumerate(heads):
        least = _LEAST_LEADING if place < n_leading else _LEAST
        columns.append(_Column(head, [row[place] for row in listed], least if place in folds else None))
    if title:
        console.print(title, style="italic")
    for number, block in enumerate(_blocks(columns, n_leading, console.width)):
        if number:
            console.print()
        _show_block(console, block)


def _blocks(columns: Sequence[_Column], n_leading: int, width: int) -> list[list[_Column]]:
    """Return the columns of each table: as many as fit beside the leading ones, and at least one."""
    leading, others = list(columns[:n_leading]), columns[n_leading:]
    blocks = [[*leading]]
    for column in others:
        block = blocks[-1]
        if len(block) > n_leading and _least_of([*block, column]) > width:
            blocks.append([*leading, column])
        else:
            block.append(column)
    return blocks


def _least_of(columns: Sequence[_Column]) -> int:
    return sum(column.least for column in columns) + _BETWEEN * (len(columns) - 1)


def _show_block(console: SafeConsole, columns: Sequence[_Column]) -> None:
    widths = _widths(columns, console.width)
    table = Table(box=None, pad_edge=False, show_header=any(column.head for column in columns))
    folded = []
    for column, width in zip(columns, widths, strict=True):
        table.add_column(Text(printable(column.head)), width=width, overflow="fold")
        folded.append([_folded(cell, width) for cell in column.cells])
    for cells in zip(*folded, strict=True):
        table.add_row(*cells)
    # A screen that holds not even one column beside the names breaks the lines itself, and cuts nothing.
    table.width = sum(widths) + _BETWEEN * (len(widths) - 1)
    console.print(table, crop=False)


def _widths(columns: Sequence[_Column], width: int) -> list[int]:
    """Return the width of each column: what is left over goes to the narrowest of those that want more."""
    widths = [column.least for column in columns]
    left = width - _least_of(columns)
    while left > 0:
        wanting = [place for place, column in enumerate(columns) if widths[place] < column.most]
        if not wanting:
            break
        widths[min(wanting, key=widths.__getitem__)] += 1
        left -= 1
    return widths


def _folded(cell: Text, width: int) -> Text:
    """Return a cell whose long words are broken where their parts end; sentences are broken by the table."""
    if cell.spans or all(_width(word) <= width for word in cell.plain.split()):
        return cell
    return Text(re.sub(r"\S+", lambda word: _broken(word[0], width), cell.plain), cell.style)


def _broken(word: str, width: int) -> str:
    pieces = [
        piece
        for part in _BETWEEN_SLASHES.findall(word)
        for piece in ([part] if _width(part) <= width else _BETWEEN_HYPHENS.findall(part))
    ]
    lines = [""]
    for piece in pieces:
        if lines[-1] and _width(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _width(text: str) -> int:
    return Text(printable(text)).cell_len
