"""Pairs of tickets with a kind: from people's links, and strangers drawn beside them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import BoolArray, IntArray, Links, Origin, Tickets
from ticketkin.core.wording import number_of
from ticketkin.pairs.mining import KinshipCodes
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.settings import RelationSettings
from ticketkin.relations.strangers import StrangerPool, draw_strangers

_N_BLOCKS = 40
"""Tickets are dealt into so many blocks; no pair crosses one, so folds of blocks share no ticket."""
_FEWEST_BLOCKS = 5
_LARGEST_JOINED = 0.1
"""Share of all tickets that pairs stated as `none` may join into one part."""
_COMPONENTS_A_BLOCK = 4
"""Fewer would leave too few strangers within a block."""
STATED_SCHEMA: Mapping[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
    "final": pl.Boolean(),
}
"""Ticket ids, one of `KINDS` (of a causal pair the source is the cause), whether it wins over links."""
NOTHING_STATED = pl.DataFrame(schema=dict(STATED_SCHEMA))


@dataclass(frozen=True)
class RelationPairs:
    """Pairs with a kind; rows are those of `Tickets`, all arrays of shape (n_pairs,)."""

    left: IntArray
    """The ticket that was filed first."""
    right: IntArray
    """The other one."""
    kind: IntArray
    """Place in `KINDS`."""
    forward: BoolArray
    """For causal pairs: True where the earlier ticket caused the later one."""
    block: IntArray
    """Pairs of different blocks share no ticket."""
    mixture: Mapping[str, int]
    """Strangers by how they were drawn."""
    contradictions: list[tuple[str, str, str]]
    """Ticket ids and the kinds of pairs that were given two kinds."""
    n_apart_left_out: int = 0
    """Pairs stated as none that would have joined too many tickets into one block."""

    def __len__(self) -> int:
        return len(self.left)

    @property
    def counts(self) -> dict[str, int]:
        """Pairs of each kind."""
        return {name: int((self.kind == code).sum()) for code, name in enumerate(KINDS)}


def relation_pairs(
    tickets: Tickets,
    links: Links,
    groups: IntArray,
    words: csr_matrix,
    seed: int,
    settings: RelationSettings,
    stated: pl.DataFrame = NOTHING_STATED,
) -> RelationPairs:
    """Return the linked pairs by kind, those stated as `none`, and strangers beside them.

    `stated` holds pairs with a kind (`STATED_SCHEMA`) that a person stated apart from links, `none` among
    them; final pairs have priority over the links. Of strangers a third each is drawn at random, among
    lexical neighbours, and among tickets of the same service and hour (of one category and near in filing
    order where there are no times); pairs stated as `none` count as strangers. Tickets joined by any chain of
    links, or by a problem, parent or kin group, are never strangers. There are `settings.none_per_linked`
    strangers for each link. A pair with two kinds is reported, and left out or, with 'majority', given its
    most frequent kind. Deterministic by `seed`. Raises NotEnoughDataError without a pair of kin.
    """
    order = filing_order(tickets)
    kinds, doubtful = _stated_kinds(tickets, links, stated, settings.contradictions)
    kin, apart = _kin_and_apart(kinds)
    source, target = _sides(kin)
    component = _components(len(tickets), source, target, groups)
    # Whoever states two tickets as none joins their blocks: no ticket may stand in two folds.
    joined, allowed = _joined(component, apart[:, 0], apart[:, 1])
    block = _blocks(joined, seed)
    drawn = {"told": apart[allowed]} | draw_strangers(
        StrangerPool(tickets, order, component, block, KinshipCodes.of(tickets, groups, links), words),
        round(settings.none_per_linked * len(source)) - int(allowed.sum()),
        np.random.default_rng(seed),
        {(min(a, b), max(a, b)) for a, b in apart.tolist()},
    )
    strangers = {name: pairs for name, pairs in drawn.items() if len(pairs)}
    none = np.concatenate([np.empty((0, 2), dtype=np.int64), *strangers.values()])
    first, second = np.concatenate([source, none[:, 0]]), np.concatenate([target, none[:, 1]])
    kind = np.concatenate([np.array(list(kin.values())), np.full(len(none), KINDS.index(NONE))])
    forward = order[first] < order[second]
    left = np.where(forward, first, second)
    return RelationPairs(
        left=left,
        right=np.where(forward, second, first),
        kind=kind.astype(np.int64),
        forward=forward | (kind == KINDS.index(NONE)),
        block=block[left],
        mixture={name: len(pairs) for name, pairs in strangers.items()},
        contradictions=doubtful,
        n_apart_left_out=int((~allowed).sum()),
    )


def _kin_and_apart(kinds: Mapping[tuple[int, int], int]) -> tuple[dict[tuple[int, int], int], IntArray]:
    """Return the pairs of kin with their kinds, and the rows of those that were stated as no kin, (n, 2)."""
    kin = {pair: kind for pair, kind in kinds.items() if KINDS[kind] != NONE}
    if not kin:
        raise NotEnoughDataError("No link between two tickets was found, so no kind can be learned")
    return kin, np.array([pair for pair in kinds if pair not in kin], dtype=np.int64).reshape(-1, 2)


def _sides(pairs: Mapping[tuple[int, int], int]) -> tuple[IntArray, IntArray]:
    """Return the first and the second rows of pairs."""
    sides = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    return sides[:, 0], sides[:, 1]


def filing_order(tickets: Tickets) -> IntArray:
    """Return the place of each ticket by opening time; by row where times are missing."""
    order = tickets.visibility.order
    return np.arange(len(tickets), dtype=np.int64) if order is None else order


def _stated_kinds(
    tickets: Tickets, links: Links, apart_from_links: pl.DataFrame, rule: str
) -> tuple[dict[tuple[int, int], int], list[tuple[str, str, str]]]:
    """Return the kind of each pair, as (source, target) of its first mention, and the pairs given two."""
    columns = ("source", "target", "kind")
    # That two tickets share a problem makes them related at least: it contradicts nobody who says more.
    shared = pl.col("origin") == Origin.PROBLEM.value
    frames = [
        links.frame.filter(~shared).select(columns),
        apart_from_links.filter(~pl.col("final")).select(columns),
    ]
    stated = _mentions(tickets, links.frame.filter(shared).select(columns)) | _mentions(
        tickets, pl.concat(frames)
    )
    reviewed = _mentions(tickets, apart_from_links.filter("final").select(columns))
    kinds, contradictions = {}, []
    for key, mentions in (stated | reviewed).items():
        counts = Counter(kind for _, _, kind in mentions)
        ranked = counts.most_common(2)
        decided = len(ranked) == 1 or (rule == "majority" and ranked[0][1] > ranked[1][1])
        chosen = next(mention for mention in mentions if mention[2] == ranked[0][0])
        if len(ranked) > 1:
            source, target = chosen[:2]
            contradictions.append((tickets.ids[source], tickets.ids[target], ", ".join(sorted(counts))))
        if decided and len(key) > 1:
            kinds[chosen[0], chosen[1]] = KINDS.index(chosen[2])
    return kinds, contradictions


def _mentions(tickets: Tickets, frame: pl.DataFrame) -> dict[frozenset[int], list[tuple[int, int, str]]]:
    """Return every statement (source, target, kind) by the pair it is about."""
    mentions: dict[frozenset[int], list[tuple[int, int, str]]] = {}
    at = tickets.position
    for source, target, kind in frame.iter_rows():
        a, b = at[source], at[target]
        mentions.setdefault(frozenset((a, b)), []).append((a, b, kind))
    return mentions


def _joined(component: IntArray, left: IntArray, right: IntArray) -> tuple[IntArray, BoolArray]:
    """Join the components of pairs of tickets; return the components, and which pairs were accepted.

    A pair that would make a component larger than a tenth of all tickets is rejected, as folds need enough
    components.
    """
    from scipy.cluster.hierarchy import DisjointSet

    sizes = np.bincount(component)
    joined = DisjointSet(range(len(sizes)))
    largest, allowed = len(component) * _LARGEST_JOINED, np.ones(len(left), dtype=np.bool_)
    tickets = {number: int(size) for number, size in enumerate(sizes)}
    for place, (a, b) in enumerate(zip(component[left].tolist(), component[right].tolist(), strict=True)):
        one, other = joined[a], joined[b]
        if one == other:
            continue
        total = tickets[one] + tickets[other]
        allowed[place] = total <= largest
        if allowed[place]:
            joined.merge(a, b)
            tickets[joined[a]] = total
    return np.array([joined[number] for number in component.tolist()], dtype=np.int64), allowed


def _components(n_tickets: int, source: IntArray, target: IntArray, groups: IntArray) -> IntArray:
    """Return the component of every ticket over all links and kin groups."""
    first = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    rows = np.arange(n_tickets)
    first[groups[::-1]] = rows[::-1]
    edges = (np.concatenate([source, rows]), np.concatenate([target, first[groups]]))
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(n_tickets, n_tickets))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _blocks(component: IntArray, seed: int) -> IntArray:
    """Deal whole components out to blocks, the largest first, each to the smallest block."""
    component = np.unique(component, return_inverse=True)[1]
    sizes = np.bincount(component)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    block_of = np.zeros(len(sizes), dtype=np.int64)
    n_blocks = min(_N_BLOCKS, max(_FEWEST_BLOCKS, len(sizes) // _COMPONENTS_A_BLOCK), len(sizes))
    filled = np.zeros(n_blocks, dtype=np.int64)
    for place in order:
        smallest = int(np.argmin(filled))
        block_of[place] = smallest
        filled[smallest] += sizes[place]
    return block_of[component]


def support_notes(counts: Mapping[str, int], fewest: int = 10) -> list[str]:
    """Return a sentence for each kind that is absent or too rare to judge."""
    notes = []
    for name in KINDS:
        n = counts.get(name, 0)
        if n == 0:
            notes.append(f"no pair is {name}: it can't be learned and is never said")
        elif n < fewest:
            notes.append(
                f"only {number_of(n, 'pair is', 'pairs are')} {name}: it is never said with confidence"
            )
    return notes
