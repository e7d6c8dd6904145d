"""A refit starts at the bundle's weights, learns from answers, and is held against what never saw them."""

import numpy as np
import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.ranking.refit import PairRows, fit_refit, refit


def pairs(n: int, seed: int, weight: float, n_units: int = 0) -> PairRows:
    """Return pairs whose log-odds of kinship are those of the bundle and `weight` times another feature."""
    generator = np.random.default_rng(seed)
    other, logits = generator.normal(size=n), generator.normal(-1, 2, n)
    kin = generator.uniform(size=n) < 1 / (1 + np.exp(-(logits + weight * other)))
    units = np.arange(n) % (n_units or n)
    return PairRows(np.column_stack([other, logits]).astype(np.float32), kin.astype(np.int64), units)


def test_without_anything_to_learn_the_order_of_the_bundle_stays() -> None:
    run, answered = pairs(4_000, 1, 0.0), pairs(50, 2, 0.0)
    model = fit_refit(run, answered)
    logits = answered.rows[:, -1]
    refitted = model.logits(answered.rows)
    assert np.abs(refitted - logits).mean() < 0.25
    assert np.corrcoef(refitted, logits)[0, 1] > 0.99


def test_what_the_bundle_did_not_know_is_learned_and_shown_out_of_fold() -> None:
    run, answered = pairs(200, 3, 2.0), pairs(400, 4, 2.0)
    is_random = np.arange(400) % 2 == 0
    done = refit(run, answered, is_random)
    assert done.is_no_worse and done.changes_something
    assert done.loss_before is not None and done.loss_after is not None
    assert done.gain.value == pytest.approx(done.loss_before - done.loss_after)
    assert (done.n_answers, done.n_random) == (400, 200)


def test_answers_that_contradict_each_other_teach_nothing_out_of_fold() -> None:
    """In the sample they were fitted on the weights would look better, whatever the labels say."""
    generator = np.random.default_rng(5)
    rows = generator.normal(size=(60, 20)).astype(np.float32)
    labels = (generator.uniform(size=60) < 1 / (1 + np.exp(-rows[:, -1]))).astype(np.int64)
    run = PairRows(rows[:2], np.array([0, 1]), np.arange(2))
    done = refit(run, PairRows(rows, labels, np.arange(60)), np.ones(60, dtype=bool))
    in_sample = done.model.logits(rows)
    loss = float(np.logaddexp(0, in_sample).mean() - (labels * in_sample).mean())
    assert done.loss_after is not None and loss < done.loss_after
    assert not done.changes_something


def test_without_a_random_answer_nothing_takes_over() -> None:
    done = refit(pairs(200, 6, 2.0), pairs(50, 7, 2.0), np.zeros(50, dtype=bool))
    assert not done.is_no_worse and done.loss_before is None and done.gain.value is None


def test_no_fold_tears_a_unit_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[int], int]] = []

    def noting(run: PairRows, answered: PairRows) -> object:
        seen.append((set(answered.unit.tolist()), len(answered)))
        return fit_refit(run, answered)

    monkeypatch.setattr("ticketkin.ranking.refit.fit_refit", noting)
    refit(pairs(50, 8, 0.0), pairs(60, 9, 0.0, n_units=12), np.ones(60, dtype=bool))
    *folds, (every, n) = seen
    assert n == 60 and len(folds) == 5
    assert all(size == 5 * len(units) for units, size in folds)
    assert {unit for units, _ in folds for unit in every - units} == every


def test_rows_are_kept_as_plain_arrays(tmp_path: object) -> None:
    rows = pairs(5, 10, 1.0)
    rows.save(tmp_path / "rows.safetensors")
    again = PairRows.load(tmp_path / "rows.safetensors", "Make it again")
    assert all((getattr(again, name) == getattr(rows, name)).all() for name in ("rows", "labels", "unit"))
    (tmp_path / "rows.safetensors").write_bytes(b"{}")
    with pytest.raises(UnreadableFileError, match="Make it again"):
        PairRows.load(tmp_path / "rows.safetensors", "Make it again")
