"""Genetic values of several correlated traits from the genotypes at their QTL."""

from dataclasses import dataclass

import numpy as np

from grvsnn.simulation_params import SimulationParams

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
        alpha = a + d (q - p).
    pairs : ndarray of int, shape (n_pairs, 2)
        Interacting QTL.
    pair_effects : ndarray of float64, shape (n_pairs, n_traits)
        Effect of the product of the two centred dosages.
    breeding_value, genetic_value : ndarray of float64, shape (n_animals, n_traits)
        Additive and total, centred on the genotyped animals.
    """

    frequency: np.ndarray
    large: np.ndarray
    average_effect: np.ndarray
    additive: np.ndarray
    dominance: np.ndarray
    pairs: np.ndarray
    pair_effects: np.ndarray
    breeding_value: np.ndarray
    genetic_value: np.ndarray

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
    d, deviation = _draw_dominance(X, p, rows, size, shares[1], rng)
    pairs, pair_effects, interaction = _draw_epistasis(
        centred, rows, params.n_epistatic_pairs, shares[2], rng
    )
    genetic = breeding + deviation + interaction
    return Genetics(
        frequency=p,
        large=large,
        average_effect=alpha,
        additive=alpha - d * (1 - 2 * p)[:, None],
        dominance=d,
        pairs=pairs,
        pair_effects=pair_effects,
        breeding_value=breeding,
        genetic_value=genetic - genetic[rows].mean(axis=0),
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


def _draw_dominance(
    X: np.ndarray,
    p: np.ndarray,
    rows: np.ndarray,
    size: np.ndarray,
    share: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Dominance effects d and the deviations -2q^2 d, 2pq d, -2p^2 d they make.

    The degree of dominance d / `size` is normal, so that a QTL with a small additive
    effect has a small dominance effect too.
    """
    d = size * rng.standard_normal(size.shape)
    q = 1 - p
    per_unit = np.select([X == 2, X == 1], [-2 * q**2, 2 * p * q], default=-2 * p**2)
    deviation = per_unit @ d
    scale = np.sqrt(share) / deviation[rows].std(axis=0)
    return d * scale, deviation * scale


def _draw_epistasis(
    centred: np.ndarray,
    rows: np.ndarray,
    n_pairs: int,
    share: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Additive x additive effects of random pairs of QTL."""
    n_qtl, n_traits = centred.shape[1], len(share)
    if n_pairs == 0:
        none = np.zeros((len(centred), n_traits))
        return np.empty((0, 2), dtype=int), np.empty((0, n_traits)), none
    every = np.column_stack(np.triu_indices(n_qtl, 1))
    pairs = every[np.sort(rng.choice(len(every), n_pairs, replace=False))]
    effects = rng.standard_normal((n_pairs, n_traits))
    value = (centred[:, pairs[:, 0]] * centred[:, pairs[:, 1]]) @ effects
    scale = np.sqrt(share) / value[rows].std(axis=0)
    return pairs, effects * scale, value * scale
