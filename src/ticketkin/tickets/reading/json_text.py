"""The records of a JSON text, found one by one, with what is wrong with those that can't be read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading.json_pages import WRAPPERS, Pages

# Each fault in an array costs a look through the file: the decoder says in which line it is.
_MOST_FAULTS = 5_000
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"', re.DOTALL)
# What moves the depth of nesting, texts left out.
_NESTING = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"|[\[\]{}]', re.DOTALL)
_FIRST_KEY = re.compile(r'\{\s*("(?>(?:[^"\\]++|\\.)*)")\s*:', re.DOTALL)
_SEPARATOR = re.compile(r"[,\]\[{]")
_TOO_DEEP = "it is nested too deeply to be read"
ReadRecord = tuple[Any, str]
"""A record and "", or nothing and the reason it can't be read."""


def kind_of(value: Any) -> str:
    """Return in words what a JSON value is."""
    kinds = {dict: "an object", list: "an array", str: "a text or number", bool: "true or false"}
    return kinds.get(type(value), "null")


class JsonText:
    """The records of a text, with what is wrong with those that can't be read."""

    def __init__(self, text: str, decoder: json.JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder
        self._start: re.Pattern[str] | None = None
        self._searched_from, self._next_start = 0, -1
        self._n_faults = 0
        self.is_lines = False
        self.pages = Pages()

    def records(self, path: Path) -> Iterator[ReadRecord]:
        """Return the records in file order. Raises UnreadableFileError for JSON of another shape."""
        start = self._skip_space(0)
        first = self._text[start : start + 1]
        if self._is_an_object_a_line(path):
            self.is_lines = True
            return self._lines()
        if first == "[":
            return self._elements(start + 1, is_wrapped=False)
        if first == "{":
            array = self._wrapped_array(start)
            if array is not None:
                return self._elements(array, is_wrapped=True)
            return self._objects(start, path)
        value, reason, _ = self._value(start)
        what = reason or f"got {kind_of(value)}"
        raise UnreadableFileError(
            f"{path} is not valid JSON for tickets: JSON must be an array of tickets, or an object with "
            f"'result' or 'records'; {what}"
        )

    def _skip_space(self, position: int) -> int:
        space = _SPACE.match(self._text, position)
        return space.end() if space else position

    def _value(self, position: int) -> tuple[Any, str, int]:
        """Return the value at a place, why it can't be read, and where reading goes on."""
        try:
            value, end = self._decoder.raw_decode(self._text, position)
        except RecursionError:
            return None, _TOO_DEEP, self._end_of_brackets(position, len(self._text))
        except json.JSONDecodeError as error:
            self._count_fault()
            reason = f"not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
            if self._text[position : position + 1] not in ("[", "{"):
                return None, reason, self._next_separator(position + 1)
            return None, reason, self._end_of_brackets(position, self._next_record(position, error.pos))
        if self._start is None and isinstance(value, dict):
            self._set_start(position)
        return value, "", end

    def _count_fault(self) -> None:
        self._n_faults += 1
        if self._n_faults > _MOST_FAULTS:
            raise UnreadableFileError(
                f"More than {_MOST_FAULTS:,} records are not valid JSON; export the file again"
            )

    def _set_start(self, position: int) -> None:
        """Remember how a record begins: its first key."""
        name = _FIRST_KEY.match(self._text, position)
        if name is not None:
            self._start = re.compile(r"\{\s*" + re.escape(name[1]) + r"\s*:")

    def _next_record(self, position: int, fault: int) -> int:
        """Return where the next record seems to begin after a fault in the one at `position`."""
        if self._start is None:
            self._set_start(position)
        # A text that is not closed ends where the next one should begin, after the next record's start.
        texts = [text.start() for text in _STRING.finditer(self._text, position, fault)]
        after = max([position + 1, *texts[-1:]])
        if self._start is None:
            return len(self._text)
        if not self._searched_from <= after <= self._next_start:
            # Remembered, so that many faults do not search the whole rest of the file each.
            begin = self._start.search(self._text, after)
            self._searched_from, self._next_start = after, begin.start() if begin else len(self._text)
        return self._next_start

    def _end_of_brackets(self, position: int, limit: int) -> int:
        """Return where the brackets that open at `position` close, `limit` if they don't before it."""
        depth = 0
        for sign in _NESTING.finditer(self._text, position, limit):
            if sign[0] in "[{":
                depth += 1
            elif sign[0] in "]}":
                depth -= 1
                if depth == 0:
                    return sign.end()
        return limit

    def _elements(self, position: int, is_wrapped: bool) -> Iterator[ReadRecord]:
        """Return the elements of an array whose bracket was read, and of arrays that follow it."""
        text = self._text
        while True:
            position = self._skip_space(position)
            sign = text[position : position + 1]
            if sign == "":
                yield None, "not valid JSON: the file ends before its array does"
                return
            if sign == ",":
                position += 1
            elif sign == "]":
                following = self._skip_space(position + 1)
                if text[following : following + 1] != "[":
                    if is_wrapped:
                        yield from self._after_page(following)
                    elif following < len(text):
                        yield None, "not valid JSON: there is more text after the end of the array"
                    return
                position = following + 1
            else:
                value, reason, position = self._value(position)
                yield value, reason
                if reason and position >= len(text):
                    return

    def _next_separator(self, position: int) -> int:
        """Return where the element after a faulty one begins: at the next comma or bracket."""
        separator = _SEPARATOR.search(self._text, position)
        return separator.start() if separator else len(self._text)

    def _is_an_object_a_line(self, path: Path) -> bool:
        """Return whether most of the first lines are objects each."""
        lines = [line for line in self._text[: 1 << 20].split("\n", 40)[:40] if line.strip()]
        if len(lines) < 2:
            return path.suffix.lower() != ".json" and self._text.lstrip()[:1] not in ("{", "[")
        n_objects = sum(isinstance(self._line(line)[0], dict) for line in lines)
        return n_objects >= len(lines) / 2 and n_objects > 0

    def _line(self, line: str) -> ReadRecord:
        try:
            return self._decoder.decode(line), ""
        except RecursionError:
            return None, _TOO_DEEP
        except json.JSONDecodeError as error:
            return None, f"not valid JSON: {error.msg}"

    def _lines(self) -> Iterator[ReadRecord]:
        # Only a line feed ends a line: U+2028 and its like may stand inside a text.
        position, text = 0, self._text
        while position < len(text):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            line = text[position:end]
            if line.strip():
                yield from self.pages.records(*self._line(line))
            position = end + 1

    def _wrapped_array(self, position: int) -> int | None:
        """Return the place after the bracket of the array of records in an object around it."""
        text = self._text
        position = self._skip_space(position + 1)
        while (name := self._name(position)) is not None:
            position = name[1]
            if name[0] in WRAPPERS and text[position : position + 1] == "[":
                return position + 1
            position = self._see_member(*name)
            if text[position : position + 1] != ",":
                return None
            position = self._skip_space(position + 1)
        return None

    def _name(self, position: int) -> tuple[str, int] | None:
        """Return the name of the member that begins at a place, and where its value begins."""
        name = _STRING.match(self._text, position)
        colon = self._skip_space(name.end()) if name else position
        if name is None or self._text[colon : colon + 1] != ":":
            return None
        return name[0][1:-1], self._skip_space(colon + 1)

    def _see_member(self, name: str, position: int) -> int:
        """Note a member of the object around the records; return the place after its value."""
        value, reason, end = self._value(position)
        if not reason:
            self.pages.see({name: value})
        return self._skip_space(end)

    def _after_page(self, position: int) -> Iterator[ReadRecord]:
        """Read on in the object around the records, and return the records of pages that follow it."""
        text = self._text
        while text[position : position + 1] == ",":
            name = self._name(self._skip_space(position + 1))
            if name is None:
                return
            position = self._see_member(*name)
        following = self._skip_space(position + 1)
        while text[position : position + 1] == "}" and text[following : following + 1] == "{":
            value, reason, end = self._value(following)
            yield from self.pages.records(value, reason)
            position, following = end - 1, self._skip_space(end)

    def _objects(self, position: int, path: Path) -> Iterator[ReadRecord]:
        """Return objects that follow one another; a single one is a record in a file of lines only."""
        first, reason, end = self._value(position)
        following = self._skip_space(end)
        if following >= len(self._text) and not reason and path.suffix.lower() == ".json":
            raise UnreadableFileError(
                f"{path}: JSON must be an array of tickets, or an object with 'result' or 'records'; got an "
                f"object with {', '.join(list(first)[:8]) or 'nothing in it'}"
            )
        yield from self.pages.records(first, reason)
        while following < len(self._text):
            if self._text[following] == ",":
                following = self._skip_space(following + 1)
                continue
            value, reason, end = self._value(following)
            yield from self.pages.records(value, reason)
            following = self._skip_space(end)
