"""The sampler's kernel in numba and BLAS, for machines without a C compiler.

Same algorithm and the same random streams as kernel.c; products are summed in BLAS's
order, so draws agree to rounding only. See kernel.c for the algebra.
"""

import math

import numba
import numpy as np

from grvsnn.models.gibbs.design import BLOCK
from grvsnn.models.gibbs.lanes import CLASSES, SUMS, WIDTH, LaneGroup
from grvsnn.models.gibbs.priors import CLASS_SHARES, MODEL_CODE

_, BLASSO, BAYESC, BAYESR = MODEL_CODE.values()
SQUARES, INCLUDED, TAU2, SCALED_SQUARES, FIRST_CLASS = range(SUMS.index(CLASSES[0]) + 1)
INVERSE_SHARES = np.float32(1) / np.array(CLASS_SHARES, np.float32)

jit = numba.njit(nogil=True, cache=True)


@jit
def next_word(rng, lane):
    """xoshiro128++ in 64-bit arithmetic, cut back to 32 bits."""
    low = np.uint64(0xFFFFFFFF)
    s0, s1 = np.uint64(rng[0, lane]), np.uint64(rng[1, lane])
    s2, s3 = np.uint64(rng[2, lane]), np.uint64(rng[3, lane])
    word = (s0 + s3) & low
    word = ((word << np.uint64(7) | word >> np.uint64(25)) + s0) & low
    t = (s1 << np.uint64(9)) & low
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << np.uint64(11) | s3 >> np.uint64(21)) & low
    rng[0, lane], rng[1, lane] = np.uint32(s0), np.uint32(s1)
    rng[2, lane], rng[3, lane] = np.uint32(s2), np.uint32(s3)
    return word


@jit
def draw_uniforms(rng, out):
    """32 uniforms per lane, strictly inside (0, 1)."""
    for k in range(BLOCK):
        for lane in range(rng.shape[1]):
            word = next_word(rng, lane) >> np.uint64(8)
            out[k, lane] = (float(word) + 0.5) * 2.0**-24


@jit
def draw_normals(rng, out):
    """32 normals per lane by Box and Muller; k and k + 16 share two words."""
    words = np.empty((BLOCK, rng.shape[1]), np.uint64)
    for k in range(BLOCK):
        for lane in range(rng.shape[1]):
            words[k, lane] = next_word(rng, lane)
    half = BLOCK // 2
    for k in range(half):
        for lane in range(rng.shape[1]):
            first, second = words[k, lane], words[half + k, lane]
            radius = math.sqrt(
                -2.0 * math.log((float(first >> np.uint64(1)) + 0.5) * 2.0**-31)
            )
            part = float((second >> np.uint64(8)) & np.uint64(0x3FFFFF))
            angle = (part + 0.5 - 2.0**21) * (0.5 * math.pi * 2.0**-22)
            x, y = math.cos(angle), math.sin(angle)
            if second & np.uint64(0x40000000):
                x, y = y, x
            if second & np.uint64(0x80000000):
                x, y = -x, -y
            out[k, lane] = radius * x
            out[half + k, lane] = radius * y


@jit
def choose_class(q, x2, ratio, var_e, log_odds, luck):
    """Draw a class by log weights plus Gumbel noise; returns 1/share, 0 for zero."""
    best, chosen = 0.0, np.float32(0)
    zero = -math.log(-math.log(luck[0]))
    for c in range(len(INVERSE_SHARES)):
        penalty = ratio * INVERSE_SHARES[c]
        score = log_odds[c] - 0.5 * math.log1p(x2 / penalty)
        score += 0.5 * q * q / ((x2 + penalty) * var_e)
        score += -math.log(-math.log(luck[c + 1])) - zero
        if score > best:
            best, chosen = score, INVERSE_SHARES[c]
    return chosen


@jit
def draw_effects(
    model, right, gram, features, rng, scalars, n_used, residual_sum, step
):
    """Draw a block's effects in turn; `step` takes the changes of b_j/s_j."""
    shift, inverse_sd, x2, effect, inverse_tau2 = features
    var_e, ratio, logit_pi, _, log_odds = scalars
    noise = np.empty_like(step)
    draw_normals(rng, noise)
    # BayesC needs one uniform an effect, BayesR one for zero and each class
    n_uniforms = 1 if model == BAYESC else 0
    if model == BAYESR:
        n_uniforms = len(INVERSE_SHARES) + 1
    luck = np.empty((n_uniforms, *step.shape), step.dtype)
    for i in range(n_uniforms):
        draw_uniforms(rng, luck[i])
    pair = 0
    for k in range(BLOCK):
        for lane in range(step.shape[1]):
            step[k, lane] = 0.0
            if x2[k, lane] <= 0:
                continue
            old = effect[k, lane]
            q = right[k, lane] - shift[k, lane] * residual_sum[lane]
            q = q * inverse_sd[k, lane] + x2[k, lane] * old
            penalty = inverse_tau2[k, lane] if model == BLASSO else ratio[lane]
            if model == BAYESR:
                inverse_tau2[k, lane] = choose_class(
                    q,
                    x2[k, lane],
                    ratio[lane],
                    var_e[lane],
                    log_odds[:, lane],
                    luck[:, k, lane],
                )
                penalty = ratio[lane] * inverse_tau2[k, lane]
            shrink = 1.0 / (x2[k, lane] + penalty)
            drawn = q * shrink + noise[k, lane] * math.sqrt(var_e[lane] * shrink)
            if model == BAYESR and inverse_tau2[k, lane] == 0:
                drawn = 0.0
            if model == BAYESC:
                u = luck[0, k, lane]
                odds = logit_pi[lane] + 0.5 * shrink * q * q / var_e[lane]
                odds -= 0.5 * math.log1p(x2[k, lane] / ratio[lane])
                if odds <= math.log(u) - math.log1p(-u):
                    drawn = 0.0
            effect[k, lane] = drawn
            step[k, lane] = (drawn - old) * inverse_sd[k, lane]
            residual_sum[lane] -= n_used[lane] * shift[k, lane] * step[k, lane]
        for j in range(k + 1, BLOCK):
            for lane in range(step.shape[1]):
                right[j, lane] -= gram[pair, lane] * step[k, lane]
            pair += 1


@jit
def draw_tau2(rng, effect, var_e, lambda_, inverse_tau2):
    """1/tau2_j from its inverse Gaussian, by the root that does not cancel."""
    z, u = np.empty_like(effect), np.empty_like(effect)
    draw_normals(rng, z)
    draw_uniforms(rng, u)
    for k in range(BLOCK):
        for lane in range(effect.shape[1]):
            size = max(abs(effect[k, lane]), 1e-9)
            nu = math.sqrt(var_e[lane]) * lambda_[lane] / size
            w = 0.5 * nu * z[k, lane] ** 2 / lambda_[lane] ** 2
            a = 1.0 / (1.0 + w + math.sqrt(w * (2.0 + w)))
            inverse_tau2[k, lane] = nu * a if u[k, lane] * (1 + a) <= 1 else nu / a


@jit
def add_sums(model, effect, inverse_tau2, x2, total):
    """Add up what a term's hyper-parameters depend on, in double."""
    for k in range(BLOCK):
        for lane in range(effect.shape[1]):
            b = float(effect[k, lane])
            total[SQUARES, lane] += b * b
            total[INCLUDED, lane] += b != 0.0
            if model == BLASSO:
                inverse = float(inverse_tau2[k, lane])
                if x2[k, lane] > 0:
                    total[TAU2, lane] += 1.0 / inverse
                total[SCALED_SQUARES, lane] += b * b * inverse
            if model == BAYESR:
                inverse = inverse_tau2[k, lane]
                total[SCALED_SQUARES, lane] += b * b * float(inverse)
                for c in range(len(INVERSE_SHARES)):
                    total[FIRST_CLASS + c, lane] += inverse == INVERSE_SHARES[c]


@jit
def subtract(residual, mask, x, step):
    """E -= mask X_B D."""
    product = np.dot(x, step)
    for row in range(residual.shape[0]):
        for lane in range(residual.shape[1]):
            if mask[row, lane]:
                residual[row, lane] -= product[row, lane]


@jit
def subtract_cells(residual, mask, cells, delta, start, step):
    """E -= mask Delta_B D in the cells where lanes differ from the shared features."""
    for cell in range(start[0], start[1]):
        row, column, first, end = cells[:, cell]
        for lane in range(first, end):
            if mask[row, lane]:
                residual[row, lane] -= delta[cell] * step[column, lane]


@jit
def gather_cells(residual, cells, delta, start, right):
    """R += Delta_B'E."""
    for cell in range(start[0], start[1]):
        row, column, first, end = cells[:, cell]
        for lane in range(first, end):
            right[column, lane] += delta[cell] * residual[row, lane]


@jit
def sum_residuals(residual, n_used, residual_sum, residual_square):
    """S and e'e = E'E - S^2/n from scratch."""
    for lane in range(residual.shape[1]):
        total, square = 0.0, 0.0
        for row in range(residual.shape[0]):
            e = float(residual[row, lane])
            total += e
            square += e * e
        residual_sum[lane] = total
        residual_square[lane] = square - total * total / max(n_used[lane], 1.0)


@jit
def block_floats(codes, loadings, block):
    """Features of a block as floats, shape (rows, 32)."""
    if block < len(codes):
        return codes[block].astype(np.float32)
    return loadings[block - len(codes)]


@jit
def sweep(model, codes, loadings, term, rows, slots, scalars, sums):
    """One draw of every effect, block by block."""
    mask, residual, gram, patch_start, cells, delta = rows
    shift, inverse_sd, x2, effect, inverse_tau2, rng = slots
    var_e, ratio, logit_pi, lambda_, log_odds = scalars
    n_used, residual_sum, residual_square, term_sums = sums
    step = np.zeros((BLOCK, residual.shape[1]), np.float32)
    term_sums[:] = 0.0
    for block in range(len(term)):
        x = block_floats(codes, loadings, block)
        start = patch_start[block : block + 2]
        right = np.dot(x.T, residual)
        gather_cells(residual, cells, delta, start, right)
        at = slice(block * BLOCK, (block + 1) * BLOCK)
        tau = at if model == BLASSO or model == BAYESR else slice(0, BLOCK)
        t = term[block]
        features = (shift[at], inverse_sd[at], x2[at], effect[at], inverse_tau2[tau])
        own = (var_e, ratio[t], logit_pi[t], lambda_[t], log_odds[t])
        draw_effects(
            model, right, gram[block], features, rng, own, n_used, residual_sum, step
        )
        if model == BLASSO:
            draw_tau2(rng, effect[at], var_e, lambda_[t], inverse_tau2[at])
        add_sums(model, effect[at], inverse_tau2[tau], x2[at], term_sums[t])
        subtract(residual, mask, x, step)
        subtract_cells(residual, mask, cells, delta, start, step)
    sum_residuals(residual, n_used, residual_sum, residual_square)


@jit
def refresh(codes, loadings, blocks, rows, target, effect, inverse_sd, sums):
    """Residuals from scratch."""
    mask, residual, _, patch_start, cells, delta = rows
    n_used, residual_sum, residual_square, _ = sums
    residual[:] = target
    for block in range(blocks):
        at = slice(block * BLOCK, (block + 1) * BLOCK)
        x = block_floats(codes, loadings, block)
        step = effect[at] * inverse_sd[at]
        subtract(residual, mask, x, step)
        start = patch_start[block : block + 2]
        subtract_cells(residual, mask, cells, delta, start, step)
    sum_residuals(residual, n_used, residual_sum, residual_square)


@jit
def keep_tails(effect, draw, tail, cut):
    """Keep the smallest b (side 0) and the smallest -b (side 1) of every effect."""
    depth = tail.shape[3]
    for slot in range(effect.shape[0]):
        for lane in range(effect.shape[1]):
            for side in range(2):
                value = -effect[slot, lane] if side else effect[slot, lane]
                kept = tail[slot, lane, side]
                if draw <= depth:
                    kept[draw - 1] = value
                    if draw == depth:
                        cut[side, slot, lane] = kept.max()
                elif value < cut[side, slot, lane]:
                    kept[kept.argmax()] = value
                    cut[side, slot, lane] = kept.max()


class NumbaKernel:
    """The fallback kernel; compiled at its first call on a machine."""

    name = "numba"
    max_lanes = WIDTH

    def sweep(self, group: LaneGroup) -> None:
        """See `Kernel.sweep`."""
        design = group.design
        slots = (
            group.shift,
            group.inverse_sd,
            group.x2,
            group.effect,
            group.inverse_tau2,
            group.rng,
        )
        scalars = (
            group.var_e,
            group.ratio,
            group.logit_pi,
            group.lambda_,
            group.log_odds,
        )
        features = (design.codes, design.loadings, design.term)
        sweep(
            MODEL_CODE[group.model],
            *features,
            self._rows(group),
            slots,
            scalars,
            self._sums(group),
        )

    def refresh(self, group: LaneGroup) -> None:
        """See `Kernel.refresh`."""
        design = group.design
        refresh(
            design.codes,
            design.loadings,
            design.n_blocks,
            self._rows(group),
            group.target,
            group.effect,
            group.inverse_sd,
            self._sums(group),
        )

    def record(
        self,
        effect: np.ndarray,
        draw: int,
        mean: np.ndarray,
        square: np.ndarray,
        included: np.ndarray,
    ) -> None:
        """See `Kernel.record`."""
        off = effect - mean
        mean += off / np.float32(draw)
        square += off * (effect - mean)
        included += effect != 0

    def tails(
        self, effect: np.ndarray, draw: int, tail: np.ndarray, cut: np.ndarray
    ) -> None:
        """See `Kernel.tails`."""
        keep_tails(effect, draw, tail, cut)

    @staticmethod
    def _rows(group: LaneGroup) -> tuple[np.ndarray, ...]:
        return (
            group.mask,
            group.residual,
            group.gram,
            group.patch_start,
            group.patch_cells,
            group.patch_delta,
        )

    @staticmethod
    def _sums(group: LaneGroup) -> tuple[np.ndarray, ...]:
        return (
            group.n_used,
            group.residual_sum,
            group.residual_square,
            group.term_sums,
        )
