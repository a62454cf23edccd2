"""Squared error of observed phenotypes, each trait with the same weight."""

import torch


def masked_loss(
    predicted: torch.Tensor, observed: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Sum of weighted squared errors; where the weight is 0, `observed` may be NaN.

    Parameters
    ----------
    predicted, observed, weight : Tensor, shape (n, T)
        See `observation_weights`.
    """
    error = torch.where(weight > 0, predicted - observed, 0.0)
    return (weight * error.square()).sum()


def observation_weights(observed: torch.Tensor) -> torch.Tensor:
    """Weights that make `masked_loss` the mean over traits of each trait's MSE.

    Each trait is averaged over its own observed animals, so a gap in one trait changes
    nothing for the others. A trait without any observation weighs nothing.
    """
    present = observed.isfinite()
    count = present.sum(0).clamp(min=1)
    return present.to(observed.dtype) / (count * observed.shape[1])
