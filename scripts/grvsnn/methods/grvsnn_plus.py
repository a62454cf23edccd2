"""GRVSNN+: a mixed model fitted by REML, stacked with trained marker effects.

It is no gated network. The prediction of a trait is a weighted sum of parts,

    w_0 (mu + sum_i b_i x_i + sum_k l_k L_k + sum_j u_j h_j(x))
        + sum_r w_r sum_i (beta_ri x_i + delta_ri [x_i = 1]).

The first part is a mixed model with up to three kernels: of the markers x (GBLUP), of
the pedigree loadings L, and of relatives found by their markers
(`grvsnn.models.plus.relatives_layer`). Their effects b, l and u are normal with one
variance a kernel, and correlated between traits that are recorded on the same animals
(`grvsnn.models.mixed.multitrait`); REML on the training rows estimates the covariances
and how many relatives count as close. The other parts are additive and dominance
effects of markers, trained as products by gradient flow from a small start
(`grvsnn.models.plus.marker_effects`), one part a start scale r, on every inner split;
they pick out large and dominant loci.

The weights come from inner held-out rows (`grvsnn.models.plus.stacking`): the mixed
model stands alone unless a mixture predicts these better, and in a mixture any part may
have weight 0, the mixed model too. Where its weight is 0, pedigree loadings change
nothing.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from grvsnn.base.errors import InputError
from grvsnn.models.mixed.kernels import shared_products
from grvsnn.models.network.interpretation import SELECTED_FROM, curve_columns
from grvsnn.models.network.threads import one_torch_thread
from grvsnn.models.plus.marker_effects import (
    MarkerColumns,
    Regime,
    RegimeFits,
    train_regimes,
)
from grvsnn.models.plus.polygenic_layers import PolygenicFit, fit_polygenic
from grvsnn.models.plus.stacking import REML_PART, earn_weights
from grvsnn.protocol.conformal import holding_member, member_intervals
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    column_moments,
    normalise_importance,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlusParams:
    """Parameters of grvsnn_plus.

    Parameters
    ----------
    relatives : sequence of float
        Mean numbers of close relatives that the kernel of relatives is tried with; the
        likelihood chooses. Empty leaves the kernel out.
    start_scales : sequence of float
        Start scales of additive marker effects: 0.1 is polygenic, 0.001 sparse.
    dominance_scales : sequence of float
        Start scales of additive effects together with dominance.
    max_steps, patience : int
        Of the gradient flow.
    """

    relatives: tuple[float, ...] = (5, 10, 20, 40)
    start_scales: tuple[float, ...] = (0.01, 0.001)
    dominance_scales: tuple[float, ...] = (0.03, 0.003)
    max_steps: int = 400
    patience: int = 10

    def __post_init__(self):
        for name in ("relatives", "start_scales", "dominance_scales"):
            values = getattr(self, name)
            if any(not value > 0 for value in values):
                raise InputError(f"{name}: {list(values)} must be positive")
        for name in ("max_steps", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: {getattr(self, name)} is below 1")

    @property
    def regimes(self) -> list[Regime]:
        """Regimes of the product part."""
        return [Regime(scale, 0.0) for scale in self.start_scales] + [
            Regime(scale, scale) for scale in self.dominance_scales
        ]


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
    with threadpool_limits(1), one_torch_thread(n_threads) as pool:
        fit_one = partial(fit_fold, settings=settings)
        return list(pool.map(fit_one, tasks, shared_products(tasks)))


def fit_fold(task: FoldTask, products: np.ndarray, settings: PlusParams) -> FoldFit:
    """Fit the mixed model and the trained parts, weigh them and predict."""
    start = time.perf_counter()
    polygenic = fit_polygenic(task, products, settings.relatives)
    columns = MarkerColumns(task)
    regimes = settings.regimes if task.n_markers else []
    fits = train_regimes(task, columns, regimes, settings.max_steps, settings.patience)
    members = np.concatenate([polygenic.members[:, None], fits.predicted], axis=1)
    held_out = _held_out(task, members)
    member_of_row = holding_member(task.inner_splits, len(task.Y))
    weights = np.stack(
        [earn_weights(held_out[:, :, t], Y) for t, Y in enumerate(task.Y.T)]
    )
    joined = np.einsum("tr,krnt->knt", weights, members[:, :, task.test])
    joined_held_out = np.einsum("tr,rnt->nt", weights, held_out)
    predicted = weights[:, 0] * polygenic.predicted[task.test] + np.einsum(
        "tr,krnt->nt", weights[:, 1:], fits.predicted[:, :, task.test]
    ) / len(members)
    info = {
        **asdict(settings),
        "traits": list(task.traits),
        "parts": [REML_PART, *(regime.name for regime in regimes)],
        "weights": weights.tolist(),
        "steps": fits.steps.tolist(),
        "layers": polygenic.facts,
        "inner_score": float(np.nanmean((task.Y - joined_held_out) ** 2)),
        "seconds": time.perf_counter() - start,
        "torch": torch.__version__,
    }
    importance, features = _interpret(task, columns, polygenic, fits, weights)
    return FoldFit(
        predicted=predicted,
        importance=importance,
        selected=importance >= SELECTED_FROM,
        info=info,
        feature_columns=features,
        intervals=member_intervals(joined, joined_held_out, task.Y, member_of_row),
    )


def _held_out(task: FoldTask, members: np.ndarray) -> np.ndarray:
    """Out-of-fold predictions, shape (R, n_samples, T), NaN in rows not held out."""
    held_out = np.full(members.shape[1:], np.nan)
    for member, (_, validation) in enumerate(task.inner_splits):
        held_out[:, validation] = members[member][:, validation]
    return held_out


def _interpret(
    task: FoldTask,
    columns: MarkerColumns,
    polygenic: PolygenicFit,
    fits: RegimeFits,
    weights: np.ndarray,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Compute importance (n_features, T), effects and curves of every feature.

    What the kernel of relatives adds belongs to no single feature; its share of the
    variance stands in the fit's facts.
    """
    M, K, T = task.n_markers, task.n_loadings, len(task.traits)
    linear = polygenic.effects * weights[:, 0]
    products = np.einsum("tr,trp->pt", weights[:, 1:], fits.effects)
    additive = linear[:M] + products[:M]
    curves = np.full((3, M + K, T), np.nan)
    curves[:, :M] = columns.curves(np.concatenate([additive, products[M:]]))
    calls = task.genotypes[task.train]
    calls = np.rint(calls) if task.is_fractional else calls
    frequency = np.stack([(calls == k).mean(0) for k in range(3)])
    raw = np.concatenate(
        [
            (np.abs(curves[:, :M]) * frequency[:, :, None]).sum(0),
            np.abs(linear[M:]) * _mean_size(task)[:, None],
        ]
    )
    curves[:, :M][frequency == 0] = np.nan
    none = np.zeros((K, T))
    return normalise_importance(raw), {
        "effect": np.concatenate([additive, linear[M:]]),
        "dominance": np.concatenate([products[M:], none]),
        **curve_columns(curves),
    }


def _mean_size(task: FoldTask) -> np.ndarray:
    """Mean absolute value of each standardised loading over the training rows."""
    mean, sd = column_moments(task.loadings, task.train)
    size = np.abs(task.loadings[task.train] - mean).mean(axis=0)
    return np.divide(size, sd, out=np.zeros_like(sd), where=sd > 0)


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
