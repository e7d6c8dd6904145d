"""What the pages say, in the words of a service desk."""

from collections.abc import Sequence
from datetime import datetime

from ticketkin.core.tables import Kind
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.agreement import cohens_kappa
from ticketkin.evaluation.schema import TIERS, Tier
from ticketkin.evaluation.stratified import SampledStratum, is_within, more_answers_needed, stratified_share
from ticketkin.service.review_questions import LIKELY, ONE_IN_RANDOM
from ticketkin.serving.answers import KIN, Relation
from ticketkin.serving.bundle import Bundle
from ticketkin.tickets.reviewed import NONE, UNSURE

_KIND_TITLES = {
    Kind.DUPLICATE.value: "Duplicate",
    Kind.RELATED.value: "Related",
    Kind.CAUSAL.value: "Cause or effect",
    KIN: "Similar",
}
FIELD_TITLES = {
    "category": "category",
    "subcategory": "subcategory",
    "service": "service",
    "configuration_item": "configuration item",
    "assignment_group": "assignment group",
    "priority": "priority",
}
_NOTHING = "Nothing known"
_NAMES_NO_KIN = "This model names no kin: when it was made, too little of what it would have said was right."
ANSWER_TITLES = {
    Kind.DUPLICATE.value: "duplicate",
    Kind.RELATED.value: "related",
    Kind.CAUSAL.value: "cause or effect",
    NONE: "no kin",
    UNSURE: "unsure",
}
"""What each answer of a person is called."""
_WITHIN = 0.05
"""Largest error, on either side, with which the share of right statements should be known."""
_FEWEST_WITHOUT_CHANGE = 3
"""After this many refits in a row that changed nothing, further answers teach nothing."""


def format_probability(probability: float | None) -> str:
    """Return a probability as people say it; never 0 % or 100 %, as nothing is that sure."""
    if probability is None:
        return ""
    if probability > 0.99:
        return "over 99 %"
    if probability < 0.01:
        return "under 1 %"
    return percent(probability)


def format_moment(moment: datetime | None) -> str:
    """Return a time to the minute; "" where it is not known."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def is_worth_showing(relation: Relation) -> bool:
    """Return whether something is stated of a pair; the others are merely the nearest."""
    if relation.band is not None:
        return not relation.is_silent
    return relation.kind == KIN and (relation.probability or 0.0) >= LIKELY


def headline(shown: Sequence[Relation]) -> str:
    """Return the answer in one sentence."""
    if not shown:
        return _NOTHING
    first = shown[0]
    sure = format_probability(first.probability)
    other = first.ticket_id
    if first.band == "silent":
        return f"{other} has nearly the same text, but nothing is sure"
    if first.kind == KIN:
        return f"{other} is most likely kin of this ticket ({sure})"
    verb = "is probably" if first.band == "say" else "may be"
    if first.kind == Kind.DUPLICATE.value:
        return f"This {verb} a duplicate of {other} ({sure})"
    if first.kind == Kind.CAUSAL.value:
        return _cause(first, sure)
    return f"This {verb} related to {other} ({sure})"


def _cause(relation: Relation, sure: str) -> str:
    if relation.direction.startswith(f"{relation.ticket_id} caused "):
        verb = "probably caused" if relation.band == "say" else "may have caused"
        return f"{relation.ticket_id} {verb} this ticket ({sure})"
    verb = "is probably" if relation.band == "say" else "may be"
    return f"{relation.ticket_id} {verb} the cause or the effect of this ticket ({sure})"


def explanation(shown: Sequence[Relation], n_nearest: int, n_tickets: int, *, is_silent: bool) -> str:
    """Return what stands below the answer; `is_silent` where the bundle never says anything of any ticket."""
    if not shown:
        none = (
            _NAMES_NO_KIN
            if is_silent
            else f"None of the {number_of(n_tickets, 'stored ticket')} is near enough to say anything about "
            "this one."
        )
        return (
            f"{none} The nearest ones are listed, in case you see more than the numbers do."
            if n_nearest
            else none
        )
    if shown[0].band == "silent":
        if is_silent:
            return f"{_NAMES_NO_KIN} Read both before you act."
        return "Fields and times speak against kin. Read both before you act."
    return _about_parent(shown[0])


def _about_parent(first: Relation) -> str:
    parent, is_same = first.parent, first.parent == first.ticket_id
    if not parent:
        return "Check the reasons before you act on it."
    if not first.parent_is_open:
        which = "" if is_same else f", the first of those that people tied to {first.ticket_id}; none is open"
        return (
            f"If you agree, this is one more case of {parent}{which}. It is closed: look at what solved it, "
            "and name it in this ticket."
        )
    if is_same:
        return f"If you agree, close this ticket under {parent}."
    return (
        f"If you agree, close this ticket under {parent}: people tied it to {first.ticket_id}, and of these "
        "tickets it is the first that is open."
    )


def names_no_kin(bundle: Bundle) -> str:
    """Return why a bundle never says anything of any ticket; empty for one that does."""
    return _NAMES_NO_KIN if bundle.is_silent else ""


def kind_title(relation: Relation) -> str:
    """Return what a relation is called; a kind of which nothing is said is not named."""
    if relation.band == "silent":
        return "Nearly the same text" if relation.nearly_same_text else "Only near"
    return _KIND_TITLES[relation.kind]


def certainty(relation: Relation) -> str:
    """Return how sure it is that a relation is what its label says; "" where nothing is said."""
    sure = format_probability(relation.probability)
    if relation.band == "say":
        return f"probable: {sure}"
    if relation.band == "suggest":
        return f"worth a look: {sure}"
    if relation.probability is None:
        return f"similarity {relation.similarity:.2f}" if relation.similarity is not None else ""
    return sure if relation.kind == KIN else ""


def statement(kind: str, band: str) -> str:
    """Return what is stated of a pair of one kind in one band."""
    verb = "is probably" if band == "say" else "may be"
    if kind == Kind.DUPLICATE.value:
        return f"{verb} a duplicate of"
    if kind == Kind.CAUSAL.value:
        return f"{verb} the cause or the effect of"
    return "is near" if kind == KIN else f"{verb} related to"


def readiness_words(tier: Tier) -> str:
    """Return how ready a model is, for those who don't know the names of the steps."""
    step, last = TIERS.index(tier), len(TIERS) - 1
    if not step:
        return "not yet: it reached none of the steps that are asked for"
    return f"{tier}: step {step} of {last}"


def right_in_use(strata: Sequence[SampledStratum]) -> str:
    """Return how often statements are right, as far as answers on random ones tell."""
    known = stratified_share(strata)
    if known.value is None or known.low is None or known.high is None:
        return (
            "How often statements are right is not known yet: nobody has judged one that was drawn at random."
        )
    n = sum(one.n_answered for one in strata)
    answers = number_of(n, "answer")
    return (
        f"Of 100 statements about {100 * known.value:.0f} are right, somewhere from {100 * known.low:.0f} to "
        f"{100 * known.high:.0f}, as {answers} on statements drawn at random tell."
    )


def when_to_stop(strata: Sequence[SampledStratum], n_without_change: int | None) -> str:
    """Return whether answers have told and taught what they can here, or how many more it takes.

    `n_without_change` is how many of the last refits in a row changed nothing; None where the model can't be
    refitted. Empty where nothing was stated yet.
    """
    if not sum(one.n_population for one in strata):
        return ""
    known = right_in_use(strata)
    if is_within(stratified_share(strata), _WITHIN):
        return f"{known} {_whether_taught(n_without_change)}"
    more = more_answers_needed(strata, _WITHIN)
    return (
        f"{known} About {number_of(more, 'more such answer tells', 'more such answers tell')} it within five "
        f"in a hundred; every {ONE_IN_RANDOM}th question asks for one."
    )


def _whether_taught(n_without_change: int | None) -> str:
    """Return whether further answers would teach the model that answers anything."""
    if n_without_change is None:
        return "For this number you can stop; further answers teach the next model."
    if n_without_change >= _FEWEST_WITHOUT_CHANGE:
        return f"You can stop: the last {number_of(n_without_change, 'refit')} changed nothing either."
    return (
        "This number is known; answers still teach the model that answers, until "
        f"{_FEWEST_WITHOUT_CHANGE} refits in a row change nothing ({n_without_change} so far)."
    )


def agreement(pairs: Sequence[tuple[str, str]]) -> str:
    """Return how far two people agree who judged the same pairs; empty where no pair was judged by two."""
    if not pairs:
        return ""
    n_agreed = sum(one == other for one, other in pairs)
    counted = f"Two people judged {number_of(len(pairs), 'pair')} each on their own and"
    if len({answer for pair in pairs for answer in pair}) == 1:
        return f"{counted} always agreed."
    kappa = cohens_kappa(pairs)
    return (
        f"{counted} agreed on {n_agreed:,} (Cohen's kappa {kappa:.2f}; 1 is always, 0 as often as by chance)."
    )
