"""Text as people meant it: mojibake, placeholders, white space, quoted mail threads."""

import re

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `strip_chars` of polars strips; `str.strip` of Python takes four control characters besides."""
_PLACEHOLDERS = {
    "null", "none", "nan", "n/a", "na", "nil", "undefined", "?", "??", "???", "-", "--", "---", ".", "...",
    "(empty)", "(null)", "<null>", "#n/a", "unknown", "tbd",
}  # fmt: skip
# Only texts with one of these can be mojibake or hold control characters; the rest skip the slow repair.
_SUSPICIOUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9fÃÂâ€ðŸï»¿\ufffd\u200b\ufeff]")
# How spreadsheets write control characters into cells: _x000D_ is a carriage return.
_SHEET_ESCAPE = re.compile("_x00(?:0[0-9A-F]|1[0-9A-F]|7F)_", re.IGNORECASE)
# A lone blank stays as it is: replacing each by itself was the slowest part of cleaning.
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]{2,}|[\t\u00a0\u2000-\u200a\u202f\u3000]")
_LINE_END = re.compile(r"\r\n|[\r\x0c\u2028\u2029]")
_EMPTY_LINES = re.compile(r"\n{3,}")
# Mail headers and greetings are looked for line by line, each line once: possessive where a run could be
# read in several ways.
_THREAD = re.compile(
    r"^(?:-{2,}+[ \t]*+(?:original message|forwarded message|ursprüngliche nachricht|mensaje original).*"
    r"|on .{5,80} wrote:|am .{5,80} schrieb.*:"
    r"|(?:from|von|de):\s.*\n(?:.*\n)?(?:sent|gesendet|enviado|to|an|date):\s.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE = re.compile(r"^>.*$\n?", re.MULTILINE)
_SIGNATURE = re.compile(
    r"\n(?:-- ?|_{5,}+|(?:kind|best|warm)?[ \t]{0,4}regards,?|many thanks,?|thanks(?: and regards)?,?"
    r"|sincerely,?|cheers,?|mit freundlichen grüßen,?|viele grüße,?|saludos,?)[ ]*+\n.*\Z",
    re.IGNORECASE | re.DOTALL,
)


def is_placeholder(text: str) -> bool:
    """Return True if a cell says 'nothing' in words: 'null', 'n/a', '?', '-' and the like."""
    return text.strip().lower() in _PLACEHOLDERS


def repair_characters(text: str) -> str:
    """Return `text` with mojibake, control and invisible characters repaired; cheap if clean."""
    if "_x00" in text or "_X00" in text:
        text = _SHEET_ESCAPE.sub(lambda code: chr(int(code[0][2:6], 16)), text)
    if not _SUSPICIOUS.search(text):
        return text
    import ftfy  # a tenth of a second, for few texts

    repaired = ftfy.fix_text(text, unescape_html=False, uncurl_quotes=False, normalization="NFC")
    return repaired.replace("\ufffd", "").replace("\u200b", "").replace("\ufeff", "").replace("\x00", "")


def tidy_spaces(text: str) -> str:
    """Return `text` with runs of blanks as one, at most one empty line, and no space at the ends."""
    text = _LINE_END.sub("\n", text)
    text = _SPACES.sub(" ", text)
    if "\n" in text:
        text = _EMPTY_LINES.sub("\n\n", "\n".join(line.strip() for line in text.split("\n")))
    return text.strip()


def clean_text(text: str) -> str:
    """Return cleaned text, "" for a placeholder; applying it twice changes nothing more."""
    # Repairs can uncover more (doubly broken mojibake): stop when nothing moves.
    for _ in range(4):
        cleaned = tidy_spaces(repair_characters(text))
        if cleaned == text:
            break
        text = cleaned
    return "" if is_placeholder(text) else text


def strip_mail_threads(text: str) -> str:
    """Return `text` without quoted mails and the signature; the text itself where nothing would stay."""
    thread = _THREAD.search(text)
    kept = text[: thread.start()] if thread else text
    kept = _SIGNATURE.sub("", _QUOTED_LINE.sub("", kept)).strip()
    return kept or text
