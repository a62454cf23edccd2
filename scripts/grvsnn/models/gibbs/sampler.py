"""Many Gibbs chains at once: plan lane groups, run them, summarise."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_rng
from grvsnn.models.gibbs.design import Design, gram_pairs
from grvsnn.models.gibbs.hyper import Hyperparameters
from grvsnn.models.gibbs.lanes import (
    MAX_LANES,
    WIDTH,
    LaneGroup,
    Scaling,
    Target,
    build_group,
    scale_features,
    target_prior,
)
from grvsnn.models.gibbs.native import Kernel, native_kernel
from grvsnn.models.gibbs.posterior import Posterior, Recorder

logger = logging.getLogger(__name__)

# Residuals drift by rounding, 4e-5 of their size in so many iterations.
REFRESH = 100


@dataclass(frozen=True)
class Settings:
    """Length of the chains and what is reported.

    Parameters
    ----------
    n_iter, burn_in, thin : int
        Iterations in all, those not recorded, and every how many-th is.
    interval : float
        Probability inside the credible interval.
    """

    n_iter: int = 6000
    burn_in: int = 2000
    thin: int = 5
    interval: float = 0.95

    def __post_init__(self):
        if not 0 <= self.burn_in < self.n_iter or self.thin < 1:
            raise InputError(
                f"n_iter {self.n_iter}, burn_in {self.burn_in}, thin {self.thin}: "
                "need 0 <= burn_in < n_iter and thin >= 1"
            )
        if self.n_draws < 2:
            raise InputError(
                f"only {self.n_draws} draws would be recorded: "
                "raise n_iter or lower thin"
            )
        if not 0 < self.interval < 1:
            raise InputError(f"interval {self.interval} must lie between 0 and 1")

    @property
    def n_draws(self) -> int:
        """Draws recorded per chain: iterations after burn-in divisible by thin."""
        return self.n_iter // self.thin - self.burn_in // self.thin


def choose_kernel(name: str = "auto") -> Kernel:
    """Return kernel "c", "numba", or for "auto" C where it can be built."""
    kernel = None if name == "numba" else native_kernel()
    if kernel is None and name == "c":
        raise InputError(
            "kernel: c needs a C compiler (cc, gcc or clang); install one or use auto"
        )
    if kernel is None:
        # loaded where it is used: a job's facts list what it has loaded
        from grvsnn.models.gibbs.fallback import NumbaKernel

        return NumbaKernel()
    return kernel


def sample(
    design: Design,
    model: str,
    targets: Sequence[Target],
    settings: Settings,
    n_threads: int = 1,
    kernel: Kernel | None = None,
) -> list[Posterior]:
    """Sample the posterior of every target.

    A chain's draws depend on its target and seed only, not on which others are sampled
    with it nor on the number of threads.

    Parameters
    ----------
    design : Design
        Features of the animals.
    model : {"brr", "blasso", "bayescpi", "bayesr"}
        Model.
    targets : sequence of Target
        Phenotypes; all with the same number of seeds (chains).
    settings : Settings
        Length of the chains.
    n_threads : int
        Lane groups that run side by side.
    kernel : Kernel, optional
        `choose_kernel()` by default.

    Returns
    -------
    list of Posterior
        In the order of `targets`.
    """
    kernel = kernel or choose_kernel()
    repeats = len(targets[0].seeds)
    # sets of rows whose products within blocks the chains need, each with its patch
    keys = [(target.used.tobytes(), id(target.patch)) for target in targets]
    first = {key: keys.index(key) for key in keys}
    which = [list(first).index(key) for key in keys]
    masks = np.array([targets[i].used for i in first.values()])
    with threadpool_limits(1, "blas"):
        scalings = scale_features(design, targets)
        gram = gram_pairs(design, masks, [targets[i].patch for i in first.values()])

    def run(members: range) -> list[Posterior]:
        part = [targets[i] for i in members]
        scaled = [scalings[i] for i in members]
        sets = which[members.start : members.stop]
        group = build_group(design, model, part, scaled, gram, sets)
        return run_group(group, part, scaled, settings, kernel)

    groups = plan_groups(len(targets), repeats, n_threads, kernel.max_lanes)
    with (
        # the fallback's BLAS calls come from our threads and must not start others
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(max_workers=n_threads) as pool,
    ):
        return [posterior for part in pool.map(run, groups) for posterior in part]


def plan_groups(
    n_targets: int, repeats: int, n_threads: int, max_lanes: int = MAX_LANES
) -> list[range]:
    """Divide targets among lane groups; a target's chains share a group.

    Wide groups are the faster ones per chain; narrow ones only where that keeps all
    threads busy.
    """
    if repeats > max_lanes:
        raise InputError(f"n_chains {repeats} exceeds the {max_lanes} lanes of a group")
    narrow, wide = WIDTH // repeats, max_lanes // repeats
    size = narrow if 0 < n_targets <= narrow * n_threads else wide
    return [range(i, min(i + size, n_targets)) for i in range(0, n_targets, size)]


def run_group(
    group: LaneGroup,
    targets: Sequence[Target],
    scalings: Sequence[Scaling],
    settings: Settings,
    kernel: Kernel,
) -> list[Posterior]:
    """Run a group's chains from start to end and summarise them."""
    repeats = len(targets[0].seeds)
    hyper = start_hyperparameters(group, targets, scalings)
    recorder = Recorder(group, kernel, settings.n_draws, repeats, settings.interval)
    progress = _Progress(settings.n_iter, len(targets) * repeats, group.model)
    for iteration in range(1, settings.n_iter + 1):
        iterate(group, hyper, kernel)
        if iteration % REFRESH == 0:
            kernel.refresh(group)
        if iteration > settings.burn_in and iteration % settings.thin == 0:
            recorder.add(hyper.traced())
        progress.log(iteration)
    return [
        recorder.posterior(number, target, scaling)
        for number, (target, scaling) in enumerate(zip(targets, scalings, strict=True))
    ]


def start_hyperparameters(
    group: LaneGroup, targets: Sequence[Target], scalings: Sequence[Scaling]
) -> Hyperparameters:
    """Start values of a group's chains, in the group's order of lanes."""
    repeats = len(targets[0].seeds)
    pairs = [
        target_prior(group.design, group.model, target, scaling)
        for target, scaling in zip(targets, scalings, strict=True)
    ]
    y = [target.y[target.used] for target in targets]
    hyper = Hyperparameters(
        model=group.model,
        priors=[prior for prior, _ in pairs for _ in range(repeats)],
        counts=np.repeat([counts for _, counts in pairs], repeats, axis=0).T,
        n_used=np.repeat([float(len(values)) for values in y], repeats),
        y_mean=np.repeat([values.mean() for values in y], repeats),
        generators=[
            derive_rng(seed, "variances") for target in targets for seed in target.seeds
        ],
    )
    hyper.start(group)
    return hyper


def iterate(group: LaneGroup, hyper: Hyperparameters, kernel: Kernel) -> None:
    """One iteration in BGLR's order: intercept, effects, variances, residual's last."""
    hyper.draw_mean()
    hyper.publish(group)
    kernel.sweep(group)
    hyper.draw_variances(group)


class _Progress:
    """A log line with speed and remaining time, ten per run."""

    def __init__(self, n_iter: int, chains: int, model: str):
        self.n_iter, self.chains, self.model = n_iter, chains, model
        self.every = max(n_iter // 10, 1)
        self.start = time.perf_counter()

    def log(self, iteration: int) -> None:
        if iteration % self.every:
            return
        each = (time.perf_counter() - self.start) / iteration
        logger.info(
            "%s: iteration %d of %d, %d chains, %.2f ms per iteration and chain, "
            "%.0f s to go",
            self.model,
            iteration,
            self.n_iter,
            self.chains,
            1e3 * each / self.chains,
            each * (self.n_iter - iteration),
        )
