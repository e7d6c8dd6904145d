"""The verdict: is anything better than what the user already had?

Two questions. Which encoder: untouched, or tuned? And which ranking: words, an encoder alone, or a learned
fusion? A challenger wins only if the lower end of the paired 95 % interval of its gain in the primary metric
(MRR) on the evaluation links lies above zero, an exact test, corrected for the number of challengers, rules
out chance among so few kin groups, the gain is worth having, and no guard metric got worse. Later objections
are in `objections.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import (
    MOST_BY_CHANCE,
    PairedGain,
)
from ticketkin.evaluation.gains import PRIMARY, Gains, all_gains, comparisons_of, corrected
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.schema import GateResult, VerdictResult, Warning
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.verdict_warnings import n_kin_groups, warnings_of
from ticketkin.evaluation.verdict_words import (
    Answer,
    WhyKept,
    better_words,
    gain_words,
    in_first_ten,
    kept_words,
    unproven_words,
)

WITHOUT_LINKS = "hybrid"
"""The ranking that learns from no links: what is served until somebody links tickets."""


@dataclass(frozen=True)
class Verdict:
    """The champion and why."""

    champion: str
    encoder: str
    baseline: str
    answer: Answer
    reason: str
    gates: list[GateResult]
    comparisons: list[PairedGain]
    warnings: list[Warning]
    cheaper: str = ""
    """Which ranking costs less for a new ticket and could be as good, in words; "" where none is."""
    gain: PairedGain | None = None
    """The evidence: the champion's gain over the baseline on the evaluation links; with folds, the gain of
    the whole procedure; None where the baseline has no challenger.
    """

    @property
    def kept_baseline(self) -> bool:
        """Whether the untouched model stays."""
        return self.champion == self.baseline

    def result(self, holdout_opened_at: str) -> VerdictResult:
        """Return the verdict as report.json holds it."""
        return VerdictResult(
            champion=self.champion,
            encoder=self.encoder,
            baseline=self.baseline,
            kept_baseline=self.kept_baseline,
            answer=self.answer,
            reason=self.reason,
            cheaper=self.cheaper,
            gates=self.gates,
            holdout_opened_at=holdout_opened_at,
        )


def best_encoder(
    scores: Mapping[str, RetrievalScores],
    encoders: Sequence[str],
    settings: EvaluationSettings,
    seed: int,
) -> str:
    """Return the best of `encoders`; the first is the untouched one."""
    gains_of = all_gains(scores, encoders[0], encoders[1:], settings.n_bootstrap, seed)
    return best_of(encoders[0], corrected(gains_of), settings.smallest_gain)[0]


def best_of(
    baseline: str, gains_of: Mapping[str, Gains], smallest_gain: float
) -> tuple[str, list[GateResult]]:
    """Return the challenger that meets its gates with the largest gain, else the baseline; and all gates.

    A gain of less than `smallest_gain` in the primary metric is not worth a change.
    """
    gates: list[GateResult] = []
    winners: dict[str, float] = {}
    for name, gains in gains_of.items():
        own = [
            _gate(name, "gain_above_zero", gains[PRIMARY].is_above_zero, _evidence(gains[PRIMARY])),
            _beyond_chance(gains[PRIMARY]),
            _worth_having(gains[PRIMARY], smallest_gain),
        ]
        own += [
            _gate(name, f"{guard}_not_worse", not gain.is_loss, _evidence(gain))
            for guard, gain in gains.items()
            if guard != PRIMARY
        ]
        gates.extend(own)
        if all(gate.passed for gate in own):
            winners[name] = gains[PRIMARY].gain.value or 0.0
    best = max(winners, key=lambda name: winners[name]) if winners else baseline
    return best, gates


def _gate(challenger: str, name: str, passed: bool, evidence: str) -> GateResult:
    return GateResult(challenger=challenger, name=name, passed=passed, evidence=evidence)


def _beyond_chance(gain: PairedGain) -> GateResult:
    return _gate(
        gain.challenger,
        "beyond_chance",
        gain.is_beyond_chance,
        f"sign-flip test over {number_of(gain.n_clusters, 'kin group')}: p {gain.p_value:.3f}, "
        f"at most {MOST_BY_CHANCE} wanted",
    )


def _worth_having(gain: PairedGain, smallest_gain: float) -> GateResult:
    value = gain.gain.value
    return _gate(
        gain.challenger,
        "gain_worth_having",
        value is not None and value >= smallest_gain,
        f"{_evidence(gain)}; at least {smallest_gain:g} is asked (evaluation.smallest_gain)",
    )


def _evidence(gain: PairedGain) -> str:
    title = METRICS[gain.metric].title
    value, low, high = gain.gain.value, gain.gain.low, gain.gain.high
    if value is None or low is None or high is None:
        return f"{title} could not be compared"
    return (
        f"{title} {value:+.3f} [{low:+.3f}, {high:+.3f}] against {gain.baseline}, "
        f"{number_of(gain.n_queries, 'query')} of {number_of(gain.n_clusters, 'kin group')}"
    )


def decide(
    scores: Mapping[str, RetrievalScores],
    encoders: Sequence[str],
    *,
    labels_from: str,
    synthetic: bool,
    settings: EvaluationSettings,
    seed: int,
    n_people_groups: int = 0,
) -> Verdict:
    """Return the verdict over `scores` on the evaluation links.

    `n_people_groups` is the number of kin groups linked by people, where there are silver ones too.

    `encoders` names the encoder candidates, the untouched one first; every other name in `scores`
    is a ranking. The baseline of both questions is the untouched encoder; a ranking is compared
    with lexical search too.
    """
    baseline = encoders[0]
    rankings = [name for name in scores if name != baseline]
    uncorrected = all_gains(scores, baseline, rankings, settings.n_bootstrap, seed)
    of_encoders = corrected({name: uncorrected[name] for name in encoders[1:]})
    encoder, gates = best_of(baseline, of_encoders, settings.smallest_gain)
    gains_of = corrected(uncorrected)
    champion, ranking_gates = best_of(baseline, gains_of, settings.smallest_gain)
    gates += [gate for gate in ranking_gates if gate.challenger not in encoders]
    verdict = Verdict(
        champion=champion,
        encoder=encoder,
        baseline=baseline,
        answer="no" if champion == baseline else "yes",
        reason="",
        gates=gates,
        comparisons=comparisons_of(scores, gains_of, settings.n_bootstrap, seed),
        warnings=warnings_of(scores, labels_from, synthetic),
        gain=_headline(gains_of, champion, baseline),
    )
    n_too_few = too_few_to_prove(scores, labels_from, n_people_groups, len(rankings))
    if n_too_few is not None:
        return unproven(verdict, scores, n_too_few)
    share_of = f"% of {number_of(scores[baseline].n_queries, 'evaluation ticket')}"
    return replace(verdict, reason=reason_of(verdict, scores, share_of, verdict.gain, synthetic=synthetic))


def too_few_to_prove(
    scores: Mapping[str, RetrievalScores], labels_from: str, n_people_groups: int, n_challengers: int
) -> int | None:
    """Return how many kin groups of people there are, where they are too few to prove any gain, however
    large; None where they are enough.

    Where all n groups gain, p of the exact test is 2 / 2^n, and `n_challengers` are tried at once.
    """
    if labels_from == "silver":
        return n_people_groups
    n_groups = n_kin_groups(scores)
    return n_groups if 2.0 ** (1 - n_groups) * max(1, n_challengers) > MOST_BY_CHANCE else None


def unproven(verdict: Verdict, scores: Mapping[str, RetrievalScores], n_groups: int) -> Verdict:
    """Return the verdict where people linked `n_groups` kin groups, none or too few to prove anything.

    A candidate trained on word overlap, or on a handful of links, may not win. The lack of a proven
    challenger is no evidence for the untouched model either.
    """
    champion = WITHOUT_LINKS if WITHOUT_LINKS in scores else verdict.baseline
    return replace(
        verdict,
        champion=champion,
        encoder=verdict.baseline,
        answer="unproven",
        reason=unproven_words(champion, n_groups),
        gain=None,
    )


def reason_of(
    verdict: Verdict,
    scores: Mapping[str, RetrievalScores],
    share_of: str,
    gain: PairedGain | None,
    *,
    synthetic: bool,
    objection: str = "",
) -> str:
    """Return the verdict in a few sentences, in numbers of `scores`, counted as `share_of` says."""
    before = in_first_ten(scores[verdict.baseline])
    if verdict.kept_baseline or gain is None:
        counted = f"The untouched model finds kin in the first ten for {before} {share_of}."
        why = WhyKept(verdict.gain, guards_failed(verdict), too_small(verdict), objection)
        return kept_words(why, counted, synthetic=synthetic)
    after = in_first_ten(scores[verdict.champion])
    counted = (
        f"'{verdict.champion}' finds kin in the first ten for {after} {share_of}, before {before} %; "
        f"{gain_words(gain)}."
    )
    return better_words(verdict.champion, counted, synthetic=synthetic)


def guards_failed(verdict: Verdict) -> list[str]:
    """Return the titles of the metrics in which the challenger that came closest got worse."""
    failed = _gates_failed(verdict)
    return [guard.title for guard in METRICS.guards if f"{guard.name}_not_worse" in failed]


def too_small(verdict: Verdict) -> bool:
    """Return whether the challenger that came closest is better, by less than is worth having."""
    return _gates_failed(verdict) == {"gain_worth_having"}


def _gates_failed(verdict: Verdict) -> set[str]:
    closest = None if verdict.gain is None else verdict.gain.challenger
    return {gate.name for gate in verdict.gates if gate.challenger == closest and not gate.passed}


def _headline(gains_of: Mapping[str, Gains], champion: str, baseline: str) -> PairedGain | None:
    """Return the champion's gain, or that of the challenger that came closest where the baseline was kept."""
    if champion != baseline:
        return gains_of[champion][PRIMARY]
    gains = [gains[PRIMARY] for gains in gains_of.values()]
    return max(gains, key=lambda gain: gain.gain.value or 0.0, default=None)
