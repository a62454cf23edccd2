"""Pedigree loadings without A, against the dense route in the same run.

``loadings_pig_vs_dense`` and ``loadings_10k_vs_dense`` time the leading eigenpairs from
the pedigree against building A and decomposing it whole (numpy's `eigh`).
``loadings_million`` and its smaller companions show the cost for 10^4, 10^5 and 10^6
simulated animals, where the dense route is out of reach. ``loadings_average_rule`` is
the default rank rule for 1,000 genotyped of 10^6 animals.
"""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from grvsnn.pedigree.loadings import eigen_loadings, pedigree_eigenpairs
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import relationship_matrix
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_pedigree

from benchmarks.memory import peak_gb, reset_peak

TOLERANCE = 1e-9


def run() -> list[dict]:
    """Run every loadings benchmark; one record each."""
    warm_up()
    pig, source = read_pig_pedigree()
    records = [
        compare_with_dense("loadings_pig_vs_dense", pig, 797, source),
        compare_with_dense(
            "loadings_10k_vs_dense", make_herd(10_000), 200, "simulated"
        ),
    ]
    records += [time_alone(size, 200) for size in (10**4, 10**5, 10**6)]
    return [*records, time_average_rule(10**6)]


def warm_up() -> None:
    """Compile the sweeps before anything is timed."""
    pedigree_eigenpairs(make_herd(1_000), np.arange(10), 5)


def make_herd(n_animals: int) -> Pedigree:
    """Simulate a pedigree of 10 generations, 10 dams per sire and litters of 5."""
    n_sires = max(n_animals // 500, 1)
    params = SimulationParams(
        n_generations=10, n_sires=n_sires, dams_per_sire=10, litter_size=5
    )
    return simulate_pedigree(params, seed=1)[0]


def read_pig_pedigree() -> tuple[Pedigree, str]:
    """Take the real pedigree where the mirror has it, else a simulated one its size."""
    folder = os.environ.get("GRVSNN_DATA_MIRROR")
    path = Path(folder or ".") / "pig" / "pedigree.txt"
    if folder and path.exists():
        frame = pd.read_csv(path, dtype=str)
        frame.columns = ["id", "sire", "dam"]
        return Pedigree.from_frame(frame, source=str(path)), "Cleveland 2012"
    return make_herd(6_473), "simulated, the mirror has no pig pedigree"


def compare_with_dense(name: str, pedigree: Pedigree, m: int, source: str) -> dict:
    """Seconds of both routes, and how far their results are apart."""
    started = time.perf_counter()
    everyone = np.arange(len(pedigree))
    values, Q, _ = pedigree_eigenpairs(pedigree, everyone, m, TOLERANCE)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    dense_values, dense_Q = np.linalg.eigh(relationship_matrix(pedigree))
    dense_seconds = time.perf_counter() - started
    dense_values, dense_Q = dense_values[::-1][:m], dense_Q[:, ::-1][:, :m]
    gap = difference_of_products(Q * np.sqrt(values), dense_Q * np.sqrt(dense_values))
    return {
        "name": name,
        "value": seconds,
        "unit": "s",
        "peer": "dense A and numpy.linalg.eigh",
        "peer_value": dense_seconds,
        "ratio": dense_seconds / seconds,
        "config": {
            **describe(pedigree, m),
            "pedigree": source,
            "eigenvalues_apart": float(np.max(np.abs(values / dense_values - 1))),
            "products_apart": gap,
        },
    }


def difference_of_products(L: np.ndarray, other: np.ndarray) -> float:
    """Largest entry of |L L' - other other'|, in blocks of rows."""
    return max(
        float(np.abs(L[i : i + 500] @ L.T - other[i : i + 500] @ other.T).max())
        for i in range(0, len(L), 500)
    )


def time_alone(n_animals: int, m: int) -> dict:
    """Seconds and peak memory of a pedigree too large for the dense route."""
    reset_peak()
    pedigree = make_herd(n_animals)
    youngest = np.arange(len(pedigree) - 1000, len(pedigree))
    started = time.perf_counter()
    values, Q, trace = pedigree_eigenpairs(pedigree, youngest, m, TOLERANCE)
    seconds = time.perf_counter() - started
    power = f"10^{round(np.log10(n_animals))}"
    return {
        "name": "loadings_million" if n_animals == 10**6 else f"loadings_{power}",
        "value": seconds,
        "unit": "s",
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "config": {
            **describe(pedigree, m),
            "pedigree": "simulated",
            "n_genotyped": len(Q),
            "share_of_trace": float(values.sum() / trace),
            "peak_memory_gb": peak_gb(),
        },
    }


def time_average_rule(n_animals: int) -> dict:
    """Seconds of rule ``average`` for the youngest 1,000 of a large pedigree."""
    reset_peak()
    pedigree = make_herd(n_animals)
    youngest = np.arange(len(pedigree) - 1000, len(pedigree))
    started = time.perf_counter()
    result = eigen_loadings(pedigree, youngest, "average")
    return {
        "name": "loadings_average_rule",
        "value": time.perf_counter() - started,
        "unit": "s",
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "config": {
            **describe(pedigree, result.rank),
            "pedigree": "simulated",
            "n_genotyped": len(youngest),
            "share_of_trace": result.evidence["share"],
            "peak_memory_gb": peak_gb(),
        },
    }


def describe(pedigree: Pedigree, m: int) -> dict:
    """Size of the problem and the stated tolerance."""
    return {
        "n_animals": len(pedigree),
        "n_vectors": m,
        "generations": int(pedigree.generation.max()) + 1,
        "tolerance": TOLERANCE,
    }


if __name__ == "__main__":
    for record in run():
        print(record)
