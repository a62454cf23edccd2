"""A kernel of relatives, from one unit per training animal, lit by its close kin.

With x the centred dosages of an animal and x_j those of training animal j,

    h_j(x) = sigma((cos(x, x_j) - c) / s),    u(x) = h(x) / |h(x)|.

Full sibs share what additive marker effects cannot carry: their dam's milk, their pen,
dominance and epistasis. A linear output on u, its weights normal with one variance,
gives each group of relatives an effect of its own where no pedigree tells who they
are: a Gaussian process with kernel u(x)'u(x'). Nothing of h is trained. The threshold
c follows from a number that means the same in every species: how many relatives an
animal has on average.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.special import expit

# width s of the threshold, in units of the cosine; the cosines of full sibs of outbred
# parents scatter by about as much around their expectation
SHARPNESS = 0.05
# components kept of a layer: the rest of its trace is left to the residual
MAX_COMPONENTS = 256


def cosines(products: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Cosine of every animal's centred dosages with those of each training animal.

    Parameters
    ----------
    products : ndarray, shape (n_samples, n_samples)
        X X' of the raw dosages.
    train : ndarray of int, shape (n_train,)
        Training rows; the marker means are theirs.

    Returns
    -------
    ndarray, shape (n_samples, n_train)
    """
    to_mean = products[:, train].mean(axis=1)
    mean_square = to_mean[train].mean()
    square = np.maximum(np.diag(products) - 2.0 * to_mean + mean_square, 0.0)
    centred = products[:, train] - to_mean[:, None] - to_mean[train] + mean_square
    norm = np.sqrt(square)
    size = norm[:, None] * norm[train]
    return np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)


def threshold(
    cosine: np.ndarray, n_relatives: float, sharpness: float = SHARPNESS
) -> float:
    """Threshold c at which a training animal has `n_relatives` others on average.

    Parameters
    ----------
    cosine : ndarray, shape (n_train, n_train)
    n_relatives : float
        Wanted mean of sum_{j != i} h_j(x_i); at most half of the animals.
    sharpness : float
        s.
    """
    n = len(cosine)
    others = cosine[~np.eye(n, dtype=bool)]
    wanted = min(n_relatives, 0.5 * (n - 1))

    def excess(c: float) -> float:
        return float(expit((others - c) / sharpness).sum()) / n - wanted

    # beyond these the layer is all dark or all lit
    return float(brentq(excess, -1.0 - 20 * sharpness, 1.0 + 20 * sharpness, xtol=1e-6))


def relatives_factor(
    cosine: np.ndarray,
    train: np.ndarray,
    n_relatives: float,
    sharpness: float = SHARPNESS,
    max_components: int = MAX_COMPONENTS,
) -> np.ndarray:
    """Leading components of the layer's output u: a factor of its kernel u(x)'u(x').

    Parameters
    ----------
    cosine : ndarray, shape (n_samples, n_train)
        `cosines` of all animals with the training animals.
    train : ndarray of int, shape (n_train,)
    n_relatives : float
        Mean number of relatives of a training animal.
    sharpness : float
        s.
    max_components : int
        Components kept, by their share of the training animals' kernel.

    Returns
    -------
    ndarray, shape (n_samples, min(n_train, max_components))
    """
    c = threshold(cosine[train], n_relatives, sharpness)
    units = expit((cosine - c) / sharpness)
    units /= np.maximum(np.linalg.norm(units, axis=1), 1e-12)[:, None]
    n = len(train)
    first = max(0, n - max_components)
    gram = units[train].T @ units[train]
    vectors = eigh(gram, subset_by_index=(first, n - 1), check_finite=False)[1]
    return units @ vectors
