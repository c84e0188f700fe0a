from __future__ import annotations

import itertools
import math

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from train.losses import bce_elements, focal_elements, log_of_mean, make_loss
from train.settings import AS_RUN

LOGITS = [-1e4, -200.0, -90.0, -20.0, -3.0, -0.5, 0.0, 0.25, 4.0, 17.0, 60.0, 200.0, 1e4]
GAMMAS = [0.0, 0.1, 0.5, 0.99, 1.0, 1.5, 2.0, 5.0, 50.0]
ALPHAS = [None, 0.0, 0.25, 1.0]


def with_gradient(function, logits):
    """The values of an elementwise function and its derivatives."""
    logits = logits.clone().requires_grad_(True)
    values = function(logits)
    values.sum().backward()
    return values.detach(), logits.grad


@pytest.mark.parametrize(("gamma", "alpha"), list(itertools.product(GAMMAS, ALPHAS)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_focal_loss_is_torchvisions_where_that_one_is_finite(gamma, alpha, dtype):
    """Loss and gradient equal `sigmoid_focal_loss` wherever its loss and gradient are finite."""
    logits = torch.tensor(LOGITS * 2, dtype=dtype)
    truth = torch.tensor([0.0] * len(LOGITS) + [1.0] * len(LOGITS), dtype=dtype)
    theirs, their_gradient = with_gradient(
        lambda x: torchvision.ops.sigmoid_focal_loss(
            x, truth, alpha=-1 if alpha is None else alpha, gamma=gamma
        ),
        logits,
    )
    ours, our_gradient = with_gradient(lambda x: focal_elements(x, truth, gamma, alpha), logits)
    finite = torch.isfinite(theirs) & torch.isfinite(their_gradient)
    assert finite.sum() >= 10
    # theirs rounds 1 - p in the tails; the absolute tolerance is that of p itself
    rtol, atol = (1e-4, 1e-5) if dtype == torch.float32 else (1e-7, 1e-7)
    torch.testing.assert_close(ours[finite], theirs[finite], rtol=rtol, atol=atol)
    torch.testing.assert_close(our_gradient[finite], their_gradient[finite], rtol=rtol, atol=atol)


@given(
    logit=st.floats(-1e4, 1e4, width=32),
    truth=st.booleans(),
    gamma=st.floats(0, 100),
    alpha=st.none() | st.floats(0, 1),
)
def test_focal_loss_and_gradient_are_finite_for_any_logit_and_gamma(logit, truth, gamma, alpha):
    """Any logit of ±1e4 and any gamma of 0 or more give a finite, never negative loss."""
    target = torch.tensor([float(truth)])
    value, gradient = with_gradient(
        lambda x: focal_elements(x, target, gamma, alpha), torch.tensor([logit])
    )
    assert torch.isfinite(value).all()
    assert torch.isfinite(gradient).all()
    assert (value >= 0).all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.7])
def test_focal_loss_passes_a_numerical_gradient_check(gamma):
    """Its gradient is that of finite differences in float64."""
    logits = torch.linspace(-6, 6, 14, dtype=torch.float64).view(7, 2).requires_grad_(True)
    truth = torch.tensor([[0.0, 1.0]] * 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: focal_elements(x, truth, gamma, 0.25), logits)


def test_focal_loss_by_hand():
    """p = 0.8 of a positive, gamma 2, alpha 0.25: 0.25 * 0.2² * -ln 0.8 = 0.0022314."""
    logit = torch.tensor([math.log(4.0)])
    assert focal_elements(logit, torch.ones(1), 2, 0.25).item() == pytest.approx(0.00223144, 1e-5)
    negative = focal_elements(logit, torch.zeros(1), 2, 0.25).item()
    assert negative == pytest.approx(0.75 * 0.8**2 * -math.log(0.2), 1e-5)


def test_focal_loss_without_focus_is_cross_entropy():
    """Gamma 0 and no alpha leave binary cross entropy."""
    logits, truth = torch.randn(5, 3), torch.randint(0, 2, (5, 3)).float()
    torch.testing.assert_close(focal_elements(logits, truth, 0), bce_elements(logits, truth))


def test_loss_as_run_has_the_floor_that_the_study_recorded():
    """Its minimum over the batch mean is about -0.0269 at gamma 2 and alpha 0.25, at x above 0."""
    means = torch.linspace(1e-3, 3, 30001, dtype=torch.float64)
    values = log_of_mean(means, 2, 0.25)
    assert values.min().item() == pytest.approx(-0.0269, abs=5e-5)
    assert means[values.argmin()].item() > 0.3
    assert (values[means < 1] < 0).all()


def test_loss_as_run_is_of_the_batch_mean():
    """0.25 (1 - e^-x)² ln x of the mean cross entropy x of the whole batch."""
    logits, truth = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    x = functional.binary_cross_entropy_with_logits(logits, truth).item()
    expected = 0.25 * (1 - math.exp(-x)) ** 2 * math.log(x)
    assert make_loss(AS_RUN, 2, 0.25)(logits, truth).item() == pytest.approx(expected, 1e-5)


def test_positive_weights_are_those_of_torch():
    """With a weight for each label, BCE is torch's `pos_weight`."""
    logits, truth = torch.randn(6, 3), torch.randint(0, 2, (6, 3)).float()
    weight = torch.tensor([20.0, 1.0, 0.5])
    expected = functional.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight)
    torch.testing.assert_close(make_loss("bce", positive_weight=weight)(logits, truth), expected)


def test_unknown_truth_counts_for_nothing():
    """Elements whose truth is below 0 change neither the loss nor the gradient."""
    logits = torch.tensor([[0.5, 7.0], [-1.0, 2.0]], requires_grad=True)
    truth = torch.tensor([[1.0, -1.0], [0.0, -1.0]])
    loss = make_loss("bce")(logits, truth)
    loss.backward()
    expected = functional.binary_cross_entropy_with_logits(logits[:, 0], truth[:, 0])
    torch.testing.assert_close(loss, expected)
    assert logits.grad is not None
    assert logits.grad[:, 1].tolist() == [0.0, 0.0]


def test_half_precision_logits_are_computed_in_single():
    """bfloat16 logits give a float32 loss."""
    logits = torch.tensor([[3.0, -2.0]], dtype=torch.bfloat16)
    truth = torch.tensor([[1.0, 0.0]])
    loss = make_loss("focal", 2)(logits, truth)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, make_loss("focal", 2)(logits.float(), truth))


def test_a_loss_without_its_numbers_is_refused():
    """A focal loss needs a gamma."""
    with pytest.raises(ValueError, match="gamma None"):
        make_loss("focal")
