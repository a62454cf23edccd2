"""The gated residual variable selection network, per feature and as released.

Equation numbers are those of the GRVSNN paper. P features, T traits, N animals, and d
hidden units in each feature's own gated residual block.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from grvsnn.models.network import compiled_pass
from grvsnn.models.network.inputs import Inputs, look_up
from grvsnn.models.network.parts import (
    LAYER_NORM_EPS,
    Architecture,
    dropout_mask,
    gate_function,
    selection_weights,
)


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
    path : {"compiled", "table", "dense"}
        How hard-call markers pass their blocks: "table" evaluates each block at the
        three dosages once per step, "dense" at every animal; "compiled" is the table
        in C, where it serves (`is_compiled`), and else the table. All give the same
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
        self.path = "compiled"
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

    def is_compiled(self, inputs: Inputs) -> bool:
        """Whether the compiled pass serves this network and these inputs."""
        return compiled_pass.serves(
            self.architecture, self.n_traits, self.W, inputs.levels
        )

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
        if self.path == "compiled" and self.is_compiled(inputs):
            hard_gate = self.architecture.gate == "hard_sigmoid"
            named = [getattr(self, name, None) for name in compiled_pass.PARAMETERS]
            return compiled_pass.run(inputs, mask, hard_gate, LAYER_NORM_EPS, named)
        selected = self.selected(inputs, mask) * self.n_features
        return functional.linear(selected, self.W, self.b)
