"""Pages of an interface: the records they wrap, and whether the file holds all there are."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from ticketkin.core.wording import number_of

# Keys under which an interface of a ticket system puts its records.
WRAPPERS = ("result", "records", "issues", "bugs")
# A page of an interface has none of these; a ticket may hold issues or records of its own.
_TICKET_KEYS = {"id", "number", "key", "sys_id", "title", "summary", "short_description", "description"}
_TOTALS = {"total", "totalcount", "totalresults", "totalissues", "totalmatches", "totalrecords", "count"}
# What leads to the next page, where there is one.
_NEXT = {"nextpagetoken", "nextpage", "next", "hasmore", "hasnext", "hasnextpage"}
_LAST = {"islast", "islastpage"}
_LONGEST_NUMBER = 15


class Pages:
    """What the pages of a file say of how many records there are."""

    def __init__(self) -> None:
        self._total = 0
        self._more_follow = False

    def see(self, members: Mapping[str, Any]) -> None:
        """Note what a page says beside its records; of several pages the last says whether more follow."""
        for written, value in members.items():
            name = written.replace("_", "").lower()
            if name in _TOTALS and isinstance(value, str) and value.isdecimal():
                self._total = max(self._total, int(value[:_LONGEST_NUMBER]))
            elif name in _NEXT:
                self._more_follow = bool(value) and value != "0"
            elif name in _LAST and isinstance(value, bool):
                self._more_follow = not value

    def records(self, record: Any, reason: str) -> Iterator[tuple[Any, str]]:
        """Return the records of a page, each with "", where the record is one; else the record itself."""
        if isinstance(record, dict) and not record.keys() & _TICKET_KEYS:
            pages = [name for name in WRAPPERS if _is_page(record.get(name))]
            if len(pages) == 1:
                self.see({name: value for name, value in record.items() if name != pages[0]})
                yield from ((member, "") for member in record[pages[0]])
                return
        yield record, reason

    def notes(self, n_records: int, source: str) -> list[str]:
        """Return what there is to say of records that the file lacks."""
        if self._total > n_records:
            held = f"holds {n_records:,} of {number_of(self._total, 'record')}"
        elif self._more_follow:
            held = f"holds {number_of(n_records, 'record')} and says that more follow"
        else:
            return []
        return [f"{source}: {held}; it is a page of an interface: fetch the other pages too"]


def _is_page(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
