"""The verdict where all links judge by folds: on the whole procedure, checked against shuffled links."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import MOST_BY_CHANCE, PairedGain, wilson_share
from ticketkin.evaluation.cross_fitting import CrossFitted
from ticketkin.evaluation.gains import PRIMARY, all_gains, comparisons_of, corrected, decisive_gains
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import GateResult
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.verdict import (
    Verdict,
    best_of,
    guards_failed,
    too_few_to_prove,
    too_small,
    unproven,
)
from ticketkin.evaluation.verdict_warnings import warnings_of
from ticketkin.evaluation.verdict_words import WhyKept, better_words, gain_words, in_first_ten, kept_words

CHOSEN_IN_FOLDS = "the choice of each fold"
"""Name of the procedure in a sentence where it chooses the baseline."""
PROCEDURE = "procedure"
"""The choice among all candidates, made anew in each fold: what folds judge."""


@dataclass(frozen=True)
class ShuffledLinks:
    """The gains of the whole procedure on shuffled links."""

    gains: tuple[PairedGain, ...]
    """Over the baseline, one for each shuffle."""
    without: tuple[str, ...] = ()
    """Candidates of the procedure that were not tried on shuffled links."""

    @property
    def n_yes(self) -> int:
        """How many shuffles would have been called a gain."""
        return sum(gain.is_gain for gain in self.gains)

    @property
    def values(self) -> list[float]:
        """The gains, in the order they were drawn."""
        return [gain.gain.value or 0.0 for gain in self.gains]

    @property
    def passed(self) -> bool:
        """Whether shuffles were called a gain no more often than by chance, by Wilson's interval."""
        low = wilson_share(self.n_yes, len(self.gains)).low
        return low is None or low <= MOST_BY_CHANCE

    @property
    def evidence(self) -> str:
        """What was tried and what came of it, in a sentence."""
        if not self.gains:
            return "not tried: evaluation.shuffles is 0"
        return (
            f"with shuffled links {self.n_yes} of {number_of(len(self.gains), 'trial')} were called a gain; "
            f"{METRICS.primary.title} gained {np.mean(self.values):+.3f} on average, at most "
            f"{max(self.values):+.3f}{self._untried}"
        )

    @property
    def _untried(self) -> str:
        if not self.without:
            return ""
        return f"; {', '.join(self.without)} took no part in it, as each trial would tune the encoder anew"

    def gate(self) -> GateResult:
        """Return the gate that shuffled links must give no gain."""
        return GateResult(
            challenger=PROCEDURE,
            name="finds_nothing_in_shuffled_links",
            passed=self.passed,
            evidence=self.evidence,
        )


def decide_in_folds(
    result: CrossFitted,
    encoders: Sequence[str],
    shuffled: ShuffledLinks,
    *,
    labels_from: str,
    synthetic: bool,
    settings: EvaluationSettings,
    seed: int,
    n_people_groups: int = 0,
) -> Verdict:
    """Return the verdict where all links judge by folds: it is the whole procedure that is tested, once.

    The champion is what the procedure chooses on all links; it wins only if the procedure, which chose again
    in each fold, meets the gates and gains nothing on shuffled links. `n_people_groups` as in `decide`.
    """
    baseline, champion, n_bootstrap = encoders[0], result.final.champion, settings.n_bootstrap
    scores = result.scores
    gains_of = all_gains(scores, baseline, [n for n in scores if n != baseline], n_bootstrap, seed)
    of_encoders = corrected({name: gains_of[name] for name in encoders[1:]})
    encoder, encoder_gates = best_of(baseline, of_encoders, settings.smallest_gain)
    own = {**scores, champion: result.procedure} if champion != baseline else {**scores}
    proof = decisive_gains({**own, PROCEDURE: result.procedure}, PROCEDURE, baseline, n_bootstrap, seed)
    _, gates = best_of(baseline, {PROCEDURE: proof}, settings.smallest_gain)
    gates.append(shuffled.gate())
    kept = champion if champion != baseline and all(gate.passed for gate in gates) else baseline
    verdict = Verdict(
        champion=kept,
        encoder=encoder,
        baseline=baseline,
        answer="no" if kept == baseline else "yes",
        reason="",
        gates=[*gates, *encoder_gates],
        comparisons=comparisons_of(scores, corrected(gains_of), n_bootstrap, seed),
        warnings=warnings_of(scores, labels_from, synthetic, by_split=False),
        gain=proof[PRIMARY],
    )
    n_too_few = too_few_to_prove(scores, labels_from, n_people_groups, n_challengers=1)
    if n_too_few is not None:
        return unproven(verdict, scores, n_too_few)
    reason = _reason(verdict, proof[PRIMARY], result, shuffled, synthetic=synthetic)
    return replace(verdict, reason=reason)


def _reason(
    verdict: Verdict, proof: PairedGain, result: CrossFitted, shuffled: ShuffledLinks, *, synthetic: bool
) -> str:
    """Return the verdict in a few sentences, the last of which says how it was reached."""
    before = in_first_ten(result.scores[verdict.baseline])
    on = f"{number_of(proof.n_queries, 'ticket')} with known kin"
    how = (
        f"All {number_of(proof.n_clusters, 'group')} of duplicates were used to judge: whatever ranked a "
        "ticket had not learned from its duplicates"
    )
    if verdict.kept_baseline:
        counted = f"The untouched model finds kin in the first ten for {before} % of {on}. {how}."
        chosen = result.final.champion
        named = replace(proof, challenger=CHOSEN_IN_FOLDS if chosen == verdict.baseline else chosen)
        doubt = "" if shuffled.passed else shuffled.evidence
        why = WhyKept(named, guards_failed(verdict), too_small(verdict), doubt)
        return kept_words(why, counted, synthetic=synthetic)
    after = in_first_ten(result.procedure)
    counted = (
        f"Of {on}, {after} % find kin in the first ten, before {before} %; {gain_words(proof)}. {how}; what "
        "is kept was then fitted on all links."
    )
    return better_words(verdict.champion, counted, synthetic=synthetic)
