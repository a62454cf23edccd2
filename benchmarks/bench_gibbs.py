"""Speed of the native Gibbs sampler: milliseconds per iteration and chain, one core.

Times are processor time of the sampling thread, which other jobs on the machine disturb
little; elapsed time, equal to it on an idle machine, stands beside it. Where BGLR is
installed, it is timed in the same run, by the same clock: the mean of its iterations,
since it gives no times of each. Its quickest model is compared with our slowest.
"""

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from grvsnn.base.seeds import derive_rng
from grvsnn.methods import bglr
from grvsnn.models.gibbs.design import Design, build_design, gram_pairs
from grvsnn.models.gibbs.lanes import Target, build_group, scale_features
from grvsnn.models.gibbs.native import Kernel
from grvsnn.models.gibbs.priors import MODELS
from grvsnn.models.gibbs.sampler import (
    choose_kernel,
    iterate,
    plan_groups,
    start_hyperparameters,
)

from benchmarks.memory import peak_gb, reset_peak

# Training rows and markers: four fifths of the mouse data's 1,814 animals, and of the
# pig data's 2,314 with all traits.
MOUSE = (1451, 10346)
PIG = (1851, 52843)
# Where BGLR is not installed: BGLR 1.1.5 (R 4.2, one core of an AVX-512 server) took
# 20-25 ms per iteration and chain at the mouse shape and 125-137 ms at the pig's,
# depending on the model; the smaller number of each range is the one to beat.
BGLR_MS = {MOUSE: 20.0, PIG: 125.0}
ELSEWHERE = "BGLR 1.1.5, R 4.2, timed on another machine with AVX-512"

CASES = (
    ("gibbs_mouse_1", MOUSE, 1),
    ("gibbs_mouse_10", MOUSE, 10),
    ("gibbs_mouse_32", MOUSE, 32),
    ("gibbs_mouse_100", MOUSE, 100),
    ("gibbs_pig", PIG, 32),
)


@dataclass(frozen=True)
class Timing:
    """What one model took in one pass: ms per iteration and chain, and GB at most."""

    cpu: float
    elapsed: float
    peak_memory_gb: float


@dataclass(frozen=True)
class Peer:
    """BGLR's ms per iteration and chain, by model where it was timed in this run."""

    name: str
    milliseconds: float
    models: dict[str, float]


def run(rounds: int = 3, repeats: int = 20) -> list[dict]:
    """Time every case; a case's value is that of its slowest model.

    Parameters
    ----------
    rounds : int
        Passes over all cases, of which a model's fastest counts: a shared machine is
        slow for seconds at a time.
    repeats : int
        Iterations timed per lane group and pass, of which the fastest counts.
    """
    kernel = choose_kernel()
    timings = {(name, model): [] for name, *_ in CASES for model in MODELS}
    peers = {shape: [] for shape in BGLR_MS}
    for _ in range(rounds):
        for shape, passes in peers.items():
            if bglr.is_available():
                passes.append(time_bglr(shape, repeats))
        for name, shape, chains in CASES:
            reset_peak()
            design, targets = _problem(shape, chains)
            for model in MODELS:
                timing = time_model(design, model, targets, kernel, repeats)
                timings[name, model].append(timing)
    return [
        _entry(name, shape, chains, kernel, timings, _peer(shape, peers[shape]))
        for name, shape, chains in CASES
    ]


def _peer(shape: tuple[int, int], passes: list[dict[str, str]]) -> Peer:
    """BGLR's quickest model, in the fastest pass of each, or the constant."""
    if not passes:
        return Peer(ELSEWHERE, BGLR_MS[shape], {})
    models = {model: min(float(found[model]) for found in passes) for model in MODELS}
    name = f"BGLR {passes[0]['BGLR']}, R {passes[0]['R']}, in the same run"
    return Peer(name, min(models.values()), models)


def time_bglr(shape: tuple[int, int], iterations: int) -> dict[str, str]:
    """Time BGLR in a process of its own: versions, and ms per iteration by model."""
    script = Path(__file__).with_name("time_bglr.R")
    library = bglr.r_library()
    result = subprocess.run(
        ["Rscript", str(script), *map(str, shape), str(iterations)],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **({"R_LIBS": str(library)} if library else {}),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in result.stdout.splitlines())


def _entry(
    name: str,
    shape: tuple[int, int],
    chains: int,
    kernel: Kernel,
    timings: dict[tuple[str, str], list[Timing]],
    peer: Peer,
) -> dict:
    fastest = {
        model: min(timings[name, model], key=lambda timing: timing.cpu)
        for model in MODELS
    }
    value = max(timing.cpu for timing in fastest.values())
    return {
        "name": name,
        "value": value,
        "unit": "ms per iteration and chain",
        "peer": peer.name,
        "peer_value": peer.milliseconds,
        "ratio": peer.milliseconds / value,
        "config": {
            "rows": shape[0],
            "markers": shape[1],
            "chains": chains,
            "threads": 1,
            "kernel": kernel.name,
            "cpu": cpu_model(),
            "models_ms": {model: timing.cpu for model, timing in fastest.items()},
            "bglr_models_ms": peer.models,
            "elapsed_ms": {model: timing.elapsed for model, timing in fastest.items()},
            "peak_memory_gb": max(t.peak_memory_gb for t in fastest.values()),
        },
    }


def _problem(shape: tuple[int, int], chains: int) -> tuple[Design, list[Target]]:
    """Random genotypes, and phenotypes for as many chains over all rows."""
    rng = derive_rng("bench_gibbs", *shape)
    n, p = shape
    genotypes = rng.binomial(2, rng.uniform(0.05, 0.5, p), (n, p)).astype(np.int8)
    everyone = np.ones(n, bool)
    targets = [
        Target(y=rng.standard_normal(n), train=everyone, seeds=(seed,))
        for seed in range(chains)
    ]
    return build_design(genotypes, np.empty((n, 0)), np.arange(n), False), targets


def time_model(
    design: Design, model: str, targets: list[Target], kernel: Kernel, repeats: int
) -> Timing:
    """Fastest iteration over all lane groups."""
    scalings = scale_features(design, targets[:1]) * len(targets)
    gram = gram_pairs(design, targets[0].used[None])
    total = np.zeros(2)
    for members in plan_groups(len(targets), 1, 1, kernel.max_lanes):
        part = [targets[i] for i in members]
        scaled = scalings[: len(part)]
        columns = [0] * len(part)
        group = build_group(design, model, part, scaled, gram, columns)
        hyper = start_hyperparameters(group, part, scaled)
        seconds = []
        for _ in range(repeats):
            start = np.array([time.thread_time(), time.perf_counter()])
            iterate(group, hyper, kernel)
            seconds.append([time.thread_time(), time.perf_counter()] - start)
        total += np.min(seconds, axis=0)
    cpu, elapsed = 1e3 * total / len(targets)
    return Timing(float(cpu), float(elapsed), peak_gb())


def cpu_model() -> str:
    """Name of the processor, and whether it has AVX-512."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line for line in text.splitlines() if line.startswith("model name")]
    name = names[0].split(":")[1].strip() if names else platform.machine()
    return f"{name}, {'with' if 'avx512f' in text else 'without'} AVX-512"


def main() -> None:
    """Print a table."""
    print(
        "| case | ms | BGLR | ratio | by model | peak GB |\n|---|---|---|---|---|---|"
    )
    for entry in run():
        config = entry["config"]
        models = ", ".join(f"{k} {v:.2f}" for k, v in config["models_ms"].items())
        print(
            f"| {entry['name']} | {entry['value']:.2f} | {entry['peer_value']:.0f} "
            f"| {entry['ratio']:.1f} | {models} | {config['peak_memory_gb']:.2f} |"
        )
    print(f"\n{config['cpu']}, kernel {config['kernel']}, one thread; {entry['peer']}")


if __name__ == "__main__":
    main()
