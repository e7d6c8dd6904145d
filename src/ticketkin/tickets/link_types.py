"""Link types of service desks and trackers, and everyday words for them: what kind of kinship each states.

The direction kept is duplicate -> its master, cause -> its effect; related tickets have none. What the
systems mean decides. A block or a dependency is causal: the ticket that waits can't be closed before the
other is. A clone is a copy of the words for another piece of work, so it is related and no duplicate. Parts
of a plan (sub-tasks, epics, orders of work) say nothing of what went wrong, so they are no kinship. The table
in docs/manual.md lists the same words; a test holds it against this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ticketkin.core.tables import Kind


@dataclass(frozen=True)
class LinkTypes:
    """Link types of one kind and one direction."""

    kind: Kind | None
    """None: no kinship."""
    reverse: bool
    """True where "A type B" says that the link goes from B to A."""
    reading: str
    """What "A type B" says, in words."""
    by_system: Mapping[str, str]
    """The types of each system, separated by commas, as the system writes them."""
    everyday: str = field(default="")
    """Words that people write in files of their own, in English, German, French and Spanish."""

    @property
    def written(self) -> Sequence[str]:
        """Every type and word."""
        texts = [*self.by_system.values(), self.everyday]
        return [word.strip() for text in texts for word in text.replace("\n", " ").split(",") if word.strip()]


LINK_TYPES: Sequence[LinkTypes] = (
    LinkTypes(
        Kind.DUPLICATE,
        reverse=False,
        reading="A is a duplicate of B",
        by_system={
            "Jira": "Duplicate, duplicates, is a duplicate of, merged into",
            "Bugzilla": "duplicate of, dupe of, dup_id, dupe_of",
            "ServiceNow": "parent, parent incident, master, master incident, child of, duplicate of",
        },
        everyday="""
            is duplicate of, dup, dupe, duplicated, duplicate incident,
            duplikat, duplikat von, ist duplikat von, ist ein duplikat von, dublette, doppelt, dupliziert,
            doublon, doublon de, est un doublon de, dupliqué, duplique,
            duplicado, duplicado de, es duplicado de, duplica, duplica a
        """,
    ),
    LinkTypes(
        Kind.DUPLICATE,
        reverse=True,
        reading="B is a duplicate of A",
        by_system={
            "Jira": "is duplicated by, merged from",
            "Bugzilla": "has duplicate",
            "ServiceNow": "child, child incident, child incidents, duplicated by",
        },
        everyday="""
            hat duplikat, wird dupliziert von, ist original von, est dupliqué par, a pour doublon,
            es duplicado por, duplicado por, tiene duplicado
        """,
    ),
    LinkTypes(
        Kind.RELATED,
        reverse=False,
        reading="A and B are related",
        by_system={
            "Jira": """
                Relates, relates to, is related to, Reference, references, is referenced by, Cloners, clones,
                is cloned by, is a clone of, Incorporates, is incorporated by, is part of, Container,
                contains, is contained by, Supercedes, is superceded by, supersedes, is superseded by,
                Completes, is completed by, fixes, is fixed by, resolves, is resolved by, fulfills,
                is fulfilled by, Issue split, Work item split, split to, split from, Escalates,
                is escalated by, Follows, is followed by, Documented, documents, is documented by,
                Post-Incident Reviews, reviews, is reviewed by, Polaris work item link, implements,
                is implemented by, Discovery - Connected, connects to, is connected to, Defect, created,
                is created by, created by, Bonfire Testing, discovered while testing, testing discovered,
                Addresses, is addressed by, Blocked
            """,
            "Bugzilla": "see also",
            "ServiceNow": """
                problem, problem_id, related incident, related incidents, related to, RFC, change request,
                Solved by, Solves, Solved by::Solves, Investigated by, Investigates,
                Investigated by::Investigates
            """,
        },
        everyday="""
            related, relate, similar, mention, mentioned in, relation, cloner, clone, clone of, replaces,
            is replaced by, covers, follows up, collection, bundle, associated with, linked to,
            verwandt, verwandt mit, ähnlich, bezieht sich auf, in beziehung zu, steht in beziehung zu,
            zugehörig, siehe auch,
            lié, liée, lié à, est lié à, relatif, similaire, voir aussi, concerne,
            relacionado, relacionada, relacionado con, está relacionado con, ver también
        """,
    ),
    LinkTypes(
        Kind.CAUSAL,
        reverse=False,
        reading="A causes B, or B waits for A",
        by_system={
            "Jira": """
                Problem/Incident, causes, Blocks, Blocker, Regression, breaks, Triggers, is required by,
                is depended on by, is depended upon by, has to be done before
            """,
            "Bugzilla": "blocks, regresses, regressions",
            "ServiceNow": "cause of, causes",
        },
        everyday="""
            causal, causality, cause, leads to, is root cause of, root cause of,
            verursacht, ursache, ist ursache von, blockiert, löst aus,
            provoque, est la cause de, bloque, entraîne,
            causa, es causa de, provoca, bloquea
        """,
    ),
    LinkTypes(
        Kind.CAUSAL,
        reverse=True,
        reading="B causes A, or A waits for B",
        by_system={
            "Jira": """
                is caused by, is blocked by, Required, requires, Dependent, Dependency, Depends, depends on,
                depends upon, is broken by, is triggered by, has to be done after
            """,
            "Bugzilla": "depends on, depends_on, dependson, regressed by",
            "ServiceNow": """
                caused by, caused by change, caused by::cause of, caused by::causes, causing change,
                incident caused by change
            """,
        },
        everyday="""
            blocked by, broken by, triggered by, has root cause, root cause, caused by incident,
            verursacht durch, verursacht von, wird verursacht durch, wird verursacht von, ausgelöst durch,
            hängt ab von, wird blockiert von, blockiert durch,
            causé par, est causé par, provoqué par, dépend de, est bloqué par, bloqué par,
            causado por, causada por, es causado por, provocado por, depende de, bloqueado por,
            está bloqueado por
        """,
    ),
    LinkTypes(
        None,
        reverse=False,
        reading="left out: A and B are parts of one plan, or no kin",
        by_system={
            "Jira": """
                Sub-task, is sub-task of, jira_subtask_link, Child-Issue, is child of, is a child of,
                is parent of, is a parent of, Parent-Child, Epic, Epic link, Epic-Story Link, is epic of,
                Parent Feature, Is Child Feature, Test, tests, is tested by, Gantt: start-finish,
                Gantt End to Start, Gantt End to End, Gantt Start to Start, Gantt Start to End
            """,
        },
        everyday="""
            not duplicate, not a duplicate, no duplicate, non duplicate, false positive, different, distinct,
            kein duplikat, pas un doublon, no es duplicado,
            subtask, parent of, none, ignore, unrelated, no, keine, kein, aucun, aucune, ninguno, ninguna
        """,
    ),
)
