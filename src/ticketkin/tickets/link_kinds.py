"""Which kind of kinship a link type stands for, however it is written, and what a setting makes of it."""

import re
from collections import Counter
from collections.abc import Callable, Mapping

from ticketkin.core.errors import MappingError
from ticketkin.core.tables import Kind
from ticketkin.tickets.link_types import LINK_TYPES
from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.settings import LinkSettings

_YES = {"1", "1.0", "true", "t", "yes", "y", "ja", "j", "oui", "o", "si", "wahr", "vrai", "verdadero", "x"}
_NO = {"0", "0.0", "-1", "false", "f", "no", "n", "nein", "non", "falsch", "faux", "falso"}
# Words a column of remarks holds as well: they alone make no column one of kinds.
_ALSO_PLAIN_WORDS = {
    "none", "ignore", "no", "problem", "parent", "keine", "kein", "aucun", "ninguno", "test", "tests",
    "defect", "epic", "child", "master", "created", "blocked", "reviews", "fixes", "change request", "rfc",
    "required", "different", "documented",
}  # fmt: skip
_COLUMN_NAMES = {
    "kind", "type", "link_type", "linktype", "link_kind", "link", "relation", "relation_type", "relationship",
    "relationship_type", "issue_link_type", "issuelinktype", "dependency_type", "type_of_link", "reltype",
    "art", "typ", "linktyp", "link_typ", "verknupfung", "verknupfungstyp", "verknupfungsart", "beziehung",
    "beziehungstyp", "beziehungsart", "verbindung", "verbindungstyp", "bezug",
    "lien", "type_de_lien", "type_de_relation", "nature", "nature_du_lien",
    "tipo", "tipo_de_enlace", "tipo_de_relacion", "tipo_enlace", "tipo_relacion", "relacion", "vinculo",
    "enlace",
}  # fmt: skip


# A dot divides the parts of a setting's name, and an equals sign ends it.
_FITS_A_SETTING = re.compile(r"[^\W_](?:[^.='\"\\\x00-\x1f\x7f-\x9f]*[^.='\"\\\s\x00-\x1f\x7f-\x9f])?")


def link_word(written: str) -> str:
    """Return a link type in one spelling: 'Is_caused  by' is 'is caused by', 'dupliqué' is 'duplique'."""
    return normalise_name(written).replace("_", " ")


_PRESETS: Mapping[str, tuple[Kind | None, bool]] = {
    link_word(word): (types.kind, types.reverse) for types in LINK_TYPES for word in types.written
}
# Beside the kinds: a type whose first ticket is the effect, and one that is to be left out.
_CAUSED_BY, _IGNORE = "caused-by", "ignore"
KIND_CHOICES = (*(kind.value for kind in Kind), _CAUSED_BY, _IGNORE)
"""What `links.kinds` may say of a link type."""


class LinkKinds:
    """Every link type that is known: the presets, and those of `links.kinds`."""

    def __init__(self, settings: LinkSettings) -> None:
        self._kinds = dict(_PRESETS)
        self._kinds |= {link_word(name): _kind_named(value) for name, value in settings.kinds.items()}

    def __contains__(self, written: str) -> bool:
        return link_word(written) in self._kinds

    def kind(self, written: str) -> tuple[Kind | None, bool]:
        """Return the kind (None: unknown or no kinship), and whether source and target change places."""
        return self._kinds.get(link_word(written), (None, False))

    def speaks_of_kinds(self, written: Mapping[str, int]) -> bool:
        """Return whether a column with these values (value -> count) is one of kinds, whatever its name."""
        known = [value for value in written if value in self and link_word(value) not in _ALSO_PLAIN_WORDS]
        n_rows = sum(written.values())
        return bool(known) and (2 * len(known) >= len(written) or len(written) <= max(5, n_rows // 10))

    def check(self, written: Mapping[str, int], where: str, shown: Callable[[str], str]) -> None:
        """Raise MappingError where no value of a column of kinds is known, naming values and the way out."""
        if not written or any(value in self for value in written):
            return
        most = Counter(written).most_common(5)
        named = ", ".join(f"{shown(value)!r} ({count:,})" for value, count in most)
        more = f" and {len(written) - 5:,} more" if len(written) > 5 else ""
        raise MappingError(
            f"{where}: no value is a known kind of link: {named}{more}. Say what they mean, e.g. "
            f"{kind_option(shown(most[0][0]), Kind.DUPLICATE)} (or {', '.join(KIND_CHOICES[1:])}), or name "
            "the columns without that of the kinds: --link-columns source,target"
        )


def says_kin(written: str) -> bool | None:
    """Return what a label says of a pair, 1 or 0, yes or no; None for any other word."""
    word = written.strip().casefold().replace("í", "i")
    return True if word in _YES else False if word in _NO else None


def is_kind_column(name: str) -> bool:
    """Return whether a column is called as columns of link types are."""
    return normalise_name(name) in _COLUMN_NAMES


def kind_option(written: str, kind: str) -> str:
    """Return the option that gives the link type `written` a kind, as a shell takes it.

    The type stands as it is written where a setting's name can hold it, else in the one spelling that
    stands for all.
    """
    name = written if _FITS_A_SETTING.fullmatch(written) else link_word(written)
    return f"--set 'links.kinds.{name}={kind}'"


def _kind_named(value: str) -> tuple[Kind | None, bool]:
    if value == _CAUSED_BY:
        return Kind.CAUSAL, True
    if value == _IGNORE:
        return None, False
    if value not in list(Kind):
        raise MappingError(f"links.kinds: {value!r} is no kind; allowed are {', '.join(KIND_CHOICES)}")
    return Kind(value), False
