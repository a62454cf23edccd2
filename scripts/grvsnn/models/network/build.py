"""Build the network that an architecture names."""

import torch

from grvsnn.models.network.network import FeatureNetwork
from grvsnn.models.network.parts import (
    Architecture,
)
from grvsnn.models.network.released import BottleneckNetwork


def build_network(
    architecture: Architecture, n_features: int, n_traits: int, seed: int
) -> FeatureNetwork | BottleneckNetwork:
    """Return the network with parameters drawn from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    if architecture.architecture == "bottleneck":
        return BottleneckNetwork(architecture, n_features, n_traits, generator)
    return FeatureNetwork(architecture, n_features, n_traits, generator)
