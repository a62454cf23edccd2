"""Linear effects as u^2 - v^2: a start scale between ridge regression and the lasso.

This is the network's limit of closed gates and small gain, with its head written as a
product. Gradient flow on (u, v) from u = v = alpha keeps the product u v = alpha^2, so
that with theta = log(u / v)

    w = u^2 - v^2 = 2 alpha^2 sinh(theta),   d theta / d t = X'(y - X w) / n.

For alpha large against the effects, w is linear in theta and early stopping shrinks as
ridge regression does (the kernel regime); for small alpha few effects grow first, as in
the lasso (the rich regime) [1]_.

.. [1] Woodworth et al. (2020), Kernel and rich regimes in overparametrized models.
"""

from dataclasses import dataclass

import torch

THETA_LIMIT = 30.0
POWER_ITERATIONS = 12
# first step, as a share of the largest stable one, and growth of a taken step: early
# stopping needs many points where the solution is still small
FIRST_STEP = 0.1
GROWTH = 1.05
# largest change of a log ratio in one step: small scales grow by exp(theta)
LARGEST_MOVE = 0.25


@dataclass(frozen=True, eq=False)
class Flow:
    """Early-stopped solutions, one a column.

    Parameters
    ----------
    effects : Tensor, shape (P, C)
        w at each column's best step.
    losses : Tensor, shape (C,)
        Validation MSE there.
    steps : Tensor of int, shape (C,)
        The best step.
    """

    effects: torch.Tensor
    losses: torch.Tensor
    steps: torch.Tensor


@torch.no_grad()
def gradient_flow(
    X: torch.Tensor,
    Y: torch.Tensor,
    X_validation: torch.Tensor,
    Y_validation: torch.Tensor,
    alpha: torch.Tensor,
    max_steps: int = 400,
    patience: int = 10,
) -> Flow:
    """Follow the flow of C problems at once, each stopped on its validation rows.

    Steps that raise a column's training loss are taken back and halved, so that the
    discrete path stays near the flow whatever the scale.

    Parameters
    ----------
    X, X_validation : Tensor, shapes (n, P), (n_validation, P)
        Standardised features.
    Y, Y_validation : Tensor, shapes (n, C), (n_validation, C)
        Phenotype of each column; NaN where missing.
    alpha : Tensor, shape (P, C)
        Start scale of each effect; 0 leaves a feature out.
    max_steps, patience : int
        Limits; patience counts steps since any column improved.

    Returns
    -------
    Flow
    """
    observed, validating = Y.isfinite(), Y_validation.isfinite()
    count = observed.sum(0).clamp(min=1)
    scale = 2 * alpha.square()
    theta, w = torch.zeros_like(alpha), torch.zeros_like(alpha)
    residual = torch.where(observed, Y, 0.0)
    loss = residual.square().sum(0) / count
    rate = FIRST_STEP / (_curvature(X, scale, count) + 1e-12)

    best = torch.zeros_like(w)
    best_loss = _mse(0 * Y_validation, Y_validation, validating)
    best_step = torch.zeros(alpha.shape[1], dtype=torch.int64)
    last = 0
    for step in range(1, max_steps + 1):
        gradient = X.T @ residual / count
        steepest = gradient.abs().amax(0).clamp(min=1e-12)
        rate = torch.minimum(rate, LARGEST_MOVE / steepest)
        proposed = (theta + rate * gradient).clamp(-THETA_LIMIT, THETA_LIMIT)
        w_new = scale * torch.sinh(proposed)
        residual_new = torch.where(observed, Y - X @ w_new, 0.0)
        loss_new = residual_new.square().sum(0) / count
        taken = loss_new <= loss
        theta = torch.where(taken, proposed, theta)
        w = torch.where(taken, w_new, w)
        residual = torch.where(taken, residual_new, residual)
        loss = torch.where(taken, loss_new, loss)
        rate = torch.where(taken, rate * GROWTH, rate / 2)

        validation = _mse(X_validation @ w, Y_validation, validating)
        better = validation < best_loss
        best[:, better] = w[:, better]
        best_loss = torch.where(better, validation, best_loss)
        best_step[better] = step
        if better.any():
            last = step
        if step - last >= patience:
            break
    return Flow(best, best_loss, best_step)


def _mse(
    predicted: torch.Tensor, Y: torch.Tensor, present: torch.Tensor
) -> torch.Tensor:
    error = torch.where(present, Y - predicted, 0.0)
    return error.square().sum(0) / present.sum(0).clamp(min=1)


def _curvature(
    X: torch.Tensor, scale: torch.Tensor, count: torch.Tensor
) -> torch.Tensor:
    """Largest eigenvalue of X diag(scale) X' / n of each column, by power iteration."""
    V = torch.ones(len(X), scale.shape[1], dtype=X.dtype)
    # any fixed start that is not orthogonal to the leading vector will do
    V += torch.linspace(-1, 1, len(X), dtype=X.dtype)[:, None].sin()
    size = V.norm(dim=0)
    for _ in range(POWER_ITERATIONS):
        V = X @ (scale * (X.T @ (V / size.clamp(min=1e-30)))) / count
        size = V.norm(dim=0)
    return size
