"""GRVSNN+: multiplicative effects in several regimes, stacked by inner validation.

Each marker contributes b x + c [x = 1], each loading b x, and every effect is written
as u^2 - v^2 (see `grvsnn.multiplicative`). One solution per start scale, from polygenic
to sparse, with and without dominance and loadings, is trained on every inner split;
non-negative weights, fitted to the predictions of the inner validation rows, join them.
Members, one per inner split, are averaged.
"""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch
from scipy.optimize import nnls

from grvsnn.errors import InputError
from grvsnn.inputs import Inputs, Standardiser
from grvsnn.interpretation import SELECTED_FROM
from grvsnn.methods.grvsnn import one_torch_thread
from grvsnn.multiplicative import gradient_flow
from grvsnn.tasks import FoldFit, FoldTask, column_moments, normalise_importance

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlusParams:
    """Parameters of grvsnn_plus.

    Parameters
    ----------
    start_scales : sequence of float
        alpha of the markers: 0.1 is polygenic, 0.001 sparse.
    loading_scales : sequence of float
        alpha of the loadings, each combined with every start scale.
    dominance_scales : sequence of float
        Start scales that are also tried with dominance.
    max_steps, patience : int
        Of the gradient flow.
    """

    start_scales: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003, 0.001)
    loading_scales: tuple[float, ...] = (0.03, 0.1, 0.3)
    dominance_scales: tuple[float, ...] = (0.03, 0.003)
    max_steps: int = 400
    patience: int = 10

    def __post_init__(self):
        for name in ("start_scales", "loading_scales", "dominance_scales"):
            values = getattr(self, name)
            if any(not value > 0 for value in values):
                raise InputError(f"{name}: {list(values)} must be positive")
        if not self.start_scales or not self.loading_scales:
            raise InputError("start_scales and loading_scales must not be empty")
        for name in ("max_steps", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: {getattr(self, name)} is below 1")


@dataclass(frozen=True)
class Regime:
    """Start scales of one solution: markers, their dominance, loadings."""

    additive: float
    dominance: float
    loading: float


def fit(tasks: Sequence[FoldTask], params: Mapping, n_threads: int) -> list[FoldFit]:
    """Fit GRVSNN+ to every outer fold, `n_threads` folds at a time.

    Parameters
    ----------
    tasks : sequence of FoldTask
    params : mapping
        Fields of `PlusParams`.
    n_threads : int
        Results do not depend on it.

    Returns
    -------
    list of FoldFit
    """
    settings = _check_params(params)
    with one_torch_thread(n_threads) as pool:
        return list(pool.map(lambda task: fit_fold(task, settings), tasks))


def fit_fold(task: FoldTask, settings: PlusParams) -> FoldFit:
    """Train all regimes on all inner splits, weigh them, and predict the test rows."""
    start = time.perf_counter()
    design = _Design(task)
    regimes = make_regimes(task, settings)
    validated = np.unique(np.concatenate([rows for _, rows in task.inner_splits]))
    effects, held_out, steps = _train_members(task, design, regimes, settings)
    weights = np.stack(
        [
            stack(held_out[:, t], task.Y[:, t], validated)
            for t in range(len(task.traits))
        ]
    )
    w = torch.einsum("tr,trp->pt", torch.from_numpy(weights).float(), effects)
    predicted = (design.features(task.test) @ w).double().numpy()
    train = design.features(task.train)
    importance = normalise_importance(design.contribution(train, w))
    info = {
        **asdict(settings),
        "regimes": [asdict(regime) for regime in regimes],
        "weights": weights.tolist(),
        "steps": steps.tolist(),
        "members": len(task.inner_splits),
        "inner_score": _inner_score(held_out, weights, task.Y, validated),
        "seconds": time.perf_counter() - start,
        "torch": torch.__version__,
    }
    return FoldFit(
        predicted=predicted,
        importance=importance,
        selected=importance >= SELECTED_FROM,
        info=info,
        feature_columns=design.effect_columns(w),
    )


def make_regimes(task: FoldTask, settings: PlusParams) -> list[Regime]:
    """All combinations of start scales that the task's features allow."""
    loading = settings.loading_scales if task.n_loadings else ()
    if not task.n_markers:
        return [Regime(0.0, 0.0, value) for value in loading]
    plain = [Regime(value, 0.0, 0.0) for value in settings.start_scales]
    dominant = [Regime(value, value, 0.0) for value in settings.dominance_scales]
    both = [
        Regime(regime.additive, regime.dominance, value)
        for regime, value in itertools.product(plain + dominant, loading)
    ]
    return plain + dominant + both


def stack(held_out: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Non-negative weights of the regimes' held-out predictions.

    Parameters
    ----------
    held_out : ndarray, shape (n_regimes, n_samples)
        NaN in rows that no inner split held out.
    y : ndarray, shape (n_samples,)
        Phenotype, NaN where missing.
    rows : ndarray of int
        Rows that inner splits held out; no other is read.

    Returns
    -------
    ndarray, shape (n_regimes,)
    """
    known = np.isfinite(y[rows]) & np.isfinite(held_out[:, rows]).all(axis=0)
    rows = rows[known]
    return nnls(held_out[:, rows].T, y[rows])[0]


class _Design:
    """Standardised additive, dominance and loading columns of a task."""

    def __init__(self, task: FoldTask):
        standardiser = Standardiser.fit(task.genotypes, task.loadings, task.train)
        self.inputs: Inputs = standardiser.apply(task.genotypes, task.loadings)
        self.n_markers, self.n_loadings = task.n_markers, task.n_loadings
        heterozygous = (task.genotypes == 1).astype(np.int8)
        mean, sd = column_moments(heterozygous, task.train)
        self.mean = torch.from_numpy(mean).float()
        self.scale = torch.from_numpy(np.where(sd > 0, 1 / np.maximum(sd, 1e-12), 0))
        self.scale = self.scale.float()
        # loadings keep their eigenvalues' relative sizes as prior variances
        sd = column_moments(task.loadings, task.train)[1]
        size = np.sqrt(np.mean(sd**2)) if len(sd) else 1.0
        self.relative = torch.from_numpy(sd / (size or 1.0)).float()

    def features(self, rows: np.ndarray) -> torch.Tensor:
        """Columns of some rows: additive (M), dominance (M), loadings (K)."""
        part = self.inputs.take(torch.as_tensor(rows))
        X = part.standardised()
        H = ((part.genotypes == 1).float() - self.mean) * self.scale
        return torch.cat([X[:, : self.n_markers], H, X[:, self.n_markers :]], dim=1)

    def alpha(self, regimes: Sequence[Regime]) -> torch.Tensor:
        """Start scale of every column under each regime, shape (2 M + K, C)."""
        columns = [
            torch.cat(
                [
                    torch.full((self.n_markers,), regime.additive),
                    torch.full((self.n_markers,), regime.dominance),
                    regime.loading * self.relative,
                ]
            )
            for regime in regimes
        ]
        return torch.stack(columns, dim=1)

    def contribution(self, X: torch.Tensor, w: torch.Tensor) -> np.ndarray:
        """Mean absolute contribution of every feature over rows, shape (M + K, T)."""
        M = self.n_markers
        parts = []
        for t in range(w.shape[1]):
            each = X * w[:, t]
            marker = (each[:, :M] + each[:, M : 2 * M]).abs().mean(0)
            parts.append(torch.cat([marker, each[:, 2 * M :].abs().mean(0)]))
        return torch.stack(parts, dim=1).double().numpy()

    def effect_columns(self, w: torch.Tensor) -> dict[str, np.ndarray]:
        """Additive and dominance effects per standard deviation of their columns."""
        M, w = self.n_markers, w.double().numpy()
        none = np.zeros((self.n_loadings, w.shape[1]))
        return {
            "effect": np.concatenate([w[:M], w[2 * M :]]),
            "dominance": np.concatenate([w[M : 2 * M], none]),
        }


def _train_members(
    task: FoldTask, design: _Design, regimes: Sequence[Regime], settings: PlusParams
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Mean effects (T, R, P), held-out predictions (R, T, n), best steps (T, R)."""
    T, R = len(task.traits), len(regimes)
    alpha = design.alpha([regime for _ in range(T) for regime in regimes])
    Y = torch.from_numpy(np.repeat(task.Y, R, axis=1).astype(np.float32))
    # columns without dominance are spared its half of the products
    plain = (alpha[design.n_markers : 2 * design.n_markers] == 0).all(0)
    effects = torch.zeros_like(alpha)
    held_out = np.full((R, T, len(task.Y)), np.nan)
    steps = np.zeros(T * R)
    for number, (fit_rows, validation) in enumerate(task.inner_splits, start=1):
        X, Xv = design.features(fit_rows), design.features(validation)
        for columns in (plain, ~plain):
            if not columns.any():
                continue
            used = (alpha[:, columns] > 0).any(1)
            flow = gradient_flow(
                X[:, used],
                Y[fit_rows][:, columns],
                Xv[:, used],
                Y[validation][:, columns],
                alpha[used][:, columns],
                settings.max_steps,
                settings.patience,
            )
            w = torch.zeros(len(alpha), int(columns.sum()))
            w[used] = flow.effects
            effects[:, columns] += w / len(task.inner_splits)
            numbers = np.flatnonzero(columns.numpy())
            predicted = (Xv[:, used] @ flow.effects).double().numpy()
            held_out[numbers[:, None] % R, numbers[:, None] // R, validation] = (
                predicted.T
            )
            steps[numbers] += flow.steps.numpy() / len(task.inner_splits)
        logger.info(
            "fold %d: member %d of %d", task.fold, number, len(task.inner_splits)
        )
    return effects.T.reshape(T, R, -1), held_out, steps.reshape(T, R)


def _inner_score(
    held_out: np.ndarray, weights: np.ndarray, Y: np.ndarray, rows: np.ndarray
) -> float:
    """Mean over traits of the stacked held-out MSE."""
    predicted = np.einsum("tr,rtn->nt", weights, held_out[:, :, rows])
    return float(np.nanmean(np.nanmean((Y[rows] - predicted) ** 2, axis=0)))


def _check_params(params: Mapping) -> PlusParams:
    known = {field.name for field in fields(PlusParams)}
    if unknown := set(params) - known:
        raise InputError(
            f"grvsnn_plus: unknown parameters {sorted(unknown)}; see config/README.md"
        )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}
    try:
        return PlusParams(**values)
    except TypeError as error:
        raise InputError(
            f"grvsnn_plus: a parameter of the wrong type: {error}"
        ) from error
