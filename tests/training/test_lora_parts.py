"""The parts of LoRA training that need no model: plan, losses, schedule."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_material import SETTINGS, lora_data

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.training.lora_data import plan_steps
from ticketkin.training.lora_loop import scheduled_rate
from ticketkin.training.lora_losses import contrastive_loss, ranking_loss


@settings(max_examples=40, deadline=None)
@given(n_groups=st.integers(3, 40), batch_size=st.integers(2, 17), seed=st.integers(0, 9))
def test_every_pass_sees_each_positive_of_its_phase_once(n_groups: int, batch_size: int, seed: int) -> None:
    data = lora_data(n_groups)
    lengths = np.array([len(text.split()) for text in data.texts])
    chosen = SETTINGS.model_copy(update={"batch_size": batch_size, "epochs_per_phase": (1, 2, 1)})
    steps = plan_steps(data, lengths, chosen, seed)
    for phase, epochs in ((1, 1), (2, 2), (3, 1)):
        seen = np.concatenate([step.positives for step in steps if step.phase == phase])
        np.testing.assert_array_equal(
            np.sort(seen), np.sort(np.tile(np.flatnonzero(data.phase <= phase), epochs))
        )
    assert [step.phase for step in steps] == sorted(step.phase for step in steps)
    assert all(2 <= len(step.positives) <= batch_size + 1 for step in steps)
    for step in steps:
        real = step.negatives >= 0
        assert np.all(real == (data.negatives[step.positives] >= 0).any(axis=1))
        assert np.all((data.negatives[step.positives] == step.negatives[:, None]).any(axis=1)[real])


def test_the_plan_depends_on_the_seed_alone() -> None:
    data = lora_data()
    lengths = np.ones(len(data.texts), dtype=np.int64)
    one, again, other = (
        [step.positives.tolist() for step in plan_steps(data, lengths, SETTINGS, seed)] for seed in (1, 1, 2)
    )
    assert one == again != other


def test_negatives_take_turns_over_the_passes() -> None:
    data = lora_data()
    lengths = np.ones(len(data.texts), dtype=np.int64)
    chosen = SETTINGS.model_copy(update={"epochs_per_phase": (0, 0, 2)})
    used: dict[int, set[int]] = {}
    for step in plan_steps(data, lengths, chosen, 0):
        for positive, negative in zip(step.positives, step.negatives, strict=True):
            used.setdefault(int(positive), set()).add(int(negative))
    full = np.flatnonzero((data.negatives >= 0).all(axis=1))
    assert all(used[int(p)] == set(data.negatives[p].tolist()) for p in full)


def test_one_positive_is_not_enough() -> None:
    data = lora_data()
    one = slice(0, 1)
    few = replace(data, left=data.left[one], right=data.right[one], phase=data.phase[one],
                  group=data.group[one], negatives=data.negatives[one])  # fmt: skip
    with pytest.raises(NotEnoughDataError, match="at least 2 pairs of kin"):
        plan_steps(few, np.ones(len(data.texts), dtype=np.int64), SETTINGS, 0)


def test_splitting_a_step_loses_no_example() -> None:
    data = lora_data()
    step = plan_steps(data, np.ones(len(data.texts), dtype=np.int64), SETTINGS, 0)[-1]
    for pieces in (1, 2, 4, 100):
        parts = step.split(pieces)
        assert all(len(part.positives) >= 2 for part in parts)
        np.testing.assert_array_equal(np.concatenate([p.positives for p in parts]), step.positives)
        np.testing.assert_array_equal(np.concatenate([p.labelled for p in parts]), step.labelled)


def _unit(rng: np.random.Generator, n: int, d: int = 6) -> np.ndarray:
    values = rng.normal(size=(n, d))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), k=st.integers(0, 5), seed=st.integers(0, 99))
def test_the_ranking_loss_equals_its_definition(n: int, k: int, seed: int) -> None:
    import torch

    rng = np.random.default_rng(seed)
    left, right, negatives = _unit(rng, n), _unit(rng, n), _unit(rng, k)
    masked = rng.random((n, n + k)) < 0.3
    masked[np.arange(n), np.arange(n)] = False
    expected = 0.0
    for i in range(n):
        candidates = np.concatenate([right, negatives])
        forward = [np.exp(20 * left[i] @ c) for j, c in enumerate(candidates) if not masked[i, j]]
        backward = [np.exp(20 * right[i] @ left[j]) for j in range(n) if not masked[j, i]]
        own = np.exp(20 * left[i] @ right[i])
        expected -= (np.log(own / sum(forward)) + np.log(own / sum(backward))) / (2 * n)
    found = ranking_loss(*(torch.tensor(a) for a in (left, right, negatives, masked)))
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_kin_of_the_same_group_never_push_each_other_apart() -> None:
    import torch

    rng = np.random.default_rng(0)
    left, right = torch.tensor(_unit(rng, 2), requires_grad=True), torch.tensor(_unit(rng, 2))
    masked = torch.tensor([[False, True], [True, False]])
    ranking_loss(left, right, torch.zeros((0, 6), dtype=torch.float64), masked).backward()
    assert left.grad is not None
    assert float(left.grad.abs().max()) == pytest.approx(0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 1)), min_size=1, max_size=8))
def test_the_contrastive_loss_equals_its_definition(pairs: list[tuple[float, int]]) -> None:
    import torch

    kin = [s for s, y in pairs if y == 1]
    rest = [s for s, y in pairs if y == 0]
    expected = np.log1p(sum(np.exp(20 * (r - p)) for p in kin for r in rest))
    found = contrastive_loss(
        torch.tensor([s for s, _ in pairs], dtype=torch.float64), torch.tensor([y for _, y in pairs])
    )
    assert float(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n_steps", [1, 2, 7, 100])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.99])
def test_the_rate_warms_up_reaches_its_peak_and_decays_above_zero(n_steps: int, share: float) -> None:
    chosen = SETTINGS.model_copy(update={"warmup_share": share})
    rates = [scheduled_rate(step, n_steps, chosen) for step in range(n_steps)]
    assert max(rates) == pytest.approx(SETTINGS.learning_rate)
    assert min(rates) > 0
