"""What may overturn a verdict of yes: the holdout, and the checks of the run itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ticketkin.core.checks import Check, Outcome
from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.gains import PRIMARY, Gains
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.schema import GateResult
from ticketkin.evaluation.verdict import Verdict, reason_of
from ticketkin.evaluation.verdict_words import WhyKept, gain_words, kept_words


def with_holdout(
    verdict: Verdict,
    holdout: Mapping[str, RetrievalScores],
    gains: Gains,
    *,
    synthetic: bool,
    held_out: tuple[str, str] = ("held-out ticket", "held-out tickets"),
) -> Verdict:
    """Return the verdict with its reason in numbers of the holdout, whose links no candidate has seen.

    `held_out` is the singular and plural name of its tickets in a sentence; `gains` are the champion's gains
    over the baseline on the holdout, by metric, and empty where the baseline was kept. If the champion gained
    nothing on the holdout, or got measurably worse in a guard, the baseline stays. Without holdout queries,
    or without links made by people, the verdict is unchanged.
    """
    n_queries = holdout[verdict.baseline].n_queries
    if not n_queries or verdict.answer == "unproven":
        return verdict
    share_of = f"% of {number_of(n_queries, *held_out)}, whose links no candidate has seen"
    objection = _against(gains)
    if gains and not verdict.kept_baseline:
        shown = gain_words(gains[PRIMARY])
        gate = GateResult(
            challenger=verdict.champion,
            name="gains_on_holdout",
            passed=not objection,
            evidence=objection or shown,
        )
        verdict = replace(verdict, gates=[*verdict.gates, gate])
    if objection:
        verdict = _kept(verdict)
    reason = reason_of(
        verdict, holdout, share_of, gains.get(PRIMARY), synthetic=synthetic, objection=objection
    )
    if not verdict.kept_baseline and PRIMARY in gains and not gains[PRIMARY].is_gain:
        reason += " There it could be chance, so the proof rests on the evaluation links alone."
    return replace(verdict, reason=reason)


def _against(gains: Gains) -> str:
    """Return what the holdout says against the champion, or ""."""
    if PRIMARY not in gains:
        return ""
    seen = "on links put aside, which no candidate had seen, it"
    if (gains[PRIMARY].gain.value or 0.0) <= 0:
        return f"{seen} gained nothing: {gain_words(gains[PRIMARY])}"
    worse = [METRICS[name].title for name, gain in gains.items() if gain.is_loss]
    return f"{seen} got worse in {' and '.join(worse)}" if worse else ""


def heeding(verdict: Verdict, checks: Sequence[Check], *, synthetic: bool) -> Verdict:
    """Return the verdict; where it says yes and a check failed, the baseline stays instead."""
    failed = [check for check in checks if check.outcome is Outcome.FAILED]
    if not failed or verdict.answer != "yes" or verdict.gain is None:
        return verdict
    gates = [
        GateResult(
            challenger=verdict.champion,
            name=f"check_{check.code}",
            passed=False,
            evidence=check.evidence,
        )
        for check in failed
    ]
    gain = replace(verdict.gain, challenger=verdict.champion)
    why = WhyKept(gain, (), objection=_of_checks(gain, failed))
    reason = kept_words(why, "", synthetic=synthetic)
    return replace(_kept(verdict), reason=reason, gates=[*verdict.gates, *gates])


def _of_checks(gain: PairedGain, failed: Sequence[Check]) -> str:
    first, others = failed[0], len(failed) - 1
    more = f" {number_of(others, 'more check')} failed: see the report." if others else ""
    return (
        f"it gained {gain_words(gain)}, but a check of this run failed: {first.evidence}. What to do: "
        f"{first.advice}.{more}"
    )


def _kept(verdict: Verdict) -> Verdict:
    return replace(verdict, champion=verdict.baseline, encoder=verdict.baseline, answer="no")
