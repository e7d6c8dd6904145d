"""Bytes to text, whatever wrote them; text is kept as UTF-8 bytes, which take the least memory."""

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ticketkin.core.errors import ConfigurationError, UnreadableFileError
from ticketkin.tickets.reading.guessing import guess_encoding

AUTO = "auto"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# UTF-32 first: its units hold those of UTF-16.
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_SAMPLE_BYTES = 1 << 16
# Fewer bad bytes than this share of the good characters beyond ASCII are damage, not another encoding.
_SHARE_OF_DAMAGE = 0.1
_ESCAPED = re.compile("[\udc80-\udcff]")
_LARGEST_BYTES = 4 << 30
_OTHER_KINDS = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"SQLite format 3\x00", "a database"),
)


@dataclass(frozen=True)
class DecodedFile:
    """The text of a file as UTF-8 without marks and NUL characters, and what it took."""

    utf8: bytes
    notes: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.utf8.decode("utf-8")

    def lines(self, start: int = 0) -> Iterator[str]:
        """Return the lines with their ends, which may be LF, CR LF or CR; `start` is in bytes."""
        content = io.BytesIO(self.utf8)
        content.seek(start)
        return io.TextIOWrapper(content, "utf-8", newline="")


def check_encoding(name: str) -> str:
    """Return the name as it is where Python knows the text encoding; raises ConfigurationError otherwise."""
    try:
        is_text = name == AUTO or codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ConfigurationError(
            f"encoding {name!r} is not known; give auto, or a name such as utf-8, cp1252, cp1251 or cp932"
        )
    return name


def read_bytes(path: Path) -> bytes:
    """Return a file's content; raises UnreadableFileError where it is of another kind than its name says."""
    size = path.stat().st_size
    if size > _LARGEST_BYTES:
        raise UnreadableFileError(
            f"{path} has {size >> 20:,} MiB, more than {_LARGEST_BYTES >> 20:,}; export it in parts"
        )
    content = path.read_bytes()
    for start, kind in _OTHER_KINDS:
        if content.startswith(start):
            raise UnreadableFileError(f"{path} is {kind}, not what its name says; rename or export it again")
    return content


def decode_file(path: Path, encoding: str | None = None) -> DecodedFile:
    """Return a file's text. `encoding` None or 'auto' finds the encoding; others are decoded as told.

    Never fails for what the bytes are: what can't be decoded is replaced and counted. A guess is noted.
    """
    content = read_bytes(path)
    if encoding not in (None, AUTO):
        return _decoded(content, codecs.lookup(check_encoding(str(encoding))).name, [])
    for mark, name in _MARKS:
        if content.startswith(mark):
            notes = [] if name == "utf-8" else [f"{path.name}: read as {_shown(name)}"]
            return _decoded(content[len(mark) :], name, notes)
    wide = _wide_encoding(content[:_SAMPLE_BYTES])
    if wide:
        return _decoded(content, wide, [f"{path.name}: has no mark of its encoding, read as {_shown(wide)}"])
    if b"\x1b$" in content[:_SAMPLE_BYTES] and _decodes(content, "iso2022_jp"):
        return _decoded(content, "iso2022_jp", [f"{path.name}: not UTF-8, read as ISO-2022-JP"])
    if is_utf8(content) or _is_damaged_utf8(content):
        return _decoded(content, "utf-8", [])
    guess = guess_encoding(content.replace(b"\x00", b""))
    note = (
        f"{path.name}: not UTF-8, {guess.certainty} {_shown(guess.name)}, read as that; if words look wrong, "
        "set tickets.encoding"
    )
    return _decoded(content, guess.name, [note])


def is_utf8(content: bytes) -> bool:
    """Return whether the bytes are UTF-8."""
    return _decodes(content, "utf-8")


def decode_bytes(content: bytes) -> str:
    """Return the text of a cell of bytes: UTF-8, else Windows-1252."""
    return _mend_utf8(content)[0].replace(b"\x00", b"").decode("utf-8")


def without_surrogates(text: str) -> str:
    """Return the text with halves of characters replaced; the two halves of one are put together."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _decoded(content: bytes, encoding: str, notes: list[str]) -> DecodedFile:
    repairs: Counter[str] = Counter()
    if encoding != "utf-8":
        text, repairs["undecodable_bytes"] = _to_text(content, encoding)
        content = text.encode("utf-8", "replace")
    elif not is_utf8(content):
        content, repairs["undecodable_bytes"] = _mend_utf8(content)
    for name, unwanted in (("nul_bytes", b"\x00"), ("byte_order_marks", codecs.BOM_UTF8)):
        content = content.removeprefix(codecs.BOM_UTF8)
        repairs[name] = content.count(unwanted)
        if repairs[name]:
            content = content.replace(unwanted, b"")
    return DecodedFile(content, notes, {name: count for name, count in repairs.items() if count})


def _to_text(content: bytes, encoding: str) -> tuple[str, int]:
    """Return the text, and how many characters in it had to be replaced or left out."""
    unit = next((int(width) // 8 for width in ("16", "32") if encoding.startswith(f"utf-{width}")), 1)
    n_left_over = len(content) % unit
    content = content[: len(content) - n_left_over]
    try:
        return content.decode(encoding), n_left_over
    except UnicodeError:
        text = content.decode(encoding, "replace")
        return text, text.count("\ufffd") + n_left_over


def _mend_utf8(content: bytes) -> tuple[bytes, int]:
    """Return the bytes with those that are not UTF-8 read as Windows-1252, and how many these are."""
    escaped = content.decode("utf-8", "surrogateescape")
    mended, n_bad = _ESCAPED.subn(
        lambda sign: sign[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace"), escaped
    )
    return mended.encode("utf-8"), n_bad


def _is_damaged_utf8(content: bytes) -> bool:
    """Return whether nearly all characters beyond ASCII are right in UTF-8: the others are damage."""
    n_beyond = len(content.translate(None, bytes(range(0x80))))
    n_bad = len(_ESCAPED.findall(content.decode("utf-8", "surrogateescape")))
    return n_bad <= _SHARE_OF_DAMAGE * (n_beyond - n_bad) / 2


def _wide_encoding(sample: bytes) -> str | None:
    """Return UTF-16 or UTF-32 where the separators of an export stand between NUL bytes as these put them."""
    if b"\x00" not in sample:
        return None
    separators = [
        separator for separator in (b"\n", b"\r", b",", b";", b"\t", b"{", b'"') if separator in sample
    ]
    n_separators = sum(map(sample.count, separators))
    for name in _WIDE:
        n_padded = sum(_n_aligned(sample, separator.decode().encode(name)) for separator in separators)
        if n_separators and n_padded >= 0.5 * n_separators:
            return name
    return None


def _n_aligned(sample: bytes, unit: bytes) -> int:
    """Return how often a unit of several bytes stands where such a unit can begin."""
    return sum(match.start() % len(unit) == 0 for match in re.finditer(re.escape(unit), sample))


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _shown(encoding: str) -> str:
    return _NAMES.get(encoding, encoding)


_NAMES = {
    "cp1252": "Windows-1252 (western European)",
    "cp1250": "Windows-1250 (central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "iso8859_2": "ISO 8859-2 (central European)",
    "mac_roman": "Mac Roman",
    "cp437": "the DOS code page 437",
    "cp850": "the DOS code page 850",
    "cp852": "the DOS code page 852",
    "cp866": "the DOS code page 866 (Cyrillic)",
    "koi8_r": "KOI8-R (Cyrillic)",
    "koi8_u": "KOI8-U (Cyrillic)",
    "cp932": "Shift-JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "gb18030": "GB18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "cp949": "CP949 (Korean)",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
}
