"""CPU seconds per epoch of the per-feature network against the two ways it is written.

Peers are the same network with every block evaluated at every animal by torch
(literal), and the released network on 128 hidden units (bottleneck). All run the same
optimiser on one thread, and an epoch includes its steps.
"""

import json
import time

import numpy as np
import torch
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Inputs, Standardiser
from grvsnn.models.network.parts import Architecture
from grvsnn.models.network.training import TrainingSettings, epoch_of_steps

from benchmarks.memory import peak_gb, reset_peak

MOUSE = {"n_samples": 1451, "n_markers": 10346, "n_traits": 2}
PIG = {"n_samples": 1851, "n_markers": 52843, "n_traits": 5}
FEATURE = Architecture(hidden=4)
BOTTLENECK = Architecture(architecture="bottleneck", hidden=128, gate="sigmoid")
SETTINGS = TrainingSettings(batch_size=128)
REPEATS = 5


def simulate(n_samples: int, n_markers: int, n_traits: int):
    """Random dosages and traits of a given shape; timings do not depend on values."""
    rng = np.random.default_rng(1)
    genotypes = rng.integers(0, 3, (n_samples, n_markers), dtype=np.int8)
    dense = np.zeros((n_samples, 0))
    rows = np.arange(n_samples)
    inputs = Standardiser.fit(genotypes, dense, rows).apply(genotypes, dense)
    Y = rng.standard_normal((n_samples, n_traits)).astype(np.float32)
    return inputs, torch.from_numpy(Y)


def seconds_per_epoch(
    architecture: Architecture,
    path: str,
    inputs: Inputs,
    Y: torch.Tensor,
    repeats: int = REPEATS,
    n_steps: int | None = None,
) -> float:
    """Best of some epochs; `n_steps` times that many steps, scaled to an epoch."""
    network = build_network(architecture, inputs.n_features, Y.shape[1], seed=1)
    network.path = path
    run_steps, total = epoch_of_steps(network, inputs, Y, SETTINGS, seed=1)
    n_steps = n_steps or total
    run_steps(1)
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run_steps(n_steps)
        best = min(best, time.process_time() - start)
    return best * total / n_steps


def measure_pig() -> dict[str, float]:
    """Epoch of the pig's shape, its peak memory and the literal peer."""
    reset_peak()
    inputs, Y = simulate(**PIG)
    ours = seconds_per_epoch(FEATURE, "compiled", inputs, Y, repeats=3)
    peak = peak_gb()
    literal = seconds_per_epoch(FEATURE, "dense", inputs, Y, repeats=1, n_steps=1)
    return {"ours": ours, "literal": literal, "peak": peak}


def run() -> list[dict]:
    """Return all benchmarks of this file."""
    torch.set_num_threads(1)
    inputs, Y = simulate(**MOUSE)
    ours = seconds_per_epoch(FEATURE, "compiled", inputs, Y)
    literal = seconds_per_epoch(FEATURE, "dense", inputs, Y, repeats=2, n_steps=3)
    bottleneck = seconds_per_epoch(BOTTLENECK, "dense", inputs, Y)
    pig = measure_pig()
    return [
        _entry(
            "grvsnn_epoch_vs_literal",
            ours,
            "literal per-feature torch network (3 steps, scaled)",
            literal,
            MOUSE,
        ),
        _entry(
            "grvsnn_epoch_vs_bottleneck",
            ours,
            "released bottleneck network, 128 units",
            bottleneck,
            MOUSE,
        ),
        _entry(
            "grvsnn_pig_epoch",
            pig["ours"],
            "literal per-feature torch network (1 step, scaled)",
            pig["literal"],
            {**PIG, "peak_memory_gb": pig["peak"]},
        ),
    ]


def _entry(name: str, value: float, peer: str, peer_value: float, shape: dict) -> dict:
    return {
        "name": name,
        "value": value,
        "unit": "s/epoch",
        "peer": peer,
        "peer_value": peer_value,
        "ratio": peer_value / value,
        "config": {
            **shape,
            "threads": 1,
            "precision": "float32",
            "batch_size": SETTINGS.batch_size,
            "hidden": FEATURE.hidden,
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
