"""A family as a drawing: causes to the left of effects, duplicates under their parent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from ticketkin.core.wording import number_of
from ticketkin.service.family_schemas import FamilyOut

_WIDTH, _HEIGHT = 230, 46
_BETWEEN_COLUMNS, _BETWEEN_ROWS, _BETWEEN_BLOCKS, _MARGIN = 96, 8, 22, 12
_INDENT = 22
_MOST_DUPLICATES = 6
"""Drawn of one parent; the table names all."""
_MOST_BLOCKS, _BLOCKS_A_COLUMN = 48, 12
_LONGEST_TITLE, _LONGEST_OF_DUPLICATE = 28, 24
"""Characters of a title; what is wider all the same is cut off in the drawing."""


@dataclass(frozen=True)
class Node:
    """A ticket of the drawing, or a number of duplicates that are only in the table."""

    name: str
    """Empty for such a number."""
    title: str
    label: str
    """What stands below the name, short enough for its place."""
    is_duplicate: bool
    is_open: bool
    x: int
    y: int
    width: int
    height: int = _HEIGHT


@dataclass(frozen=True)
class Edge:
    """A line between two tickets."""

    kind: str
    """causal, from left to right, related or duplicate."""
    path: str
    words: str
    """What it says, for those who don't see it."""


@dataclass(frozen=True)
class Drawing:
    """A family with the place of everything."""

    width: int
    height: int
    nodes: list[Node]
    edges: list[Edge]
    n_left_out: int
    """Tickets that are only in the table, besides duplicates that a number stands for."""


@dataclass(frozen=True)
class _Block:
    """A ticket that is nobody's duplicate, and its duplicates."""

    head: str
    duplicates: list[str]

    @property
    def height(self) -> int:
        n_rows = 1 + min(len(self.duplicates), _MOST_DUPLICATES) + (len(self.duplicates) > _MOST_DUPLICATES)
        return n_rows * (_HEIGHT + _BETWEEN_ROWS) - _BETWEEN_ROWS


def draw_family(family: FamilyOut, open_tickets: Mapping[str, bool]) -> Drawing:
    """Return the drawing of a family; `open_tickets` says of each ticket whether somebody works on it."""
    parents = {one.ticket_id: one.duplicate_of for one in family.tickets if one.duplicate_of}
    duplicates: dict[str, list[str]] = {}
    for child, head in parents.items():
        duplicates.setdefault(head, []).append(child)
    heads = [one.ticket_id for one in family.tickets if not one.duplicate_of]
    blocks = [_Block(head, duplicates.get(head, [])) for head in heads[:_MOST_BLOCKS]]
    titles = {one.ticket_id: one.title for one in family.tickets}
    nodes = list(_placed(blocks, _depths(family, parents), titles, open_tickets))
    edges = _edges(family, parents, {node.name: node for node in nodes if node.name})
    left_out = sum(1 + len(duplicates.get(head, [])) for head in heads[_MOST_BLOCKS:])
    return Drawing(
        width=max(node.x + node.width for node in nodes) + _MARGIN + _BETWEEN_COLUMNS // 2,
        height=max(node.y + node.height for node in nodes) + _MARGIN,
        nodes=nodes,
        edges=edges,
        n_left_out=left_out,
    )


def _depths(family: FamilyOut, parents: Mapping[str, str]) -> dict[str, int]:
    """Return how many causes lie before a ticket, on the longest way; duplicates count for their parent."""
    causes: nx.DiGraph[str] = nx.DiGraph(
        (parents.get(tie.source, tie.source), parents.get(tie.target, tie.target)) for tie in family.causal
    )
    depths: dict[str, int] = {}
    for name in nx.topological_sort(causes):  # families hold no circle of causes
        depths[name] = max((depths[before] + 1 for before in causes.predecessors(name)), default=0)
    return depths


def _placed(
    blocks: Sequence[_Block],
    depths: Mapping[str, int],
    titles: Mapping[str, str],
    open_tickets: Mapping[str, bool],
) -> Iterator[Node]:
    x = _MARGIN
    for column in _columns(blocks, depths):
        y = _MARGIN
        for block in column:
            yield _node(block.head, titles, open_tickets, (x, y), is_duplicate=False)
            row = y
            for name in block.duplicates[:_MOST_DUPLICATES]:
                row += _HEIGHT + _BETWEEN_ROWS
                yield _node(name, titles, open_tickets, (x + _INDENT, row), is_duplicate=True)
            n_more = len(block.duplicates) - _MOST_DUPLICATES
            if n_more > 0:
                row += _HEIGHT + _BETWEEN_ROWS
                words = f"and {number_of(n_more, 'more duplicate')}"
                yield Node("", words, words, True, False, x + _INDENT, row, _WIDTH - _INDENT)
            y += block.height + _BETWEEN_BLOCKS
        x += _WIDTH + _BETWEEN_COLUMNS


def _columns(blocks: Sequence[_Block], depths: Mapping[str, int]) -> Iterator[list[_Block]]:
    """Yield blocks by depth, not too many below each other."""
    for depth in sorted({depths.get(block.head, 0) for block in blocks}):
        of_depth = [block for block in blocks if depths.get(block.head, 0) == depth]
        for start in range(0, len(of_depth), _BLOCKS_A_COLUMN):
            yield of_depth[start : start + _BLOCKS_A_COLUMN]


def _node(
    name: str,
    titles: Mapping[str, str],
    open_tickets: Mapping[str, bool],
    place: tuple[int, int],
    *,
    is_duplicate: bool,
) -> Node:
    title = titles[name]
    most = _LONGEST_OF_DUPLICATE if is_duplicate else _LONGEST_TITLE
    label = title if len(title) <= most else f"{title[: most - 1]}…"
    width = _WIDTH - (_INDENT if is_duplicate else 0)
    return Node(name, title, label, is_duplicate, open_tickets.get(name, False), *place, width)


def _edges(family: FamilyOut, parents: Mapping[str, str], placed: Mapping[str, Node]) -> list[Edge]:
    edges = []
    for child, head in parents.items():
        if child in placed and head in placed:
            one, other = placed[head], placed[child]
            x, y = one.x + _INDENT // 2, other.y + _HEIGHT // 2
            path = f"M {x} {one.y + _HEIGHT} V {y} H {other.x}"
            edges.append(Edge("duplicate", path, f"{child} is a duplicate of {head}"))
    for tie, kind, words in (
        *((tie, "causal", "caused") for tie in family.causal),
        *((tie, "related", "is related to") for tie in family.related),
    ):
        source, target = _end(tie.source, parents, placed), _end(tie.target, parents, placed)
        if source is not None and target is not None and source is not target:
            edges.append(Edge(kind, _curve(source, target), f"{tie.source} {words} {tie.target}"))
    return edges


def _end(name: str, parents: Mapping[str, str], placed: Mapping[str, Node]) -> Node | None:
    """Return where a line to a ticket ends: at its parent where it is not drawn itself."""
    return placed.get(name) or placed.get(parents.get(name, ""))


def _curve(source: Node, target: Node) -> str:
    """Return a line from the right side of one to the left side of the other, or around both."""
    left, right = (source, target) if source.x <= target.x else (target, source)
    x1, y1, y2 = left.x + left.width, left.y + left.height // 2, right.y + right.height // 2
    is_beside = right.x >= x1
    x2 = right.x if is_beside else right.x + right.width
    bend = (x2 - x1) // 2 if is_beside else _BETWEEN_COLUMNS // 3
    path = (x1, y1, x1 + bend, y1, x2 - bend if is_beside else x2 + bend, y2, x2, y2)
    if left is not source:
        path = (*path[6:8], *path[4:6], *path[2:4], *path[0:2])
    return "M {} {} C {} {}, {} {}, {} {}".format(*path)
