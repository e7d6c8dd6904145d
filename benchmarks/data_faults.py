"""Faults of data, planted on synthetic tickets: links that a rule made, hindsight in texts, broken times.

`DATA_FAULTS` change a desk of 900 tickets as an export or a script would.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

import numpy as np
import polars as pl

from fault_desk import Desk
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.tickets.sample.wording import hedge, reword


@dataclass(frozen=True)
class DataFault:
    """One fault: how a desk is changed, and the code of the check that must name it."""

    name: str
    plant: Callable[[Desk], Desk]
    expected: str
    says: str = ""
    """What its evidence must say, where one check names several faults."""


def _by_rule(column: str, hours: float) -> Callable[[Desk], Desk]:
    def plant(desk: Desk) -> Desk:
        """Link each ticket to the last one of the same value, if it was filed so recently."""
        frame, last, pairs = desk.tickets.frame, dict[str, int](), list[tuple[int, int]]()
        values, opened = frame[column].to_list(), frame["opened_at"].dt.timestamp("us").to_numpy()
        for row in np.argsort(opened, kind="stable").tolist():
            before = last.get(values[row])
            if values[row] and before is not None and opened[row] - opened[before] <= hours * 3.6e9:
                pairs.append((row, before))
            last[values[row]] = row
        left, right = np.array(pairs).T
        return replace(desk, left=left, right=right)

    return plant


def _same_title_and_day(desk: Desk) -> Desk:
    """Link tickets of one title and day, where titles are chosen from a list."""
    kinds, days = (
        desk.tickets.frame.select("category", "subcategory"),
        desk.tickets.frame["opened_at"].dt.date(),
    )
    titles = [f"{category}: {kind}" for category, kind in kinds.iter_rows()]
    last, pairs = dict[tuple[str, date], int](), list[tuple[int, int]]()
    for row, key in enumerate(zip(titles, days, strict=True)):
        if key in last:
            pairs.append((row, last[key]))
        last[key] = row
    left, right = np.array(pairs).T
    return replace(desk.with_column("title", titles), left=left, right=right)


def _nearest(place: Callable[[int], IntArray]) -> Callable[[Desk], Desk]:
    def plant(desk: Desk) -> Desk:
        """Link every third ticket to what a search by meaning shows at some place."""
        cosines = desk.embeddings @ desk.embeddings.T
        np.fill_diagonal(cosines, -2)
        rows = np.arange(0, len(cosines), 3)
        shown = np.argsort(-cosines[rows], axis=1)[np.arange(len(rows)), place(len(rows))]
        return replace(desk, left=rows, right=shown)

    return plant


def _pairs(desk: Desk) -> list[tuple[int, int]]:
    return list(zip(desk.left.tolist(), desk.right.tolist(), strict=True))


def _names_master(desk: Desk) -> Desk:
    return desk.with_lines({child: f"Duplicate of {desk.tickets.ids[one]}" for child, one in _pairs(desk)})


def _shared_reference(desk: Desk) -> Desk:
    return desk.with_lines({row: f"REF-{7_000 + n}" for n, pair in enumerate(_pairs(desk)) for row in pair})


def _quotes_master(desk: Desk) -> Desk:
    titles = desk.tickets.frame["title"].to_list()
    return desk.with_lines({child: f"Same as: {titles[one]}, told the user" for child, one in _pairs(desk)})


def _says(sentence: str) -> Callable[[Desk], Desk]:
    return lambda desk: desk.with_lines(dict.fromkeys(desk.left.tolist(), sentence))


def _category_of_linked(desk: Desk) -> Desk:
    values = desk.tickets.frame["category"].to_list()
    for row in desk.left.tolist():
        values[row] = "Linked"
    return desk.with_column("category", values)


def _taken_over(column: str) -> Callable[[Desk], Desk]:
    def plant(desk: Desk) -> Desk:
        values = [value or f"own {row}" for row, value in enumerate(desk.tickets.frame[column])]
        for child, one in _pairs(desk):
            values[child] = values[one]
        return desk.with_column(column, values)

    return plant


def _linked_only(desk: Desk) -> Desk:
    return desk.take(np.flatnonzero(np.bincount(desk.groups)[desk.groups] > 1))


def _bucket(desk: Desk) -> Desk:
    children = np.random.default_rng(0).choice(np.arange(1, len(desk.tickets)), 160, replace=False)
    return replace(desk, left=np.r_[desk.left, children], right=np.r_[desk.right, np.zeros(160, np.int64)])


def _absent(desk: Desk) -> Desk:
    return replace(desk, n_absent=2 * len(desk.left))


def _across_splits(desk: Desk) -> Desk:
    """Let every related and causal link join a ticket of training with one that judges."""
    train, test = np.flatnonzero(~desk.is_test), np.flatnonzero(desk.is_test)
    draw, n_links = np.random.default_rng(0), len(desk.typed)
    return replace(desk, typed=np.column_stack([draw.choice(train, n_links), draw.choice(test, n_links)]))


def _shifted(n_rows: int) -> Callable[[Desk], Desk]:
    return lambda desk: replace(desk, right=(desk.right + n_rows) % len(desk.tickets))


def _random(share: float) -> Callable[[Desk], Desk]:
    def plant(desk: Desk) -> Desk:
        draw = np.random.default_rng(0)
        drawn = draw.integers(0, len(desk.tickets), len(desk.right))
        return replace(desk, right=np.where(draw.random(len(drawn)) < share, drawn, desk.right))

    return plant


def _copies(desk: Desk) -> Desk:
    return desk.with_column("title", _monitoring(desk, "title")).with_column(
        "description", _monitoring(desk, "description")
    )


def _monitoring(desk: Desk, column: str) -> list[str]:
    return [
        f"{column} of an alarm" if row % 20 < 9 else text
        for row, text in enumerate(desk.tickets.frame[column])
    ]


def _twice(desk: Desk) -> Desk:
    again = desk.tickets.frame.head(200).with_columns(
        ("X" + pl.col("ticket_id")).alias("ticket_id"), pl.col("source_row") + len(desk.tickets)
    )
    return replace(desk, tickets=Tickets(pl.concat([desk.tickets.frame, again])))


def _cut(n_characters: int) -> Callable[[Desk], Desk]:
    return lambda desk: desk.with_column(
        "description", [text[:n_characters] for text in desk.tickets.frame["description"]]
    )


def _categories_as_texts(desk: Desk) -> Desk:
    frame = desk.tickets.frame
    return desk.with_column("title", frame["category"].to_list()).with_column(
        "description", frame["subcategory"].to_list()
    )


def _other_language(desk: Desk) -> Desk:
    turned = [text if row < 2 * len(desk.texts) // 3 else " ".join(word[::-1] for word in text.split())
              for row, text in enumerate(desk.tickets.frame["description"])]  # fmt: skip
    return desk.with_column("description", turned)


def _as_closed(desk: Desk) -> Desk:
    opened = desk.tickets.frame["opened_at"].dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    return desk.with_column("closed_at", opened.to_list())


def _swapped(desk: Desk) -> Desk:
    """Spread the tickets over half a year, then read their dates with day and month the other way round."""
    spread = [timedelta(hours=5 * row) for row in range(len(desk.tickets))]
    times = desk.tickets.frame["opened_at"].min() + pl.Series(spread, dtype=pl.Duration("us"))
    turned = [time.replace(month=time.day, day=time.month) if time.day <= 12 else time for time in times]
    return desk.opened(pl.lit(pl.Series(turned, dtype=pl.Datetime("us"))))


def _counted(desk: Desk) -> Desk:
    """Write as opening times what a script makes of row numbers."""
    counted = [timedelta(minutes=row) for row in range(len(desk.tickets))]
    return desk.opened(pl.col("opened_at").min() + pl.Series(counted, dtype=pl.Duration("us")))


def _one_event(desk: Desk) -> Desk:
    """Link as one outage what most of the linked tickets tell of: one service and a sentence of it."""
    linked = np.unique(np.r_[desk.left, desk.right])
    told = linked[: 2 * len(linked) // 3]
    title = desk.tickets.frame["title"].to_list()
    one = {row: f"All sites offline, {title[row].split()[0]}" for row in told.tolist()}
    alike = desk.with_column("title", [one.get(row, text) for row, text in enumerate(title)])
    alike = alike.with_lines(dict.fromkeys(told.tolist(), "Data centre Alpha lost both power feeds at noon."))
    apart = ~np.isin(desk.left, told) & ~np.isin(desk.right, told)
    left, right = np.r_[told[1:], desk.left[apart]], np.r_[np.full(len(told) - 1, told[0]), desk.right[apart]]
    return replace(alike, left=left, right=right)


def _test_told_again(desk: Desk) -> Desk:
    """Put every test ticket into training once more, in other words, under another id and without a link."""
    random = Random(0)
    test = desk.tickets.frame.filter(pl.Series(desk.is_test))
    told = [hedge(_in_other_words(text, random), random) for text in test["description"]]
    again = test.with_columns(
        ("P" + pl.col("ticket_id")).alias("ticket_id"), pl.col("source_row") + len(desk.tickets),
        pl.Series("description", told), pl.Series("title", [reword(t, random) for t in test["title"]]),
    )  # fmt: skip
    tickets = Tickets(pl.concat([desk.tickets.frame, again]))
    return replace(desk, tickets=tickets, test_ids=frozenset(test["ticket_id"]))


def _in_other_words(text: str, random: Random) -> str:
    sentences = reword(text, random).split(". ")
    random.shuffle(sentences)
    return " ".join(word for word in ". ".join(sentences).split() if random.random() > 0.1)


_BY_ITEM = _by_rule("configuration_item", 24)
DATA_FAULTS = (
    DataFault("linked: same configuration item within a day", _BY_ITEM, "links_of_a_rule",
              "the same configuration_item"),
    DataFault("linked: same service within half an hour", _by_rule("service", 0.5), "links_of_a_rule",
              "30 minutes apart"),
    DataFault("linked: same service within two hours", _by_rule("service", 2), "links_of_a_rule",
              "2 hours apart"),
    DataFault("linked: same caller within two days", _by_rule("caller", 48), "links_of_a_rule",
              "the same caller"),
    DataFault("linked: same title and day", _same_title_and_day, "links_of_a_rule", "the same day of filing"),
    DataFault("linked: nearest neighbours", _nearest(lambda n: np.zeros(n, np.int64)), "links_of_a_search"),
    DataFault("linked: chosen among suggestions", _nearest(lambda n: np.arange(n) % 8), "links_of_a_search"),
    DataFault("texts: 'Duplicate of …'", _names_master, "texts_name_kin"),
    DataFault("texts: a reference shared by kin", _shared_reference, "texts_name_kin"),
    DataFault("texts: the master's title", _quotes_master, "texts_name_kin"),
    DataFault("texts: a bot's sentence", _says("This record was closed automatically."), "words_of_linking"),
    DataFault("texts: [DUP]", _says("[DUP]"), "words_of_linking"),
    DataFault("fields: a category of linked tickets", _category_of_linked, "words_of_linking"),
    DataFault("fields: configuration item of the master", _taken_over("configuration_item"),
              "fields_of_linking", "configuration_item"),
    DataFault("fields: subcategory of the master", _taken_over("subcategory"), "fields_of_linking",
              "subcategory"),
    DataFault("export of linked tickets only", _linked_only, "only_linked"),
    DataFault("a bucket as a master", _bucket, "large_groups", "like a bucket"),
    DataFault("one event with most links", _one_event, "large_groups", "one group holds"),
    DataFault("most links name absent tickets", _absent, "absent_ends"),
    DataFault("related and causal links across splits", _across_splits, "kinds_across_splits",
              "kinds are learned from the 0 within the training split"),
    DataFault("times: opened when closed", _as_closed, "opening_times", "very second of closed_at"),
    DataFault("times: of the import", lambda d: d.opened(pl.col("opened_at").max()), "opening_times",
              "that of an import"),
    DataFault("times: midnight", lambda d: d.opened(pl.col("opened_at").dt.truncate("1d")), "opening_times",
              "are midnight"),
    DataFault("times: newest first", lambda d: d.opened(pl.col("opened_at").reverse()), "opening_times",
              "run backwards"),
    DataFault("times: day and month swapped", _swapped, "opening_times", "swapped"),
    DataFault("times: counted by rows", _counted, "opening_times", "a script counted"),
    DataFault("links joined one row off", _shifted(1), "joined_rows"),
    DataFault("links joined two rows off", _shifted(-2), "joined_rows"),
    DataFault("30 % of the links at random", _random(0.3), "random_links"),
    DataFault("half of the links at random", _random(0.5), "random_links"),
    DataFault("the test told again in training", _test_told_again, "copied_test"),
    DataFault("45 % copies", _copies, "copied_texts", "finding copies proves little"),
    DataFault("200 tickets exported twice", _twice, "copied_texts", "exported twice"),
    DataFault("texts cut at 120 characters", _cut(120), "cut_texts", "120 characters"),
    DataFault("texts cut at 255 characters", _cut(255), "cut_texts", "255 characters"),
    DataFault("categories mapped as texts", _categories_as_texts, "thin_texts"),
    DataFault("another language in the holdout", _other_language, "other_words"),
)  # fmt: skip
