"""Whether a word says something about a password or user name, or is one: "is expired" or "is Summer24".

People write about passwords far more often than they give one away. What stands behind "password is" is
a secret where it looks like one (digits, signs, capitals within), and a plain word only where it is no
predicate: no word that a state, a fault or a sentence begins with, in English, German, French or Spanish.
"""

import re

_FUNCTION_WORDS = """
a an the this that these those my your his her its our their it he she they we i you who what which to
too so not no never nor and or but if when then while because since as of at in on for from by with
without within into onto up down out off over under about above after before again still already yet
just only also always is are was were be been being has have had do does did can cannot can't could will
won't would shall should may might must isn't doesn't didn't wasn't there here where how why all any
both each more most some such than very please none null nil n/a na true false yes ok okay unknown
undefined tbd der die das den dem des ein eine einen einem einer kein keine nicht nie und oder aber wenn
dann weil seit als von vom zu zum zur im am ans auf aus bei mit ohne nach vor für über unter um wieder
noch schon nur auch immer ist sind war waren wird werden wurde wurden hat haben hatte kann können muss
müssen soll sollte darf er sie es wir ihr ich man dieser diese dieses mein dein sein ihr unser hier da
dort wo wie warum alle bitte ja nein bereits jetzt nun le la les l un une des du de d au aux ce cet
cette ces mon ton son notre votre leur il elle on nous vous ils elles je tu ne pas plus jamais et ou
mais si quand alors car depuis comme en dans sur sous par pour avec sans est sont était a ont avait peut
doit sera être été fait ici où toujours encore déjà aussi trop très oui non merci svp el los las uno una
unos lo al del este esta ese esa mi tu su nuestro y o pero cuando porque desde con sin para por en es
son era fue ha han hay está están puede debe será ya aún siempre nunca muy sí
"""
_STATES = """
wrong right correct incorrect bad good fine valid invalid weak strong short long old new same different
empty blank missing lost gone due mandatory optional secret safe secure unsafe insecure visible
invisible clear plain active inactive case out expiry sync reset policy prompt field page change login
logon user caller customer error failure issue problem ask see known hacked leaked default generic
random temporary permanent initial manager admin administrator required string text hidden written hard
easy simple complex wrongly bigger smaller length bekannt gleich falsch richtig korrekt inkorrekt gültig
ungültig gesperrt vergessen alt neu leer gleich anders unbekannt bekannt weg fällig pflicht sicher
unsicher kurz lang schwach stark abgelaufen feld fehler kaputt defekt anbei siehe fehlt laut faux bon
mauvais valide invalide vide perdu court faible ancien nouveau même inconnu secret champ obligatoire
erroné hs connu oublié expiré périmé caduc requis mauvaise vieux erreur voir correcte mal malo bueno
válido inválido válida inválida vacío vacía perdido corto débil viejo nuevo nueva mismo igual incorrecto
incorrecta correcto correcta desconocido desconocida secreto obligatorio campo conocido conocida
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words of any sentence in English, German, French and Spanish, lower-case."""
PREDICATES = FUNCTION_WORDS | frozenset(_STATES.split())
_ENDINGS = re.compile(
    # English participles and adjectives
    r".{2,}(?:ed|ing|able|ible|less|ful|ly|ive|ory|ary|ious|ally|ested|tten|oken|olen|isible|ent|ional"
    r"|lled)"
    # German participles and adjectives
    r"|ge.{3,}(?:t|en)|(?:ab|an|auf|aus|be|ein|ent|er|un|ver|zer|zurück|über)\w{2,}(?:t|en)|.{2,}(?:bar"
    r"|lich|los|iert|haft|tig|ig)"
    # French and Spanish participles and adjectives
    r"|.{2,}(?:ée?s?|eux|ible|ante?|ique|[aeií]d[ao]s?|ori[ao]s?|oires?|ise?s?|ción|tion|ung)"
)


def is_predicate(word: str) -> bool:
    """Return True if a word says something about what it follows; compound words by their parts."""
    if any(character.isdigit() for character in word):
        return False
    parts = [part for part in re.split(r"[-/'’]", word.casefold()) if part]
    last = parts[-1] if parts else ""
    return any(part in PREDICATES for part in parts) or (
        last.isalpha() and _ENDINGS.fullmatch(last) is not None
    )


def ends_clause(text: str, end: int) -> bool:
    """Return True if nothing of the same clause follows `end`: no sentence begins before it."""
    return _CLAUSE_END.match(text, end) is not None


_CLAUSE_END = re.compile(
    r"[.,;:!?]{0,3}(?:[ \t]{0,4}(?:\Z|[\n,;|/)\"'<&}\]\\])"
    r"|[ \t]{1,4}[\w.-]{1,24}[ ]?[:=]"
    r"|[ \t]{1,4}(?:and|but|und|aber|et|mais|y|pero|since|seit|depuis|for user|does|did|for)(?!\w))"
)
