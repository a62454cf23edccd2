"""What a fitted network uses: importance, effects and the paper's raw threshold."""

from dataclasses import dataclass

import numpy as np
import torch

from grvsnn.models.network.inputs import N_LEVELS, Inputs
from grvsnn.models.network.network import FeatureNetwork
from grvsnn.models.network.released import BottleneckNetwork

SELECTED_FROM = 0.05


@dataclass(frozen=True, eq=False)
class Interpretation:
    """Contributions of the features over a set of animals.

    Parameters
    ----------
    importance : ndarray of float64, shape (P, T)
        Mean over animals of |W_ti P z'_i|, unnormalised.
    effect : ndarray of float64, shape (P, T)
        Slope of the contribution W_ti P z'_i on the standardised feature x_i.
    raw : ndarray of float64, shape (P,)
        Mean over animals of z'_i, which the paper compares with 0.05; its size
        depends on P.
    curves : ndarray of float64, shape (3, P, T)
        Mean contribution W_ti P z'_i of the animals with 0, 1 and 2 copies, less that
        of all animals; NaN for a dosage that none has, and for dense features.
    """

    importance: np.ndarray
    effect: np.ndarray
    raw: np.ndarray
    curves: np.ndarray

    @property
    def selected_raw(self) -> np.ndarray:
        """Features that the paper's own rule, z' >= 0.05, selects; bool (P,)."""
        return self.raw >= SELECTED_FROM


@torch.no_grad()
def interpret(
    network: FeatureNetwork | BottleneckNetwork, inputs: Inputs, block: int = 128
) -> Interpretation:
    """Interpret a network over the animals in `inputs`.

    The released network weights hidden units, not features, so that everything is zero
    for a `BottleneckNetwork`.
    """
    P, T = network.n_features, network.n_traits
    if isinstance(network, BottleneckNetwork):
        none = np.zeros((P, T))
        return Interpretation(
            none, none, np.zeros(P), np.full((N_LEVELS, P, T), np.nan)
        )
    size, total, product, square = (torch.zeros(P, dtype=torch.float64) for _ in "abcd")
    by_dosage, count = (
        torch.zeros(N_LEVELS, inputs.n_markers, dtype=torch.float64) for _ in "ab"
    )
    for start in range(0, inputs.n_samples, block):
        part = inputs.take(slice(start, start + block))
        selected = network.selected(part).double().cpu()
        x = part.standardised().double().cpu()
        size += selected.abs().sum(0)
        total += selected.sum(0)
        product += (selected * x).sum(0)
        square += x.square().sum(0)
        for dosage in range(N_LEVELS):
            carries = (part.genotypes == dosage).double().cpu()
            by_dosage[dosage] += (selected[:, : inputs.n_markers] * carries).sum(0)
            count[dosage] += carries.sum(0)
    W = network.W.detach().double().cpu().T * P
    slope = torch.where(square > 0, product / square, 0.0)
    return Interpretation(
        importance=(W.abs() * size[:, None] / inputs.n_samples).numpy(),
        effect=(W * slope[:, None]).numpy(),
        raw=(total / inputs.n_samples).numpy(),
        curves=_curves(by_dosage / count, total / inputs.n_samples, W).numpy(),
    )


def _curves(levels: torch.Tensor, mean: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Centre the markers' mean z' by dosage, (3, M), and weigh it by trait."""
    curves = torch.full((N_LEVELS, *W.shape), torch.nan, dtype=W.dtype)
    n_markers = levels.shape[1]
    curves[:, :n_markers] = (levels - mean[:n_markers])[:, :, None] * W[:n_markers]
    return curves


def curve_columns(curves: np.ndarray) -> dict[str, np.ndarray]:
    """Columns curve_0, curve_1 and curve_2 of features.parquet, each (P, T)."""
    return {f"curve_{dosage}": curve for dosage, curve in enumerate(curves)}


def average(parts: list[Interpretation]) -> Interpretation:
    """Mean over the members of an ensemble."""
    return Interpretation(
        importance=np.mean([part.importance for part in parts], axis=0),
        effect=np.mean([part.effect for part in parts], axis=0),
        raw=np.mean([part.raw for part in parts], axis=0),
        curves=np.mean([part.curves for part in parts], axis=0),
    )
