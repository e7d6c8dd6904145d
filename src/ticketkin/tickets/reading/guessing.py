"""Which encoding bytes that are not UTF-8 are written in.

charset-normalizer alone names the right one for half of the short exports tried, and for two thirds when it
may choose among the encodings below only: it looks at whole texts, while an export is mostly ASCII with few
telling bytes. So it proposes, and each proposal is judged here by the words it makes: letters that its
languages use, no capital after a small letter, no mark or foreign letter inside a word.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

# Letters beyond ASCII of the languages an encoding serves, one string a language.
_WESTERN = ("äöüß", "éèêëàâçîïôûùœ", "áéíóúñüçàïèò", "àèéìòù", "ãõáéíóúâêôçà", "æøåé", "äöåé", "ëéèïóö")
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áčďéíľĺňóôŕšťúýžä", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "äöüß")
_TURKISH = ("çğıöşü",)
# encoding -> (its languages, how likely it is before anything is read).
_LATIN: Mapping[str, tuple[tuple[str, ...], float]] = {
    "cp1252": (_WESTERN, 0.35),
    "cp1250": (_CENTRAL, 0.12),
    "iso8859_2": (_CENTRAL, 0.1),
    "cp1254": (_TURKISH, 0.1),
    "mac_roman": (_WESTERN, 0.15),
    "cp850": (_WESTERN, 0.1),
    "cp437": (_WESTERN, 0.0),
    "cp852": (_CENTRAL, 0.0),
}
# encoding -> the first letter and the last one of its script.
_ALPHABETS: Mapping[str, tuple[str, str]] = {
    "cp1251": ("Ѐ", "ӿ"),
    "koi8_u": ("Ѐ", "ӿ"),
    "koi8_r": ("Ѐ", "ӿ"),
    "cp866": ("Ѐ", "ӿ"),
    "cp1253": ("Ͱ", "Ͽ"),
}
# encoding -> first bytes of its common characters (the first level of its standard).
_DOUBLE_BYTES: Mapping[str, range] = {
    "cp932": range(0x88, 0x99),
    "euc_jp": range(0xB0, 0xD0),
    "gb18030": range(0xB0, 0xD8),
    "big5": range(0xA4, 0xC7),
    "cp949": range(0xB0, 0xC9),
}
_JAPANESE = ("cp932", "euc_jp")
_RARE_CYRILLIC = frozenset("ЀЍѐѝѠѡѢѣ") | {chr(code) for code in range(0x0460, 0x0500)}
_MARKS = frozenset("“”‘’„‚–—…«»‹›¿¡°§€£©®•·´ªº²³½×\u00a0™")  # noqa: RUF001
_QUOTES_IN_WORDS = frozenset("’‘´·")  # noqa: RUF001
_BEFORE_WORDS = frozenset("“‘„‚–—«‹¿¡§€£…\u00a0")  # noqa: RUF001
_TELLING_BYTES = 4_096
# How far the best must lead, and of how many signs beyond ASCII.
_SURE, _LIKELY = 0.5, 0.25
_TELLING_SIGNS = 4


@dataclass(frozen=True)
class GuessedEncoding:
    """An encoding and how surely it was chosen: 'surely', 'probably' or 'perhaps'."""

    name: str
    certainty: str


def guess_encoding(content: bytes) -> GuessedEncoding:
    """Return the encoding whose words look most like words, for bytes that are not UTF-8.

    Reads the first 4 kB of lines with bytes beyond ASCII. What fits nothing is read as Windows-1252.
    """
    sample = _telling_lines(content)
    scores = {
        name: score for name in _candidates(sample) if (score := _plausibility(sample, name)) is not None
    }
    if not scores:
        return GuessedEncoding("cp1252", "perhaps")
    best = max(scores, key=scores.__getitem__)
    text = sample.decode(best)
    rivals = [scores[name] for name in scores if sample.decode(name) != text]
    lead = scores[best] - max(rivals, default=-9.0)
    n_telling = sum(sign >= "\x80" for sign in text)
    certainty = "surely" if lead > _SURE else "probably" if lead > _LIKELY else "perhaps"
    if certainty == "surely" and n_telling < _TELLING_SIGNS:
        certainty = "probably"
    return GuessedEncoding(best, certainty)


def _telling_lines(content: bytes) -> bytes:
    lines, size = [], 0
    for match in re.finditer(rb"[^\r\n]*[\x80-\xff][^\r\n]*[\r\n]*", content):
        lines.append(match[0][:_TELLING_BYTES])
        size += len(lines[-1])
        if size >= _TELLING_BYTES:
            break
    return b"".join(lines)


def _candidates(sample: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    names = [*_LATIN, *_ALPHABETS, *_DOUBLE_BYTES]
    proposed = from_bytes(sample).best()
    if proposed is not None and proposed.encoding not in names:
        names.append(proposed.encoding)
    return names


def _plausibility(sample: bytes, encoding: str) -> float | None:
    """Return how well the bytes beyond ASCII read in this encoding, about -6 to 2; None where they can't."""
    try:
        text = sample.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    n_bytes = max(1, sum(byte >= 0x80 for byte in sample))
    padded = f" {text} "
    signs = [
        (sign, padded[place - 1], padded[place + 1]) for place, sign in enumerate(padded) if sign >= "\x80"
    ]
    if encoding in _DOUBLE_BYTES:
        total = sum(_of_two_bytes(sign, before, after, encoding) for sign, before, after in signs)
        if encoding in _JAPANESE and not any(_is_kana(sign) for sign in text):
            total -= 1.5 * n_bytes
        return total / n_bytes - 0.3
    if encoding in _ALPHABETS:
        first, last = _ALPHABETS[encoding]
        return sum(_of_alphabet(*seen, first, last) for seen in signs) / n_bytes
    languages, likelihood = _LATIN.get(encoding, (_WESTERN, 0.0))
    return likelihood + max(
        sum(_of_latin(*seen, letters) for seen in signs) / n_bytes for letters in map(frozenset, languages)
    )


def _of_any(sign: str, before: str, after: str) -> float | None:
    """Return the plausibility of what is no letter; None for a letter."""
    if unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs"):
        return -6.0
    if sign.isalpha():
        return None
    if sign not in _MARKS:
        return -2.0
    if after.isalpha() and (before.isalpha() or sign not in _BEFORE_WORDS) and sign not in _QUOTES_IN_WORDS:
        return -1.5
    return 1.0


def _of_latin(sign: str, before: str, after: str, letters: frozenset[str]) -> float:
    known = _of_any(sign, before, after)
    if known is not None:
        return known
    penalty = 2.0 if before.islower() and sign.isupper() else 0.0
    # Latin words hold ASCII letters too: a run of others is another alphabet.
    penalty += 1.2 * ((before >= "\x80" and before.isalpha()) + (after >= "\x80" and after.isalpha()))
    if not unicodedata.name(sign, "").startswith("LATIN"):
        return -2.0 - penalty
    return (2.0 if sign in letters else 1.0 if sign.lower() in letters else -0.7) - penalty


def _of_alphabet(sign: str, before: str, after: str, first: str, last: str) -> float:
    known = _of_any(sign, before, after)
    if known is not None:
        return known
    penalty = 2.0 if before.islower() and sign.isupper() else 0.0
    if not first <= sign <= last or sign in _RARE_CYRILLIC:
        return -2.0 - penalty
    stranger = any(near.isascii() and near.isalpha() for near in (before, after))
    return (-3.0 if stranger else 1.7 if sign.islower() else 1.2) - penalty


def _is_kana(sign: str) -> bool:
    return "\u3040" <= sign <= "\u30ff"


def _of_two_bytes(sign: str, before: str, after: str, encoding: str) -> float:
    """Return the plausibility of a character of two bytes, for both together."""
    if unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs"):
        return -6.0
    if not sign.isalpha():
        return 2.0 if unicodedata.east_asian_width(sign) in "WF" or sign in _MARKS else -2.0
    if "\uff61" <= sign <= "\uff9f":
        return -2.0  # a half-width kana is one byte: any byte of another encoding makes one
    if _is_kana(sign):
        return 3.6
    n_strangers = sum(near.isascii() and near.isalpha() for near in (before, after))
    if n_strangers == 2:
        return -4.0
    written = sign.encode(encoding)
    common = len(written) == 2 and written[0] in _DOUBLE_BYTES[encoding]
    is_hangul = "\uac00" <= sign <= "\ud7a3"
    return (3.5 if common and is_hangul else 3.2 if common else 0.5) - 1.5 * n_strangers
