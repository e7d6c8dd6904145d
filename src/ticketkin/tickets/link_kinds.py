"""Link types as systems and people write them, and the kind of kinship each stands for."""

from collections import Counter
from collections.abc import Callable, Mapping

from ticketkin.core.errors import MappingError
from ticketkin.core.tables import Kind
from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.settings import LinkSettings

# The direction kept is: duplicate -> its master, cause -> its effect. Types of related tickets have none.
_DUPLICATE = """
duplicate, duplicates, duplicate of, is duplicate of, is a duplicate of, dup, dupe, dupe of, duplicated,
parent, child of, parent incident,
duplikat, duplikat von, ist duplikat von, ist ein duplikat von, dublette, doppelt, dupliziert,
doublon, doublon de, est un doublon de, dupliqué, duplique,
duplicado, duplicado de, es duplicado de, duplica, duplica a
"""
_DUPLICATED_BY = """
is duplicated by, duplicated by, has duplicate, hat duplikat, wird dupliziert von, ist original von,
est dupliqué par, a pour doublon, es duplicado por, duplicado por, tiene duplicado
"""
_RELATED = """
related, relates, relates to, related to, is related to, see also, similar, problem, addresses, reference,
references, is referenced by, mention, mentioned in, relation,
cloners, cloner, clones, is cloned by, clone, issue split, split to, split from,
incorporates, is part of, container, contains, is contained by, supercedes, supersedes, is superceded by,
is superseded by, replaces, is replaced by, completes, covers, follows up, collection, bundle,
verwandt, verwandt mit, ähnlich, bezieht sich auf, in beziehung zu, steht in beziehung zu, zugehörig,
siehe auch,
lié, liée, lié à, est lié à, relatif, similaire, voir aussi, concerne,
relacionado, relacionada, relacionado con, está relacionado con, ver también
"""
_CAUSES = """
causes, causal, causality, cause, problem incident, blocks, blocker, regression, regressions, breaks,
triggers, leads to, is required by, is depended on by, is depended upon by,
verursacht, ursache, ist ursache von, blockiert, löst aus,
provoque, est la cause de, bloque, entraîne,
causa, es causa de, provoca, bloquea
"""
_CAUSED_BY = """
caused by, is caused by, depends on, dependency, dependent, depends, depends upon, is blocked by, blocked by,
regressed by, broken by, is broken by, required, requires, has to be done after,
verursacht durch, verursacht von, wird verursacht durch, wird verursacht von, ausgelöst durch, hängt ab von,
wird blockiert von, blockiert durch,
causé par, est causé par, provoqué par, dépend de, est bloqué par, bloqué par,
causado por, causada por, es causado por, provocado por, depende de, bloqueado por, está bloqueado por
"""
_NO_KINSHIP = """
not duplicate, not a duplicate, no duplicate, non duplicate, false positive, different, distinct,
kein duplikat, pas un doublon, no es duplicado,
sub task, is sub task of, subtask, child issue, is child of, is parent of, parent of, epic, epic link,
is epic of, parent feature, none, ignore, unrelated, no, keine, kein, aucun, aucune, ninguno, ninguna
"""
_YES = {"1", "1.0", "true", "t", "yes", "y", "ja", "j", "oui", "o", "si", "wahr", "vrai", "verdadero", "x"}
_NO = {"0", "0.0", "-1", "false", "f", "no", "n", "nein", "non", "falsch", "faux", "falso"}
# Words a column of remarks holds as well: they alone make no column one of kinds.
_ALSO_PLAIN_WORDS = {"none", "ignore", "no", "problem", "parent", "keine", "kein", "aucun", "ninguno"}
_COLUMN_NAMES = {
    "kind", "type", "link_type", "linktype", "link_kind", "link", "relation", "relation_type", "relationship",
    "relationship_type", "issue_link_type", "issuelinktype", "dependency_type", "type_of_link", "reltype",
    "art", "typ", "linktyp", "link_typ", "verknupfung", "verknupfungstyp", "verknupfungsart", "beziehung",
    "beziehungstyp", "beziehungsart", "verbindung", "verbindungstyp", "bezug",
    "lien", "type_de_lien", "type_de_relation", "nature", "nature_du_lien",
    "tipo", "tipo_de_enlace", "tipo_de_relacion", "tipo_enlace", "tipo_relacion", "relacion", "vinculo",
    "enlace",
}  # fmt: skip


def link_word(written: str) -> str:
    """Return a link type in one spelling: 'Is_caused  by' is 'is caused by', 'dupliqué' is 'duplique'."""
    return normalise_name(written).replace("_", " ")


def _words(text: str) -> list[str]:
    return [link_word(word) for word in text.replace("\n", " ").split(",")]


_PRESETS: Mapping[str, tuple[Kind | None, bool]] = {
    word: (kind, reverse)
    for text, kind, reverse in (
        (_DUPLICATE, Kind.DUPLICATE, False),
        (_DUPLICATED_BY, Kind.DUPLICATE, True),
        (_RELATED, Kind.RELATED, False),
        (_CAUSES, Kind.CAUSAL, False),
        (_CAUSED_BY, Kind.CAUSAL, True),
        (_NO_KINSHIP, None, False),
    )
    for word in _words(text)
}


class LinkKinds:
    """Every link type that is known: the presets, and those of `links.kinds`."""

    def __init__(self, settings: LinkSettings) -> None:
        self._kinds = dict(_PRESETS)
        self._kinds |= {
            link_word(name): (_kind_named(value), False) for name, value in settings.kinds.items()
        }

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
            f"{where}: no value is a known kind of link: {named}{more}. Say what they mean, e.g. --set "
            f"'links.kinds.{shown(most[0][0])}=duplicate' (or related, causal, ignore), or name the "
            "columns without that of the kinds: --link-columns source,target"
        )


def says_kin(written: str) -> bool | None:
    """Return what a label says of a pair, 1 or 0, yes or no; None for any other word."""
    word = written.strip().casefold().replace("í", "i")
    return True if word in _YES else False if word in _NO else None


def is_kind_column(name: str) -> bool:
    """Return whether a column is called as columns of link types are."""
    return normalise_name(name) in _COLUMN_NAMES


def _kind_named(value: str) -> Kind | None:
    if value == "ignore":
        return None
    if value not in list(Kind):
        raise MappingError(f"links.kinds: {value!r} is no kind; allowed are {', '.join(Kind)} and ignore")
    return Kind(value)
