"""The gated residual variable selection network, per feature and as released.

Equation numbers are those of the GRVSNN paper. P features, T traits, N animals, and d
hidden units in each feature's own gated residual block.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from grvsnn.base.errors import InputError
from grvsnn.models.network import compiled_pass as kernel
from grvsnn.models.network.inputs import Inputs, look_up

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


def build_network(
    architecture: Architecture, n_features: int, n_traits: int, seed: int
) -> "FeatureNetwork | BottleneckNetwork":
    """Return the network with parameters drawn from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    if architecture.architecture == "bottleneck":
        return BottleneckNetwork(architecture, n_features, n_traits, generator)
    return FeatureNetwork(architecture, n_features, n_traits, generator)


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


class FeatureNetwork(nn.Module):
    """One gated residual block per feature, then selection over the features.

    For feature i with input x_i, d hidden units and dropout D (eq. 1-9)::

        f1 = ELU(w1 x_i + b1)         f2 = D(A f1)
        h = w2 . f2 + b2              g = sigma_g(w3 . f2 + b3)
        z_i = g h + (1 - g) x_i       zhat = LayerNorm(z) over the P features
        w = softmax(zhat)             z'_i = w_i zhat_i
        Yhat = W (P z') + b

    The factor P is constant: selection weights are about 1 / P, and the head would
    otherwise see inputs of that size. W starts at zero.

    Parameters
    ----------
    architecture : Architecture
    n_features, n_traits : int
        P and T.
    generator : torch.Generator
        Source of the starting values.

    Attributes
    ----------
    path : {"kernel", "table", "dense"}
        How hard-call markers pass their blocks: "table" evaluates each block at the
        three dosages once per step, "dense" at every animal; "kernel" is the table
        compiled, where `kernel.serves` it, and else the table. All give the same
        numbers to rounding.
    """

    def __init__(
        self,
        architecture: Architecture,
        n_features: int,
        n_traits: int,
        generator: torch.Generator,
    ):
        super().__init__()
        self.architecture = architecture
        self.n_features = n_features
        self.n_traits = n_traits
        self.path = "kernel"
        d, P = architecture.hidden, n_features
        # hidden units come first, so that every operation runs along the features
        self.w1 = nn.Parameter(torch.empty(d, P))
        self.b1 = nn.Parameter(torch.empty(d, P))
        if architecture.f2 == "linear":
            self.A = nn.Parameter(torch.empty(d, d, P))
        self.w2 = nn.Parameter(torch.empty(d, P))
        self.b2 = nn.Parameter(torch.empty(P))
        self.w3 = nn.Parameter(torch.empty(d, P))
        self.b3 = nn.Parameter(torch.empty(P))
        self.gain = nn.Parameter(torch.empty(P))
        self.shift = nn.Parameter(torch.empty(P))
        self.W = nn.Parameter(torch.empty(n_traits, P))
        self.b = nn.Parameter(torch.empty(n_traits))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the blocks' weights; close gates; set the head to zero."""
        scale = 1 / math.sqrt(self.architecture.hidden)
        with torch.no_grad():
            self.w1.uniform_(-1.0, 1.0, generator=generator)
            self.b1.uniform_(-1.0, 1.0, generator=generator)
            if self.architecture.f2 == "linear":
                self.A.normal_(0.0, scale, generator=generator)
            self.w2.normal_(0.0, scale, generator=generator)
            self.w3.normal_(0.0, 0.1 * scale, generator=generator)
            self.b3.fill_(self.architecture.gate_bias)
            self.gain.fill_(self.architecture.gain)
            for zero in (self.b2, self.shift, self.W, self.b):
                zero.zero_()

    def decayed(self) -> list[nn.Parameter]:
        """Parameters under weight decay: weights, but no biases, gains or shifts."""
        names = ("w1", "A", "w2", "w3", "W")
        return [getattr(self, name) for name in names if hasattr(self, name)]

    def draw_dropout(
        self, rate: float, generator: torch.Generator
    ) -> torch.Tensor | None:
        """Draw one step's dropout mask, shape (d, P), shared by its animals."""
        return dropout_mask(self.w1, rate, generator)

    def blocks(
        self, x: torch.Tensor, features: slice, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Gated residual blocks of some features (eq. 1-5).

        Parameters
        ----------
        x : Tensor, shape (n, p)
            Standardised inputs, or the three levels of a dosage.
        features : slice
            Which p features the columns are.
        mask : Tensor, shape (d, P), optional
            Dropout's mask, already scaled by 1 / (1 - rate).

        Returns
        -------
        Tensor, shape (n, p)
        """
        columns = (slice(None), None, features)
        f2 = functional.elu(self.w1[columns] * x + self.b1[columns])
        if self.architecture.f2 == "linear":
            f2 = torch.einsum("klp,lnp->knp", self.A[..., features], f2)
        if mask is not None:
            f2 = f2 * mask[columns]
        h = (self.w2[columns] * f2).sum(0) + self.b2[features]
        gate = (self.w3[columns] * f2).sum(0) + self.b3[features]
        g = gate_function(self.architecture.gate, gate)
        return g * h + (1 - g) * x

    def table(self, levels: torch.Tensor, mask: torch.Tensor | None = None):
        """Evaluate the markers' blocks at dosages 0, 1 and 2, shape (3, M)."""
        return self.blocks(levels, slice(0, levels.shape[1]), mask)

    def residual(
        self, inputs: Inputs, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Evaluate all blocks for every animal: z, shape (N, P)."""
        if self.path == "dense":
            return self.blocks(inputs.standardised(), slice(None), mask)
        M = inputs.n_markers
        markers = look_up(self.table(inputs.levels, mask), inputs.genotypes)
        if inputs.dense.shape[1] == 0:
            return markers
        loadings = self.blocks(inputs.dense, slice(M, None), mask)
        return torch.cat([markers, loadings], dim=1)

    def selected(
        self, inputs: Inputs, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Weighted features z' = w zhat (eq. 6-9), shape (N, P), without the P."""
        z = self.residual(inputs, mask)
        zhat = functional.layer_norm(
            z, (self.n_features,), self.gain, self.shift, LAYER_NORM_EPS
        )
        return selection_weights(self.architecture.selection, zhat) * zhat

    def forward(self, inputs: Inputs, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Predicted traits, shape (N, T)."""
        if self.path == "kernel" and kernel.serves(self, inputs):
            return kernel.run(self, inputs, mask, LAYER_NORM_EPS)
        selected = self.selected(inputs, mask) * self.n_features
        return functional.linear(selected, self.W, self.b)


class BottleneckNetwork(nn.Module):
    """The authors' released network, kept for the audit.

    All features are projected to `hidden` units at once (128 in the release), and
    gate, residual and selection act on these units; f2 = f1, dropout follows the
    gated residual block, and selection has a layer of its own::

        f = ELU(K1 x + c1)            r = K0 x + c0
        z = D(g h + (1 - g) r)        with h = K2 f + c2, g = sigma_g(K3 f + c3)
        zhat = LayerNorm(z)           w = softmax(K4 zhat + c4)
        Yhat = W (w zhat) + b
    """

    def __init__(
        self,
        architecture: Architecture,
        n_features: int,
        n_traits: int,
        generator: torch.Generator,
    ):
        super().__init__()
        self.architecture = architecture
        self.n_features = n_features
        self.n_traits = n_traits
        units = architecture.hidden
        self.project = nn.Linear(n_features, units)
        self.encode = nn.Linear(n_features, units)
        self.value = nn.Linear(units, units)
        self.gate = nn.Linear(units, units)
        self.norm = nn.LayerNorm(units, LAYER_NORM_EPS)
        self.select = nn.Linear(units, units)
        self.head = nn.Linear(units, n_traits)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Glorot-uniform weights and zero biases, the release's defaults."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)

    def decayed(self) -> list[nn.Parameter]:
        """Parameters under weight decay: every layer's weight matrix."""
        return [m.weight for m in self.modules() if isinstance(m, nn.Linear)]

    def draw_dropout(
        self, rate: float, generator: torch.Generator
    ) -> torch.Tensor | None:
        """Draw one step's dropout mask, shape (units,), shared by its animals."""
        return dropout_mask(self.head.weight[0], rate, generator)

    def forward(self, inputs: Inputs, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Predicted traits, shape (N, T)."""
        x = inputs.standardised()
        f = functional.elu(self.encode(x))
        g = gate_function(self.architecture.gate, self.gate(f))
        z = g * self.value(f) + (1 - g) * self.project(x)
        zhat = self.norm(z if mask is None else z * mask)
        weights = selection_weights(self.architecture.selection, self.select(zhat))
        return self.head(weights * zhat)


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
