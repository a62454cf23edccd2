"""The arrays of one group of chains, a chain per SIMD lane."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grvsnn.gibbs.design import BLOCK, CONSTANT, PAIRS, Design, column_sums
from grvsnn.gibbs.priors import Prior, default_prior
from grvsnn.seeds import derive_seed
from grvsnn.tasks import UNSEEN

WIDTH = 16
MAX_LANES = 2 * WIDTH
SUMS = ("squares", "included", "tau2", "scaled_squares")


@dataclass(frozen=True, eq=False)
class Target:
    """One phenotype to fit, by as many chains as it has seeds.

    Parameters
    ----------
    y : ndarray of float64, shape (n_rows,)
        Phenotypes in the design's rows; NaN marks rows the chains do not see.
    train : ndarray of bool, shape (n_rows,)
        Training rows of the fold, missing phenotypes included: features are scaled by
        their standard deviation over these rows.
    seeds : tuple of int
        One chain per seed.
    prior : Prior, optional
        In place of BGLR's default rules.
    """

    y: np.ndarray
    train: np.ndarray
    seeds: tuple[int, ...]
    prior: Prior | None = None

    @property
    def used(self) -> np.ndarray:
        """Rows with a phenotype."""
        return np.isfinite(self.y)


@dataclass(frozen=True, eq=False)
class Scaling:
    """How one target's features are standardised, in units of the design's codes.

    x~_j = (code_j - mean_j) / sd_j with the mean over the rows with a phenotype and the
    standard deviation over the fold's training rows. The intercept's prior is flat, so
    centring by the rows in use changes nothing but makes it independent of the effects.
    """

    mean: np.ndarray
    sd: np.ndarray
    x2: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """Features that vary; the others keep effect 0 and are not counted."""
        return self.x2 > 0


def scale_features(design: Design, targets: Sequence[Target]) -> list[Scaling]:
    """Moments of the features for every target."""
    n = len(targets)
    rows = [target.used for target in targets] + [target.train for target in targets]
    everyone = np.ones_like(rows[0])
    masks, which = np.unique([*rows, everyone], axis=0, return_inverse=True)
    total, square = column_sums(design, masks)
    count = masks.sum(axis=1, keepdims=True)
    mean = total / count
    variance = np.maximum(square / count - mean**2, 0.0)
    least = np.maximum(CONSTANT, UNSEEN**2 * variance[which[-1]])
    scalings = []
    for used, train in zip(which[:n], which[n:-1], strict=True):
        varies = (variance[train] > least) & (variance[used] > CONSTANT)
        sd = np.sqrt(np.where(varies, variance[train], 1.0))
        x2 = np.where(varies, count[used] * variance[used] / sd**2, 0.0)
        scalings.append(Scaling(mean[used], sd, x2))
    return scalings


@dataclass(frozen=True, eq=False)
class LaneGroup:
    """Arrays that the kernels read and write; lanes are the last axis.

    Slots are the design's columns, padding included. All float32 unless said otherwise.

    Parameters
    ----------
    design : Design
        Features, shared by all groups.
    model : {"brr", "blasso", "bayescpi"}
        Model.
    mask : ndarray of int8, shape (padded_rows, lanes)
        -1 in a lane's rows, else 0.
    n_used : ndarray, shape (lanes,)
        Rows of each lane.
    target : ndarray, shape (padded_rows, lanes)
        Phenotype minus its mean; 0 outside the lane's rows.
    gram : ndarray, shape (blocks, 496, lanes)
        Cross products of codes within blocks over the lane's rows.
    shift, inverse_sd, x2 : ndarray, shape (slots, lanes)
        Feature mean, inverse scale (0 leaves the feature out), sum of squares.
    effect, inverse_tau2 : ndarray, shape (slots, lanes)
        Effects of standardised features; the lasso's 1/tau2 (one row otherwise).
    residual, residual_sum : ndarray, shapes (padded_rows, lanes), (lanes,)
        Uncentred residual and its sum.
    rng : ndarray of uint32, shape (4, lanes)
        State of each lane's generator.
    var_e : ndarray, shape (lanes,)
        Residual variance.
    ratio, logit_pi, lambda_ : ndarray, shape (2, lanes)
        Each term's var_e/var_b, log odds of inclusion, and lambda.
    residual_square : ndarray of float64, shape (lanes,)
        e'e apart from the intercept's share.
    term_sums : ndarray of float64, shape (2, 4, lanes)
        Sums over a term's features in the order of `SUMS`.
    """

    design: Design
    model: str
    mask: np.ndarray
    n_used: np.ndarray
    target: np.ndarray
    gram: np.ndarray
    shift: np.ndarray
    inverse_sd: np.ndarray
    x2: np.ndarray
    effect: np.ndarray
    inverse_tau2: np.ndarray
    residual: np.ndarray
    residual_sum: np.ndarray
    rng: np.ndarray
    var_e: np.ndarray
    ratio: np.ndarray
    logit_pi: np.ndarray
    lambda_: np.ndarray
    residual_square: np.ndarray
    term_sums: np.ndarray

    @property
    def lanes(self) -> int:
        """Lanes, unused ones included (16 or 32)."""
        return self.mask.shape[1]


def aligned_zeros(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Zeros that start on a cache line, so that no vector straddles two."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def build_group(
    design: Design,
    model: str,
    targets: Sequence[Target],
    scalings: Sequence[Scaling],
    gram: np.ndarray,
    columns: Sequence[int],
) -> LaneGroup:
    """Lay out chains in lanes: a target's chains side by side, padding last.

    Parameters
    ----------
    design, model
        As in `LaneGroup`.
    targets, scalings
        Targets of this group and their features' moments.
    gram : ndarray of float32, shape (blocks, 496, sets)
        Cross products over sets of rows.
    columns : sequence of int
        Which set is each target's.
    """
    repeats = [len(target.seeds) for target in targets]
    owner = np.repeat(np.arange(len(targets)), repeats)
    lanes = WIDTH if len(owner) <= WIDTH else MAX_LANES
    group = _empty_group(design, model, lanes)
    seeds = [seed for target in targets for seed in target.seeds]
    for lane, (number, seed) in enumerate(zip(owner, seeds, strict=True)):
        target, scaling = targets[number], scalings[number]
        used = np.flatnonzero(target.used)
        group.mask[used, lane] = -1
        group.n_used[lane] = len(used)
        group.target[used, lane] = target.y[used] - target.y[used].mean()
        group.shift[:, lane] = scaling.mean
        group.inverse_sd[:, lane] = np.where(scaling.active, 1 / scaling.sd, 0.0)
        group.x2[:, lane] = scaling.x2
        group.rng[:, lane] = np.random.SeedSequence(
            derive_seed(seed, "effects")
        ).generate_state(4)
    sets = np.asarray(columns)[owner]
    for block in range(design.n_blocks):
        group.gram[block, :, : len(owner)] = gram[block][:, sets]
    group.residual[:] = group.target
    group.residual_sum[:] = group.residual.sum(axis=0, dtype=np.float64)
    return group


def _empty_group(design: Design, model: str, lanes: int) -> LaneGroup:
    slots, rows = design.n_slots, design.padded_rows
    group = LaneGroup(
        design=design,
        model=model,
        mask=aligned_zeros((rows, lanes), np.int8),
        n_used=aligned_zeros((lanes,)),
        target=aligned_zeros((rows, lanes)),
        gram=aligned_zeros((design.n_blocks, PAIRS, lanes)),
        shift=aligned_zeros((slots, lanes)),
        inverse_sd=aligned_zeros((slots, lanes)),
        x2=aligned_zeros((slots, lanes)),
        effect=aligned_zeros((slots, lanes)),
        inverse_tau2=aligned_zeros((slots if model == "blasso" else BLOCK, lanes)),
        residual=aligned_zeros((rows, lanes)),
        residual_sum=aligned_zeros((lanes,)),
        rng=aligned_zeros((4, lanes), np.uint32),
        var_e=aligned_zeros((lanes,)),
        ratio=aligned_zeros((2, lanes)),
        logit_pi=aligned_zeros((2, lanes)),
        lambda_=aligned_zeros((2, lanes)),
        residual_square=aligned_zeros((lanes,), np.float64),
        term_sums=aligned_zeros((2, len(SUMS), lanes), np.float64),
    )
    for array in (group.var_e, group.ratio, group.lambda_, group.inverse_tau2):
        array[:] = 1.0
    return group


def target_prior(
    design: Design, model: str, target: Target, scaling: Scaling
) -> tuple[Prior, np.ndarray]:
    """Prior of a target's chains, and each term's number of varying features."""
    in_term = design.slot_term == np.arange(design.n_terms)[:, None]
    counts = (in_term & scaling.active).sum(axis=1)
    if target.prior is not None:
        return target.prior, counts
    y = target.y[target.used]
    mean_squares = in_term @ scaling.x2 / len(y)
    # a term without a varying feature has no effect to scale
    safe = np.where(mean_squares > 0, mean_squares, 1.0)
    return default_prior(model, y.var(ddof=1), safe), counts
