"""An epoch of LassoNet at the mouse data's size, by this project and by the package.

Both train the same network from the same weights on all rows at once, on one core, and
report the same losses; the dense network and a path of penalties are timed apart.
"""

import time

import numpy as np
import torch
from grvsnn.models.lassonet.recipe import Options, Setting
from grvsnn.models.lassonet.regressor import (
    FastLassoNet,
    MaskedLassoNet,
    make_regressor,
)

MOUSE = {"n_rows": 1161, "n_validation": 290, "n_features": 10_346, "n_traits": 2}
EPOCHS = (100, 30)  # of the dense network and of each penalty, as the method has them
PENALTIES = (2.0, 4.0, 8.0)


def run() -> list[dict]:
    """Return all benchmarks of this file."""
    torch.set_num_threads(1)
    found = {kind: measure(kind) for kind in (FastLassoNet, MaskedLassoNet)}
    entries = []
    for i, part in enumerate(("dense", "path")):
        ours, package = found[FastLassoNet][i], found[MaskedLassoNet][i]
        entries.append(
            {
                "name": f"lassonet_epoch_vs_package_{part}",
                "value": 1e3 * ours,
                "unit": "ms",
                "peer": "package lassonet",
                "peer_value": 1e3 * package,
                "ratio": package / ours,
                "config": MOUSE,
            }
        )
    return entries


def measure(kind: type[MaskedLassoNet], repeats: int = 2) -> tuple[float, float]:
    """CPU seconds of an epoch of the dense network and of the path: best of two."""
    (X, Y), (X_val, Y_val) = simulate()
    options = Options(n_iters=EPOCHS, patience=EPOCHS)
    best = np.full(2, np.inf)
    for _ in range(repeats):
        setting = Setting(1.0, options.hidden_dims, None)
        regressor = make_regressor(options, setting, 1, torch.device("cpu"), kind)
        marks = [time.process_time()]
        regressor.path(
            X,
            Y,
            X_val=X_val,
            y_val=Y_val,
            lambda_seq=PENALTIES,
            callback=lambda *_, marks=marks: marks.append(time.process_time()),
            disable_lambda_warning=True,
        )
        dense, *penalties = np.diff(marks)
        each = [dense / EPOCHS[0], np.mean(penalties) / EPOCHS[1]]
        best = np.minimum(best, each)
    return float(best[0]), float(best[1])


def simulate() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Standardised dosages and traits of twenty loci, for training and validation."""
    rng = np.random.default_rng(1)
    n = MOUSE["n_rows"] + MOUSE["n_validation"]
    frequency = rng.uniform(0.05, 0.5, MOUSE["n_features"])
    X = rng.binomial(2, frequency, (n, MOUSE["n_features"])).astype(np.float32)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    Y = X[:, :20] @ rng.normal(size=(20, MOUSE["n_traits"])) / 5
    Y = (Y + rng.normal(size=Y.shape)).astype(np.float32)
    cut = MOUSE["n_rows"]
    return (X[:cut], Y[:cut]), (X[cut:], Y[cut:])
