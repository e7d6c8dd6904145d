"""The parts of LoRA training that need no model: plan, losses, schedule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_material import SETTINGS, tuning_data

from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.training.losses import check_losses, guided_mask, labelled_loss, ranking_loss, triplet_loss
from ticketkin.training.plan import plan_steps
from ticketkin.training.schedule import scheduled_rate


@settings(max_examples=40, deadline=None)
@given(n_groups=st.integers(3, 40), batch_size=st.integers(2, 17), seed=st.integers(0, 9))
def test_every_pass_sees_each_positive_of_its_phase_once(n_groups: int, batch_size: int, seed: int) -> None:
    data = tuning_data(n_groups)
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
    data = tuning_data()
    lengths = np.ones(len(data.texts), dtype=np.int64)
    one, again, other = (
        [step.positives.tolist() for step in plan_steps(data, lengths, SETTINGS, seed)] for seed in (1, 1, 2)
    )
    assert one == again != other


def test_negatives_take_turns_over_the_passes() -> None:
    data = tuning_data()
    lengths = np.ones(len(data.texts), dtype=np.int64)
    chosen = SETTINGS.model_copy(update={"epochs_per_phase": (0, 0, 2)})
    used: dict[int, set[int]] = {}
    for step in plan_steps(data, lengths, chosen, 0):
        for positive, negative in zip(step.positives, step.negatives, strict=True):
            used.setdefault(int(positive), set()).add(int(negative))
    full = np.flatnonzero((data.negatives >= 0).all(axis=1))
    assert all(used[int(p)] == set(data.negatives[p].tolist()) for p in full)


@pytest.mark.parametrize(
    ("change", "n_positives", "labels", "message"),
    [
        ({"ranking_loss": "none", "labelled_loss": "none"}, 9, [0, 1], "nothing to learn from"),
        ({}, 1, [0, 1], "at least 2 pairs of kin"),
        ({"ranking_loss": "triplet"}, 9, [0, 1], "needs hard negatives and none were mined"),
        (
            {"ranking_loss": "none"},
            9,
            [1, 1],
            "needs labelled pairs of kin and of strangers, there are 2 and 0",
        ),
        (
            {"matryoshka_dimensions": (64, 16)},
            9,
            [0, 1],
            r"\[64\] are above the model's 32; those that fit: \[16\]",
        ),
    ],
)
def test_losses_that_the_data_cannot_feed_are_refused(
    change: dict[str, object], n_positives: int, labels: list[int], message: str
) -> None:
    with pytest.raises((NotEnoughDataError, ConfigurationError), match=message):
        check_losses(
            SETTINGS.model_copy(update=change),
            n_positives,
            np.full((n_positives, 2), -1),
            np.array(labels),
            32,
        )


def test_without_a_ranking_loss_every_pass_sees_each_labelled_pair_of_its_phase_once() -> None:
    data = tuning_data()
    chosen = SETTINGS.model_copy(update={"ranking_loss": "none", "epochs_per_phase": (0, 1, 2)})
    steps = plan_steps(data, np.ones(len(data.texts), dtype=np.int64), chosen, 0)
    seen = np.concatenate([step.labelled for step in steps])
    np.testing.assert_array_equal(np.bincount(seen), np.where(data.labelled_phase <= 2, 3, 2))
    assert all(len(step.positives) == 0 and step.n_examples == len(step.labelled) for step in steps)
    parts = steps[0].split(3)
    np.testing.assert_array_equal(np.concatenate([part.labelled for part in parts]), steps[0].labelled)


def test_splitting_a_step_loses_no_example() -> None:
    data = tuning_data()
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
    loss = ranking_loss(*(torch.tensor(a) for a in (left, right, negatives, masked)))
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_kin_of_the_same_group_never_push_each_other_apart() -> None:
    import torch

    rng = np.random.default_rng(0)
    left, right = torch.tensor(_unit(rng, 2), requires_grad=True), torch.tensor(_unit(rng, 2))
    masked = torch.tensor([[False, True], [True, False]])
    ranking_loss(left, right, torch.zeros((0, 6), dtype=torch.float64), masked).backward()
    assert left.grad is not None
    assert float(left.grad.abs().max()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["cosent", "cosine", "angle", "online_contrastive"])
def test_losses_on_labelled_pairs_equal_their_definition(name: str) -> None:
    import torch

    rng = np.random.default_rng(1)
    left, right, labels = _unit(rng, 7), _unit(rng, 7), np.array([1, 0, 1, 0, 0, 1, 0])
    cosines = (left * right).sum(axis=1)
    kin, rest = cosines[labels == 1], cosines[labels == 0]
    if name == "cosent":
        expected = np.log1p(sum(np.exp(20 * (r - p)) for p in kin for r in rest))
    elif name == "cosine":
        expected = float(((cosines - labels) ** 2).mean())
    elif name == "online_contrastive":
        near, far = (1 - kin)[(1 - kin) > (1 - rest).min()], (1 - rest)[(1 - rest) < (1 - kin).max()]
        expected = float((near**2).sum() + (np.clip(0.5 - far, 0, None) ** 2).sum())
    else:
        sines = (left[:, 3:] * right[:, :3] - left[:, :3] * right[:, 3:]).sum(axis=1)
        angles = np.abs(cosines + sines)
        expected = np.log1p(
            sum(np.exp(20 * (r - p)) for p in angles[labels == 1] for r in angles[labels == 0])
        )
    loss = labelled_loss(name, None, *(torch.tensor(a) for a in (left, right, labels)))
    assert float(loss) == pytest.approx(expected, abs=1e-6)
    nothing = torch.zeros((0, 6))
    assert float(labelled_loss(name, None, nothing, nothing, torch.zeros(0))) == 0


def test_the_triplet_loss_equals_its_definition() -> None:
    import torch

    rng = np.random.default_rng(2)
    left, right, negatives = _unit(rng, 5), _unit(rng, 5), _unit(rng, 5)
    expected = np.clip((left * negatives).sum(1) - (left * right).sum(1) + 0.2, 0, None).mean()
    loss = triplet_loss(*(torch.tensor(a) for a in (left, right, negatives)))
    assert float(loss) == pytest.approx(expected)


def test_one_direction_is_the_first_half_of_the_symmetric_loss() -> None:
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    rng = np.random.default_rng(3)
    left, right, negatives = (torch.tensor(_unit(rng, 4)) for _ in range(3))
    masked = torch.zeros((4, 8), dtype=torch.bool)
    loss = ranking_loss(left, right, negatives, masked, symmetric=False)
    oracle = MultipleNegativesRankingLoss(None).compute_loss_from_embeddings([left, right, negatives], None)
    assert float(loss) == pytest.approx(float(oracle), abs=1e-6)


def test_a_guide_hides_what_it_finds_nearer_than_the_partner() -> None:
    import torch

    rng = np.random.default_rng(4)
    left, right, negatives = _unit(rng, 4), _unit(rng, 4), _unit(rng, 3)
    hidden = guided_mask(
        *(torch.tensor(a) for a in (left, right, negatives)), torch.zeros((4, 7), dtype=torch.bool)
    ).numpy()
    for i in range(4):
        for j, candidate in enumerate(np.concatenate([right, negatives])):
            assert hidden[i, j] == (j != i and left[i] @ candidate > left[i] @ right[i])


@pytest.mark.parametrize("n_steps", [1, 2, 7, 100])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.99])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "hold_cosine"])
def test_the_rate_warms_up_reaches_its_peak_and_stays_above_zero(
    n_steps: int, share: float, schedule: str
) -> None:
    chosen = SETTINGS.model_copy(update={"warmup_share": share, "schedule": schedule})
    rates = [scheduled_rate(step, n_steps, chosen) for step in range(n_steps)]
    assert max(rates) == pytest.approx(SETTINGS.learning_rate)
    assert min(rates) > 0


def test_a_hold_stays_at_the_peak_and_a_floor_is_kept() -> None:
    chosen = SETTINGS.model_copy(
        update={"schedule": "hold_cosine", "warmup_share": 0.15, "hold_share": 0.2, "lowest_rate": 1e-7}
    )
    rates = np.array([scheduled_rate(step, 100, chosen) for step in range(100)])
    assert (rates[14:36] == SETTINGS.learning_rate).all()
    assert (np.diff(rates[36:]) < 0).all() and rates[-1] >= 1e-7
    flat = [
        scheduled_rate(step, 50, chosen.model_copy(update={"schedule": "constant"})) for step in range(8, 50)
    ]
    assert set(flat) == {SETTINGS.learning_rate}
