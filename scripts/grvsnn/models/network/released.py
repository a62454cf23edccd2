"""The network of the paper's released code, whose gates weigh hidden units."""

import torch
from torch import nn
from torch.nn import functional

from grvsnn.models.network.inputs import Inputs
from grvsnn.models.network.parts import (
    LAYER_NORM_EPS,
    Architecture,
    dropout_mask,
    gate_function,
    selection_weights,
)


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
