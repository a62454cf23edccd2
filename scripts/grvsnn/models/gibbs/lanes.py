"""The arrays of one group of chains, a chain per SIMD lane."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grvsnn.base.seeds import derive_seed
from grvsnn.models.gibbs.design import (
    BLOCK,
    CONSTANT,
    PAIRS,
    Design,
    Patch,
    column_sums,
    patch_sums,
)
from grvsnn.models.gibbs.priors import Prior, default_prior
from grvsnn.protocol.fold_task import UNSEEN

WIDTH = 16
PER_EFFECT = ("blasso", "bayesr")
"""Models with a variance for each effect."""
MAX_LANES = 2 * WIDTH
CLASSES = ("small", "medium", "large")
"""BayesR's effects that are not zero."""
SUMS = ("squares", "included", "tau2", "scaled_squares", *CLASSES)


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
    patch : Patch, optional
        Where its features differ from the design's; targets of a fold share it.
    """

    y: np.ndarray
    train: np.ndarray
    seeds: tuple[int, ...]
    prior: Prior | None = None
    patch: Patch | None = None

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
    sets: dict[tuple, np.ndarray] = {}
    keys = []
    for target in targets:
        rows = (target.used, target.train, np.ones_like(target.train))
        keys.append([(mask.tobytes(), id(target.patch)) for mask in rows])
        sets |= {
            key: (mask, target.patch) for key, mask in zip(keys[-1], rows, strict=True)
        }
    moments = _set_moments(design, sets)
    return [_scaling(*(moments[key] for key in mine)) for mine in keys]


def _set_moments(
    design: Design, sets: dict[tuple, tuple[np.ndarray, Patch | None]]
) -> dict[tuple, tuple[int, np.ndarray, np.ndarray]]:
    """Size, means and variances of sets of rows, each with its patch."""
    masks, which = np.unique(
        [mask for mask, _ in sets.values()], axis=0, return_inverse=True
    )
    totals, squares = column_sums(design, masks)
    moments = {}
    for (key, (mask, patch)), at in zip(sets.items(), which, strict=True):
        total, square = totals[at], squares[at]
        if patch:
            more = patch_sums(design, patch, mask)
            total, square = total + more[0], square + more[1]
        count = int(mask.sum())
        mean = total / count
        moments[key] = count, mean, np.maximum(square / count - mean**2, 0.0)
    return moments


def _scaling(used: tuple, train: tuple, everyone: tuple) -> Scaling:
    """Scaling from (size, means, variances) of three sets of rows."""
    count, mean, variance = used
    least = np.maximum(CONSTANT, UNSEEN**2 * everyone[2])
    varies = (train[2] > least) & (variance > CONSTANT)
    sd = np.sqrt(np.where(varies, train[2], 1.0))
    return Scaling(mean, sd, np.where(varies, count * variance / sd**2, 0.0))


@dataclass(frozen=True, eq=False)
class LaneGroup:
    """Arrays that the kernels read and write; lanes are the last axis.

    Slots are the design's columns, padding included. All float32 unless said otherwise.

    Parameters
    ----------
    design : Design
        Features, shared by all groups.
    model : {"brr", "blasso", "bayescpi", "bayesr"}
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
        Effects of standardised features; the lasso's 1/tau2, or for BayesR one over the
        share of the effect's class, 0 for zero (a block's rows otherwise).
    residual, residual_sum : ndarray, shapes (padded_rows, lanes), (lanes,)
        Uncentred residual and its sum.
    rng : ndarray of uint32, shape (4, lanes)
        State of each lane's generator.
    var_e : ndarray, shape (lanes,)
        Residual variance.
    ratio, logit_pi, lambda_ : ndarray, shape (2, lanes)
        Each term's var_e/var_b, log odds of inclusion, and lambda.
    log_odds : ndarray, shape (2, 3, lanes)
        Log odds of each of BayesR's classes against zero.
    residual_square : ndarray of float64, shape (lanes,)
        e'e apart from the intercept's share.
    term_sums : ndarray of float64, shape (2, 7, lanes)
        Sums over a term's features in the order of `SUMS`.
    patch_start : ndarray of int32, shape (blocks + 1,)
        First patched cell of each block.
    patch_cells : ndarray of int32, shape (4, n_cells)
        Row, column in the block, first lane and last lane + 1 of each patched cell, by
        block and then by row.
    patch_delta : ndarray, shape (n_cells,)
        What the lanes' feature has more than the design's in that cell.
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
    log_odds: np.ndarray
    lambda_: np.ndarray
    residual_square: np.ndarray
    term_sums: np.ndarray
    patch_start: np.ndarray
    patch_cells: np.ndarray
    patch_delta: np.ndarray

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
    group = _empty_group(design, model, lanes, *_patch_arrays(design, targets))
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


def _patch_arrays(
    design: Design, targets: Sequence[Target]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patches of a group's targets as the kernels read them."""
    cells, delta, lane = [], [], 0
    for target in targets:
        end = lane + len(target.seeds)
        if patch := target.patch:
            lanes = np.full((2, len(patch.rows)), [[lane], [end]])
            cells.append(np.vstack([patch.slots, patch.rows, lanes]))
            delta.append(patch.delta)
        lane = end
    slots, rows, first, end = np.hstack(cells or [np.empty((4, 0), int)])
    block, column = np.divmod(slots, BLOCK)
    order = np.lexsort((rows, block))
    return (
        np.searchsorted(block[order], np.arange(design.n_blocks + 1)).astype(np.int32),
        np.array([rows, column, first, end], np.int32)[:, order].copy(),
        np.concatenate(delta or [np.empty(0)])[order].astype(np.float32),
    )


def _empty_group(
    design: Design, model: str, lanes: int, *patches: np.ndarray
) -> LaneGroup:
    slots, rows = design.n_slots, design.padded_rows
    patch_start, patch_cells, patch_delta = patches
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
        inverse_tau2=aligned_zeros((slots if model in PER_EFFECT else BLOCK, lanes)),
        residual=aligned_zeros((rows, lanes)),
        residual_sum=aligned_zeros((lanes,)),
        rng=aligned_zeros((4, lanes), np.uint32),
        var_e=aligned_zeros((lanes,)),
        ratio=aligned_zeros((2, lanes)),
        logit_pi=aligned_zeros((2, lanes)),
        log_odds=aligned_zeros((2, len(CLASSES), lanes)),
        lambda_=aligned_zeros((2, lanes)),
        residual_square=aligned_zeros((lanes,), np.float64),
        term_sums=aligned_zeros((2, len(SUMS), lanes), np.float64),
        patch_start=patch_start,
        patch_cells=patch_cells,
        patch_delta=patch_delta,
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
