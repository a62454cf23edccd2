"""Genetic values of several correlated traits from the genotypes at their QTL."""

from dataclasses import dataclass

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.simulation.parameters import SimulationParams

GAMMA_SHAPE = 0.4


@dataclass(frozen=True, eq=False)
class Genetics:
    """QTL effects and the values they give, in phenotypic standard deviations.

    Parameters
    ----------
    frequency : ndarray of float64, shape (n_qtl,)
        Of the counted allele among the genotyped animals (p).
    large : ndarray of bool, shape (n_qtl,)
        The QTL with large effects.
    average_effect, additive, dominance : ndarray of float64, shape (n_qtl, n_traits)
        alpha, a and d of Falconer: genotypes 0, 1, 2 have the values -a, d, a, and
        alpha = a + d (q - p) unless the parts were made orthogonal.
    pairs : ndarray of int, shape (n_pairs, 2)
        Interacting QTL.
    pair_effects : ndarray of float64, shape (n_pairs, n_traits)
        Effect of the product of the two centred dosages.
    breeding_value : ndarray of float64, shape (n_animals, n_traits)
        Gene contents times average effects, centred on the genotyped animals.
    dominance_deviation, epistatic_deviation : ndarray of float64, same shape
        The parts of the genetic value beyond it, likewise centred.
    """

    frequency: np.ndarray
    large: np.ndarray
    average_effect: np.ndarray
    additive: np.ndarray
    dominance: np.ndarray
    pairs: np.ndarray
    pair_effects: np.ndarray
    breeding_value: np.ndarray
    dominance_deviation: np.ndarray
    epistatic_deviation: np.ndarray

    @property
    def genetic_value(self) -> np.ndarray:
        """All three parts together, shape (n_animals, n_traits)."""
        return self.breeding_value + self.dominance_deviation + self.epistatic_deviation

    def parts(self, rows: np.ndarray) -> np.ndarray:
        """Additive, dominance and epistatic values of some animals, side by side."""
        parts = (
            self.breeding_value,
            self.dominance_deviation,
            self.epistatic_deviation,
        )
        return np.hstack([part[rows] for part in parts])

    @property
    def mean_degree(self) -> np.ndarray:
        """Degree of dominance over all QTL, sum d / sum |a|, shape (n_traits,)."""
        size = np.abs(self.additive).sum(axis=0)
        return self.dominance.sum(axis=0) / np.maximum(size, 1e-300)

    @property
    def additive_variance(self) -> np.ndarray:
        """Each QTL's 2 p q alpha^2, shape (n_qtl, n_traits)."""
        p = self.frequency[:, None]
        return 2 * p * (1 - p) * self.average_effect**2


def simulate_genetics(
    dosages: np.ndarray,
    rows: np.ndarray,
    params: SimulationParams,
    rng: np.random.Generator,
) -> Genetics:
    """Draw effects and scale them to the wanted variances among the genotyped.

    Additive values get exactly the wanted covariance matrix over `rows`, dominance and
    epistatic values exactly their variances.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_animals, n_qtl)
        QTL genotypes of all animals.
    rows : ndarray of int
        Genotyped animals, in whom variances and frequencies are defined.
    params : SimulationParams
        Settings.
    rng : Generator
        Source of randomness.
    """
    shares = params.variance_shares()
    X = dosages.astype(np.float64)
    p = X[rows].mean(axis=0) / 2
    centred = X - 2 * p
    correlation = uniform_correlation(params.n_traits, params.genetic_correlation)
    alpha, large = _draw_additive(centred[rows], params, correlation, rng)
    size = np.abs(alpha)
    breeding = centred @ alpha
    turn = recolouring(breeding[rows], np.sqrt(shares[0]), correlation)
    alpha, breeding = alpha @ turn, breeding @ turn
    lower = [centred] if params.orthogonal else []
    dominance = _draw_dominance(
        X, p, rows, size, shares[1], params.dominance_direction, lower, rng
    )
    lower = [*lower, dominance.columns] if params.orthogonal else []
    pairs, epistasis = _draw_epistasis(
        centred, rows, params.n_epistatic_pairs, shares[2], lower, rng
    )
    # what was taken out along gene contents and heterozygosity is a part of a and d
    slopes = dominance.taken(0) + epistasis.taken(0)
    d = dominance.effects - epistasis.taken(1)
    return Genetics(
        frequency=p,
        large=large,
        average_effect=alpha,
        additive=alpha - slopes - d * (1 - 2 * p)[:, None],
        dominance=d,
        pairs=pairs,
        pair_effects=epistasis.effects,
        breeding_value=breeding,
        dominance_deviation=dominance.centred_values(rows),
        epistatic_deviation=epistasis.centred_values(rows),
    )


def uniform_correlation(n_traits: int, correlation: float) -> np.ndarray:
    """Correlation matrix with one value off the diagonal."""
    return np.full((n_traits, n_traits), correlation) + (1 - correlation) * np.eye(
        n_traits
    )


def recolouring(
    values: np.ndarray, sd: np.ndarray, correlation: np.ndarray
) -> np.ndarray:
    """Matrix W for which ``values @ W`` has exactly the wanted covariance.

    Parameters
    ----------
    values : ndarray of float64, shape (n, n_traits)
        With a non-singular covariance matrix C = L L'.
    sd : ndarray of float64, shape (n_traits,)
        Wanted standard deviations; zero allowed.
    correlation : ndarray of float64, shape (n_traits, n_traits)
        Wanted correlations, positive definite.

    Returns
    -------
    ndarray of float64, shape (n_traits, n_traits)
        W = inv(L') chol(target)', upper triangular.
    """
    now = np.linalg.cholesky(np.atleast_2d(np.cov(values, rowvar=False, bias=True)))
    wanted = sd[:, None] * np.linalg.cholesky(correlation)
    return np.linalg.solve(now.T, wanted.T)


def _draw_additive(
    centred: np.ndarray,
    params: SimulationParams,
    correlation: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Average effects with `large_share` of the variance in the large QTL."""
    n_qtl = centred.shape[1]
    factor = np.linalg.cholesky(correlation)
    alpha = rng.standard_normal((n_qtl, params.n_traits)) @ factor.T
    if params.effects == "gamma":
        # one scale per QTL keeps the correlation between traits
        alpha *= rng.gamma(GAMMA_SHAPE, size=(n_qtl, 1))
    large = np.zeros(n_qtl, dtype=bool)
    large[rng.choice(n_qtl, params.n_large_qtl, replace=False)] = True
    if large.any():
        strong = rng.standard_normal((params.n_large_qtl, params.n_traits))
        alpha[large] = strong @ factor.T
        for group, share in ((large, params.large_share), (~large, None)):
            share = 1 - params.large_share if share is None else share
            sd = (centred[:, group] @ alpha[group]).std(axis=0)
            alpha[group] *= np.sqrt(share) / sd
    return alpha, large


@dataclass(frozen=True, eq=False)
class _Component:
    """One part of the genetic value and what was taken out of it.

    Parameters
    ----------
    columns : ndarray of float64, shape (n_animals, k)
        Value of each effect's unit.
    effects, values : ndarray of float64, shapes (k, n_traits), (n_animals, n_traits)
        Effects, and ``columns @ effects`` less the regression on lower parts.
    coefficients : list of ndarray, each of shape (n_qtl, n_traits)
        That regression, one matrix a lower part.
    """

    columns: np.ndarray
    effects: np.ndarray
    values: np.ndarray
    coefficients: list[np.ndarray]

    def taken(self, number: int) -> np.ndarray | float:
        """Regression coefficients on the lower part of that number; 0 without it."""
        there = number < len(self.coefficients)
        return self.coefficients[number] if there else 0.0

    def centred_values(self, rows: np.ndarray) -> np.ndarray:
        """Values with mean 0 among the genotyped."""
        return self.values - self.values[rows].mean(axis=0)


def _scaled_component(
    columns: np.ndarray,
    effects: np.ndarray,
    rows: np.ndarray,
    share: np.ndarray,
    lower: list[np.ndarray],
) -> _Component:
    """Regress a part on the lower ones over `rows` and scale it to its variance."""
    values = columns @ effects
    coefficients: list[np.ndarray] = []
    if lower:
        basis = np.hstack(lower)
        centred = basis[rows] - basis[rows].mean(axis=0)
        rank = np.linalg.matrix_rank(centred)
        if len(rows) <= rank + columns.shape[1]:
            raise InputError(
                f"simulate: orthogonal needs more genotyped animals ({len(rows)}) "
                "for so many QTL; lower n_qtl or set orthogonal to false"
            )
        fitted = np.linalg.lstsq(centred, values[rows], rcond=None)[0]
        values = values - basis @ fitted
        coefficients = np.split(fitted, len(lower))
    scale = np.sqrt(share) / values[rows].std(axis=0)
    return _Component(
        columns, effects * scale, values * scale, [c * scale for c in coefficients]
    )


def _draw_dominance(
    X: np.ndarray,
    p: np.ndarray,
    rows: np.ndarray,
    size: np.ndarray,
    share: np.ndarray,
    direction: float,
    lower: list[np.ndarray],
    rng: np.random.Generator,
) -> _Component:
    """Dominance effects d and the deviations -2q^2 d, 2pq d, -2p^2 d they make.

    The degree of dominance d / `size` is normal around `direction` (in its SD), so
    that a QTL with a small additive effect has a small dominance effect too.
    """
    d = size * (direction + rng.standard_normal(size.shape))
    q = 1 - p
    per_unit = np.select([X == 2, X == 1], [-2 * q**2, 2 * p * q], default=-2 * p**2)
    return _scaled_component(per_unit, d, rows, share, lower)


def _draw_epistasis(
    centred: np.ndarray,
    rows: np.ndarray,
    n_pairs: int,
    share: np.ndarray,
    lower: list[np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, _Component]:
    """Additive x additive effects of random pairs of QTL."""
    n_qtl, n_traits = centred.shape[1], len(share)
    if n_pairs == 0:
        nothing = np.zeros((len(centred), n_traits))
        none = np.empty((0, n_traits))
        pairs = np.empty((0, 2), dtype=int)
        return pairs, _Component(np.empty((len(centred), 0)), none, nothing, [])
    every = np.column_stack(np.triu_indices(n_qtl, 1))
    pairs = every[np.sort(rng.choice(len(every), n_pairs, replace=False))]
    effects = rng.standard_normal((n_pairs, n_traits))
    products = centred[:, pairs[:, 0]] * centred[:, pairs[:, 1]]
    return pairs, _scaled_component(products, effects, rows, share, lower)
