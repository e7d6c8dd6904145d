"""People as pseudonyms: a keyed hash of an account, the same in every import of one installation.

HMAC-SHA256 (RFC 2104) with a secret of the installation. A plain hash of a name could be undone by trying all
names; with a key that can be done only by whoever has the key, and the key is never stored with tickets.
"""

import hmac
import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.replacement import flush, flush_folder, part_beside
from ticketkin.core.ticket_fields import PERSON_FIELDS
from ticketkin.core.user_folders import user_folder
from ticketkin.core.wording import number_of

SECRET = "TICKETKIN_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable of the secret; it goes before the key file."""
KEY_FILE = "TICKETKIN_KEY_FILE"
"""Environment variable of another place for the key file."""
SHORTEST_SECRET = 16
"""Characters a secret needs: shorter ones can be found by trying."""
_KEY_BYTES = 32
_KEY = re.compile(rb"[0-9a-f]{64}\r?\n?")
_KEY_DIGITS = 2 * _KEY_BYTES
# 12 digits are 48 bits: that any two of a million people share a pseudonym has a probability of
# n² / 2 / 2**48 = .002 (the birthday bound), and 12 digits can still be read out and compared by eye.
_PSEUDONYM_DIGITS = 12
_FINGERPRINT_DIGITS = 16
# A normalised account never begins with a blank, so no person's pseudonym is a part of the fingerprint.
_FINGERPRINT_OF = " the secret of the pseudonyms"


@dataclass(frozen=True)
class Pseudonyms:
    """Gives people the pseudonyms of one secret."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 digits that tell one secret from another and give neither away."""
        return self._digits(_FINGERPRINT_OF, _FINGERPRINT_DIGITS)

    def of(self, account: str) -> str:
        """Return the pseudonym of an account, such as "person 7f3a91c2d0e4"; "" for a blank one."""
        normalised = normalise_account(account)
        return f"person {self._digits(normalised, _PSEUDONYM_DIGITS)}" if normalised else ""

    def of_column(self, accounts: pl.Series) -> pl.Series:
        """Return the pseudonyms of a column of texts, each different account hashed once."""
        different = accounts.unique().to_list()
        return accounts.replace_strict(
            different, [self.of(account) for account in different], return_dtype=pl.String
        )

    def _digits(self, text: str, n_digits: int) -> str:
        return hmac.digest(self.secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:n_digits]


@dataclass(frozen=True)
class NoPseudonyms:
    """People can't be given pseudonyms, so they are left out."""

    reason: str
    """Why, and what to do; no path of the machine, as it is stored with the tickets."""

    @property
    def sentence(self) -> str:
        """What is printed for the user."""
        return f"people ({', '.join(PERSON_FIELDS)}) are left out: {self.reason}"


Pseudonymising = Callable[[], Pseudonyms | NoPseudonyms]
"""Called once, and only where a ticket names a person."""


def normalise_account(account: str) -> str:
    """Return what two spellings of one account have in common: trimmed, Unicode NFKC, case-folded.

    Two accounts agree here if they are a compatibility caseless match (The Unicode Standard, section 3.13,
    definition D146) apart from blanks around them. A name and a user id of one person stay two accounts.
    """
    folded = unicodedata.normalize("NFD", account).casefold()
    folded = unicodedata.normalize("NFKD", folded).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def installation_pseudonyms() -> Pseudonyms | NoPseudonyms:
    """Return the pseudonyms of this installation; the key file is made at first use.

    NoPseudonyms where TICKETKIN_SECRET is not set and no key file can be made. Raises ConfigurationError for
    a secret that is too short, and for a key file that others can read, is a link, or is not whole.
    """
    return _pseudonyms(may_make=True)


def pseudonyms_of(fingerprint: str) -> Pseudonyms | NoPseudonyms:
    """Return this installation's pseudonyms if they are those of an import, by its secret's fingerprint.

    Pseudonyms of another secret would make one person two, so they are not given. No key file is made.
    Raises as `installation_pseudonyms` does.
    """
    if not fingerprint:
        return NoPseudonyms("the tickets that were learned from have none, so there is nothing to compare")
    known = _pseudonyms(may_make=False)
    if isinstance(known, NoPseudonyms) or known.fingerprint == fingerprint:
        return known
    return NoPseudonyms(
        f"the secret here (fingerprint {known.fingerprint}) is not the one that the tickets were imported "
        f"with ({fingerprint}); set {SECRET} to that secret, or copy its key file here"
    )


def key_file() -> Path | None:
    """Return $TICKETKIN_KEY_FILE, or ticketkin/secret in the user's configuration folder.

    None where the user has no home. Raises ConfigurationError for a relative path: each working
    folder would get a secret of its own.
    """
    named = os.environ.get(KEY_FILE)
    if not named:
        folder = user_folder("XDG_CONFIG_HOME", ".config")
        return None if folder is None else folder / "ticketkin" / "secret"
    if not Path(named).is_absolute():
        raise ConfigurationError(f"{KEY_FILE} is {named!r}; it must be a whole path, such as /keys/ticketkin")
    return Path(named)


def _pseudonyms(*, may_make: bool) -> Pseudonyms | NoPseudonyms:
    given = os.environ.get(SECRET)
    if given is not None:
        return Pseudonyms(_checked(given))
    path = key_file()
    remedy = f"set {SECRET} to a secret of at least {SHORTEST_SECRET} characters"
    if path is None:
        return NoPseudonyms(f"this user has no home folder for a key file; {remedy}")
    if not os.path.lexists(path):
        if not may_make:
            return NoPseudonyms(f"there is no secret here; copy the key file of the import, or set {SECRET}")
        try:
            _make_key(path)
        except OSError as error:
            return NoPseudonyms(f"no key file can be made ({error.strerror or error}); {remedy}")
    return Pseudonyms(_read_key(path))


def _checked(secret: str) -> bytes:
    """Return the bytes of a secret from the environment; blanks around it do not count."""
    secret = secret.strip()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"{SECRET} has {number_of(len(secret), 'character')}; a secret needs at least {SHORTEST_SECRET}, "
            "or people could be found by trying. Set a longer one, or unset it: then a key file is made"
        )
    return os.fsencode(secret)


def _make_key(path: Path) -> None:
    """Make a key file that is whole from the first moment; one that is there by then stays.

    Raises OSError where that can't be, also on a file system without hard links.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = part_beside(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{secrets.token_hex(_KEY_BYTES)}\n")
        flush(temporary)  # else a power failure could keep the tickets and lose their key
        try:
            os.link(temporary, path)  # as O_EXCL does, it refuses a name that another process took
        except FileExistsError:
            return
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _read_key(path: Path) -> bytes:
    """Return the key in a file. Raises ConfigurationError where it is not safe or not whole."""
    # Without waiting: a pipe in its place would never answer.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    content = b""
    try:
        fault = "is a link, which could lead anywhere" if path.is_symlink() else ""
        if not fault:
            descriptor = os.open(path, flags)
            try:
                fault = _unsafe(os.fstat(descriptor).st_mode)
                if not fault:
                    content = os.read(descriptor, _KEY_DIGITS + 3)
            finally:
                os.close(descriptor)
    except OSError as error:
        fault = f"can't be read ({error.strerror or error})"
    if not fault and not _KEY.fullmatch(content):
        state = "too short" if len(content.strip()) < _KEY_DIGITS else "damaged"
        fault = f"is {state}: it must hold {_KEY_DIGITS} digits of 0-9 and a-f"
    if fault:
        raise ConfigurationError(
            f"The key file {path} {fault}. Put the right file there, or set {SECRET}. Where the secret is "
            "lost, move what is there away: a new key is made, and people get other pseudonyms from then on"
        )
    return content.strip()


def _unsafe(mode: int) -> str:
    """Return why a file of this mode is no place for a secret; empty where it is one."""
    if not stat.S_ISREG(mode):
        return "is no file"
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        return (
            f"can be used by others (mode {stat.S_IMODE(mode):o}), who could find people by trying names; if "
            "nobody has read it, close it with chmod 600"
        )
    return ""
