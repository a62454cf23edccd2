"""The networks on a CUDA card against one core, and how far their predictions differ.

Folds have the mouse data's size; hyper-parameters are fixed, so that both devices train
the same networks from the same weights. Where no card is, there is nothing to measure.
"""

import time

import numpy as np
import torch
from grvsnn.methods import grvsnn, lassonet
from grvsnn.protocol.fold_task import FoldTask

MOUSE = {"n_animals": 1814, "n_markers": 10_346, "n_loadings": 169, "n_traits": 2}
N_FOLDS = 5
METHODS = {
    "grvsnn": (grvsnn, {"n_trials": 0, "max_epochs": 60, "patience": 60}),
    "lassonet": (lassonet, {"M": [1.0], "max_lambdas": 10, "path_patience": 10}),
}


def run() -> list[dict]:
    """Return all benchmarks of this file, a method each."""
    if not torch.cuda.is_available():
        print("  no CUDA card here: nothing to measure")
        return []
    torch.set_num_threads(1)
    entries = []
    for name, (module, params) in METHODS.items():
        task = simulate(name)
        # the first fit on a card loads its libraries
        module.fit([task], {**params, **shortest(name), "device": "cuda"}, 1)
        fits, seconds = {}, {}
        for device in ("cuda", "cpu"):
            start = time.perf_counter()
            (fits[device],) = module.fit([task], {**params, "device": device}, 1)
            seconds[device] = time.perf_counter() - start
        entries.append(
            {
                "name": f"{name}_fold_on_a_card",
                "value": seconds["cuda"],
                "unit": "s",
                "peer": "one core",
                "peer_value": seconds["cpu"],
                "ratio": seconds["cpu"] / seconds["cuda"],
                "config": {
                    **MOUSE,
                    "card": torch.cuda.get_device_name(),
                    **agreement(fits["cuda"].predicted, fits["cpu"].predicted),
                },
            }
        )
        print(f"  {name}: {entries[-1]['config']}", flush=True)
    return entries


def shortest(name: str) -> dict[str, object]:
    """Parameters of a fit that only loads a card's libraries."""
    return {"grvsnn": {"max_epochs": 1}, "lassonet": {"n_iters": [1, 1]}}[name]


def agreement(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Largest difference of predictions in SD of the trait, and least correlation."""
    pairs = zip(first.T, second.T, strict=True)
    r = min(float(np.corrcoef(*pair)[0, 1]) for pair in pairs)
    return {"largest_difference": float(np.abs(first - second).max()), "least_r": r}


def simulate(method: str) -> FoldTask:
    """One fold of full-sib families with additive traits, half of them genetic."""
    rng = np.random.default_rng(1)
    n, p = MOUSE["n_animals"], MOUSE["n_markers"]
    family = rng.integers(MOUSE["n_loadings"], size=n)
    frequency = rng.uniform(0.1, 0.9, p)
    parents = rng.binomial(1, frequency, (MOUSE["n_loadings"], 4, p)).astype(np.int8)
    alleles = [
        np.where(rng.random((n, p)) < 0.5, parents[family, k], parents[family, k + 1])
        for k in (0, 2)
    ]
    genotypes = (alleles[0] + alleles[1]).astype(np.int8)
    value = genotypes[:, :100] @ rng.normal(size=(100, MOUSE["n_traits"]))
    Y = value / value.std(axis=0) + rng.normal(size=value.shape)
    test = np.arange(0, n, N_FOLDS)
    train = np.setdiff1d(np.arange(n), test)
    Y = (Y - Y[train].mean(axis=0)) / Y[train].std(axis=0)
    Y[test] = np.nan
    loadings = np.equal.outer(family, np.arange(MOUSE["n_loadings"])) * np.sqrt(0.5)
    names = [f"f{j}" for j in range(p + MOUSE["n_loadings"])]
    inner = tuple(
        (train[np.arange(len(train)) % N_FOLDS != k], train[k::N_FOLDS])
        for k in range(N_FOLDS)
    )
    return FoldTask(
        dataset="mouse_size",
        setting="markers_pedigree",
        method=method,
        repeat=1,
        fold=1,
        seed=1,
        traits=tuple(f"t{t}" for t in range(MOUSE["n_traits"])),
        sample_ids=np.array([f"a{i}" for i in range(n)]),
        Y=Y,
        genotypes=genotypes,
        loadings=loadings,
        feature_names=np.array(names),
        train=train,
        test=test,
        inner_splits=inner,
    )
