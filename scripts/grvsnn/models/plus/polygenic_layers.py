"""The mixed model of grvsnn_plus: kernels of markers, loadings and relatives, by REML.

A kernel is a layer with normal output weights, hence the names below. Where traits are
recorded on the same animals they share one model, with genetic and residual
correlations; else each has its own.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grvsnn.models.mixed.kernels import Kernels, loadings_factor, observation_patterns
from grvsnn.models.mixed.multitrait import Covariances, JointModel, traits_overlap
from grvsnn.models.mixed.reml import Contrasts, RemlFit, fit_reml
from grvsnn.models.plus.relatives_layer import cosines, relatives_factor
from grvsnn.protocol.fold_task import FoldTask

logger = logging.getLogger(__name__)

RELATIVES = "relatives"
# share of the variance from which the kernel of relatives starts
_FIRST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class PolygenicFit:
    """The mixed model of one outer fold.

    Parameters
    ----------
    predicted : ndarray, shape (n_samples, T)
        From all training rows.
    members : ndarray, shape (K, n_samples, T)
        From the fit rows of every inner split, at the same variance components.
    effects : ndarray, shape (n_features, T)
        Of one training standard deviation of each marker and loading.
    facts : dict
        Per trait: number of relatives, shares of the variance, log-likelihoods.
    """

    predicted: np.ndarray
    members: np.ndarray
    effects: np.ndarray
    facts: dict[str, object]


@dataclass(frozen=True, eq=False)
class _Choice:
    """Kernels of one trait and their REML fit."""

    kernels: Kernels
    reml: RemlFit
    n_relatives: float

    @property
    def height(self) -> float:
        """Restricted log-likelihood; below all others where there is no variance."""
        return float(np.nan_to_num(self.reml.log_likelihood, nan=-np.inf))


def fit_polygenic(
    task: FoldTask, products: np.ndarray, relatives: Sequence[float]
) -> PolygenicFit:
    """Fit the mixed model to every trait of an outer fold.

    Parameters
    ----------
    task : FoldTask
    products : ndarray, shape (n_samples, n_samples)
        `grvsnn.models.mixed.kernels.marker_products` of the task's genotypes.
    relatives : sequence of float
        Numbers of close relatives to try.

    Returns
    -------
    PolygenicFit
    """
    T, n = len(task.traits), len(task.Y)
    together = traits_overlap(np.isfinite(task.Y[task.train]))
    base = Kernels(task, products, loadings_factor(task))
    factors = _relatives_factors(task, products, relatives)
    offered = [*base.names, *([RELATIVES] if factors else [])]
    predicted = np.empty((n, T))
    members = np.empty((len(task.inner_splits), n, T))
    effects, facts = np.empty((task.n_features, T)), {}
    height: Counter[float] = Counter()
    for rows, traits in observation_patterns(task):
        models = _models(base, factors, rows)
        for t in traits:
            y = task.Y[:, t]
            fits = _fit_all(models, y[rows])
            height.update({k: fit.height for k, fit in fits.items()})
            if together:
                continue
            choice = max(fits.values(), key=lambda fit: fit.height)
            blup = choice.kernels.blup(choice.reml, rows, y[rows])
            predicted[:, t] = blup.predicted
            members[:, :, t] = [
                _member(choice, fit_rows, y) for fit_rows, _ in task.inner_splits
            ]
            effects[:, [t]] = choice.kernels.standardised_effects(
                blup.weights[:, None], choice.reml.variances[:, None]
            )
            name = task.traits[t]
            facts[name] = _describe(
                choice.kernels,
                choice.reml.shares,
                choice.reml,
                choice.n_relatives,
                offered,
            )
            logger.info("fold %d %s: %s", task.fold, name, facts[name])
    if together:
        # one number of relatives for all traits, by their likelihoods together
        best = max(height, key=height.__getitem__)
        kernels = base.with_factor(RELATIVES, factors[best]) if best else base
        return _fit_jointly(task, kernels, best, offered)
    return PolygenicFit(predicted, members, effects, facts)


def _fit_jointly(
    task: FoldTask, kernels: Kernels, n_relatives: float, offered: Sequence[str]
) -> PolygenicFit:
    """All traits in one model; members are fitted at the same covariances."""
    model = JointModel(kernels, task.Y, task.train)
    predicted, effects = model.predict(task.Y, task.train)
    members = np.array(
        [model.predict(task.Y, fit_rows)[0] for fit_rows, _ in task.inner_splits]
    ).reshape(-1, *task.Y.shape)
    found = model.covariances
    facts = {
        name: _describe(kernels, shares, found, n_relatives, offered)
        for name, shares in zip(task.traits, found.shares.T, strict=True)
    }
    logger.info("fold %d, all traits: %s", task.fold, facts)
    return PolygenicFit(predicted, members, effects, facts)


def _relatives_factors(
    task: FoldTask, products: np.ndarray, relatives: Sequence[float]
) -> dict[float, np.ndarray]:
    """Factor of the kernel of relatives at each number of them."""
    if not task.n_markers or not relatives:
        return {}
    cosine = cosines(products, task.train)
    return {k: relatives_factor(cosine, task.train, k) for k in relatives}


def _models(
    base: Kernels, factors: dict[float, np.ndarray], rows: np.ndarray
) -> dict[float, tuple[Kernels, Contrasts]]:
    """Kernels and contrasts without relatives (key 0) and with each number of them."""
    leading = base.leading(rows)
    models = {0.0: (base, base.over(rows, leading))}
    for n_relatives, factor in factors.items():
        kernels = base.with_factor(RELATIVES, factor)
        models[n_relatives] = kernels, kernels.over(rows, leading)
    return models


def _fit_all(
    models: dict[float, tuple[Kernels, Contrasts]], y: np.ndarray
) -> dict[float, _Choice]:
    """Fit every model to a trait, by its number of relatives."""
    kernels, contrasts = models[0.0]
    found = {0.0: _Choice(kernels, fit_reml(y, contrasts), 0.0)}
    for n_relatives, (kernels, contrasts) in models.items():
        if n_relatives == 0.0:
            continue
        start = [*found[0.0].reml.shares, _FIRST_SHARE]
        reml = fit_reml(y, contrasts, start=start)
        found[n_relatives] = _Choice(kernels, reml, n_relatives)
    return found


def _member(choice: _Choice, fit_rows: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Predictions of all animals from the fit rows of an inner split."""
    rows = fit_rows[np.isfinite(y[fit_rows])]
    if len(rows) == 0:
        return np.zeros(len(y))
    return choice.kernels.blup_at(choice.reml, rows, y[rows]).predicted


def _describe(
    kernels: Kernels,
    shares: np.ndarray,
    fit: RemlFit | Covariances,
    n_relatives: float,
    offered: Sequence[str],
) -> dict[str, object]:
    """JSON-able summary of one trait's fit."""
    found = dict(zip(kernels.names, shares.tolist(), strict=True))
    return {
        "n_relatives": float(n_relatives),
        # 0 for a kernel that the likelihood did without
        "shares": {name: found.get(name, 0.0) for name in offered},
        "log_likelihood": float(fit.log_likelihood),
        "converged": fit.converged,
    }
