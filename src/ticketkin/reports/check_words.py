"""What the checks of a run are called, and how each outcome reads: "Circular labels — none found"."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ticketkin.core.checks import Check, Outcome
from ticketkin.evaluation.schema import CheckResult
from ticketkin.reports.formatting import format_name

_NOTHING_WRONG = "nothing wrong found"
_OTHER_OUTCOMES = {
    Outcome.FAILED: "failed",
    Outcome.WARNING: "look at this",
    Outcome.SKIPPED: "could not be checked",
}

# By code: what is looked for, and what it means that the check passed.
_WORDS = {
    "absent_ends": ("Links to tickets that the export lacks", "few, or none"),
    "category_shortcut": ("Leaning on the category instead of the text", "not found"),
    "circular_labels": ("Circular labels", "none found"),
    "class_support": ("Pairs to learn and judge by", "enough"),
    "context_ablation": ("Leaning on fields around the text", "not found"),
    "copied_texts": ("Tickets that are copies of others", "few, or none"),
    "copied_test": ("The test told once more in training", "no more than chance brings"),
    "cut_texts": ("Texts cut short by the export", "none found"),
    "equal_positives": ("Pairs of kin that hold one text twice", "few, or none"),
    "fields_of_linking": ("Fields taken over once tickets were linked", "none found"),
    "gain_sources": ("What the gain rests on", "not on fields and times alone"),
    "gradient": ("Gradients of the training", "finite and not zero"),
    "holdout_openings": ("Looks at the links that judge", "the first"),
    "identical_candidates": ("Candidates that are one and the same", "none found"),
    "inverted_labels": ("Labels the wrong way round", "none found"),
    "joined_rows": ("Links that slipped by a row", "none found"),
    "label_conflicts": ("Contradictory labels", "too few to matter"),
    "labels": ("Labels that the training ignored", "none found"),
    "large_groups": ("Groups that swallow all, or join what is not alike", "none found"),
    "late_fields": ("Fields filled in only later", "none in the text"),
    "leakage": ("Tickets known before the test", "none found"),
    "learning_rate": ("Learning rate", "as asked for"),
    "links_of_a_rule": ("Links that a rule could have made", "none found"),
    "links_of_a_search": ("Links that a search made", "none found"),
    "loss": ("Loss of the training", "it fell"),
    "loss_zero": ("A loss of nothing but zeros", "it is not"),
    "metric_redundancy": ("Metrics that say the same", "none found"),
    "only_linked": ("An export of linked tickets only", "it is not"),
    "opening_times": ("Opening times", "credible"),
    "other_words": ("Tickets put aside that use other words", "they do not"),
    "phase_order": ("Phases from easy to hard", "in order"),
    "phases": ("Phases of the training", "executed as planned"),
    "random_links": ("Links that join tickets with nothing in common", "few, or none"),
    "resolution_in_text": ("The solution given away in the text", "not found"),
    "score_distribution": ("Scores all alike", "no, they differ"),
    "shuffled_links": ("A gain where there is nothing to find", "none seen"),
    "single_ranker": ("One ranking that finds every link by itself", "none found"),
    "small_sample": ("Links to judge by", "enough for this gain"),
    "split_mismatch": ("Parts of the links harder than others", "none found"),
    "steps": ("Steps of the training", "done as planned"),
    "template_shortcut": ("Kin that are copies of each other", "few enough"),
    "texts_name_kin": ("Texts that name the ticket's kin", "few, or none"),
    "thin_texts": ("Texts that can't tell a ticket", "few, or none"),
    "threshold_stability": ("A threshold that moves with the links", "it stays"),
    "too_good": ("Too good to be true", "it is not"),
    "trivial_threshold": ("A threshold that calls everything kin", "it does not"),
    "warm_up": ("Warm-up of the learning rate", "as asked for"),
    "words_of_linking": ("Words written once tickets were linked", "none found"),
    "relation_better_than_majority": ("Better than always answering the commonest kind", "yes"),
    "relation_causes": ("A cross-encoder that reads causes", "it has a say in answers"),
    "relation_contradictions": ("Links that contradict each other", "none found"),
    "relation_direction": ("The earlier ticket is the cause", "yes"),
    "relation_distinguished": ("Each kind distinguished better than by guessing", "yes"),
    "relation_labels": ("Who stated the kinds", "people"),
    "relation_raw_probabilities": ("Probabilities before calibration", "close to the truth"),
    "relation_splits": ("Every kind in every part of the links", "yes"),
    "relation_support": ("Pairs of every kind", "enough"),
}


@dataclass(frozen=True)
class CheckRow:
    """One check as the page shows it."""

    title: str
    words: str
    """What came out, to be read after the title."""
    outcome: str
    evidence: str
    advice: str


def check_row(check: Check | CheckResult) -> CheckRow:
    """Return the check in words; one of another version keeps its name."""
    title, clean = _WORDS.get(check.code.removeprefix("training_"), (format_name(check.code), _NOTHING_WRONG))
    words = _OTHER_OUTCOMES.get(check.outcome, clean)
    return CheckRow(title, words, check.outcome.value, check.evidence, check.advice)


def outcomes_in_words(checks: Iterable[CheckResult]) -> str:
    """Return how many checks ended how, the worst first."""
    counts = Counter(check.outcome for check in checks)
    shown = [
        f"{counts[outcome]:,} {words}"
        for outcome, words in (
            (Outcome.FAILED, "failed"),
            (Outcome.WARNING, "to look at"),
            (Outcome.SKIPPED, "could not be checked"),
            (Outcome.PASSED, "found nothing wrong"),
        )
        if counts[outcome]
    ]
    return ", ".join(shown) or "no check was made"


def has_words(code: str) -> bool:
    """Return whether the check has a name of its own on the page."""
    return code in _WORDS
