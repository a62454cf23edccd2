"""Parts of the networks: architecture, gates, selection weights, dropout."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from grvsnn.base.errors import InputError

LAYER_NORM_EPS = 1e-5


CHOICES = {
    "architecture": ("feature", "bottleneck"),
    "gate": ("hard_sigmoid", "sigmoid"),
    "selection": ("softmax", "sparsemax"),
    "f2": ("linear", "identity"),
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What the network looks like; its sizes apart.

    Parameters
    ----------
    architecture : {"feature", "bottleneck"}
        One gated residual block per feature, or the released network on 128 units.
    hidden : int
        d, hidden units of each feature's block (``bottleneck``: of its one block).
    gate : {"hard_sigmoid", "sigmoid"}
        sigma_g; the hard one is max(0, min(1, 0.2 a + 0.5)).
    selection : {"softmax", "sparsemax"}
        How variable selection weights are formed.
    f2 : {"linear", "identity"}
        Whether f2 has its d x d linear layer before dropout.
    gate_bias : float
        Start of b3. At -2 both gates start about a tenth open; a hard sigmoid below
        -2.5 would be shut and without gradient.
    gain : float
        Start of the layer norm's gain. P w_i zhat_i = gain x_i + O(gain^2), so that a
        small one starts training at a linear model.
    """

    architecture: str = "feature"
    hidden: int = 4
    gate: str = "hard_sigmoid"
    selection: str = "softmax"
    f2: str = "linear"
    gate_bias: float = -2.0
    gain: float = 0.1

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"{name}: {getattr(self, name)!r} is not one of {allowed}"
                )
        if self.hidden < 1:
            raise InputError(f"hidden: {self.hidden} must be at least 1")
        if not self.gain > 0:
            raise InputError(f"gain: {self.gain} must be positive")


def gate_function(name: str, activation: torch.Tensor) -> torch.Tensor:
    """sigma_g: ``hard_sigmoid`` max(0, min(1, 0.2 a + 0.5)), or ``sigmoid``."""
    if name == "hard_sigmoid":
        return torch.clamp(0.2 * activation + 0.5, 0.0, 1.0)
    return torch.sigmoid(activation)


def selection_weights(name: str, scores: torch.Tensor) -> torch.Tensor:
    """Variable selection weights over the last dimension; they sum to 1 (eq. 8)."""
    if name == "softmax":
        return functional.softmax(scores, dim=-1)
    from entmax import sparsemax

    return sparsemax(scores, dim=-1)


def dropout_mask(
    like: torch.Tensor, rate: float, generator: torch.Generator
) -> torch.Tensor | None:
    """Bernoulli mask scaled by 1 / (1 - rate); None at rate 0.

    Drawn on the CPU, so that every device sees the same stream.
    """
    if rate == 0:
        return None
    kept = torch.rand(like.shape, generator=generator) >= rate
    return kept.to(like.device, like.dtype) / (1 - rate)
