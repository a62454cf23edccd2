import numpy as np
import pytest
from grvsnn.methods import bayes, gblup
from grvsnn.models.network.inputs import Standardiser
from grvsnn.protocol.fold_task import column_moments, normalise_importance, standardise

from tests.unit.toy_tasks import change, make_population, make_tasks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.int8, np.float64])
def test_moments_are_those_of_the_rows_alone(dtype):
    X = RNG.integers(0, 3, (40, 5000)).astype(dtype)
    rows = np.arange(0, 40, 2)
    mean, sd = column_moments(X, rows)
    np.testing.assert_allclose(mean, X[rows].astype(float).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(sd, X[rows].astype(float).std(axis=0), atol=1e-12)
    scaled = standardise(X, rows)
    np.testing.assert_allclose(scaled[rows].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled[rows].std(axis=0), 1, atol=1e-12)


def test_columns_constant_in_training_become_zero_everywhere():
    X = RNG.normal(size=(20, 3))
    rows = np.arange(15)
    X[rows, 1] = 7.0
    scaled = standardise(X, rows)
    assert (scaled[:, 1] == 0).all()
    assert (scaled[:, 0] != 0).all()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_rounding_errors_in_training_are_no_spread(unit):
    """A family whose animals are all tested: its loading is noise in training."""
    loading = np.where(np.arange(20) < 15, RNG.normal(size=20) * 1e-17, 0.8)
    X = unit * np.column_stack([loading, RNG.normal(size=20)])
    _, sd = column_moments(X, np.arange(15))
    assert sd[0] == 0
    assert sd[1] > 0
    assert np.abs(standardise(X, np.arange(15))).max() < 10


def test_importance_is_scaled_per_trait_and_zero_stays():
    raw = np.array([[-4.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(normalise_importance(raw), [[1, 0], [0.5, 0]])


def test_traces_in_training_are_no_spread_either():
    """A component of families that are all held out but for traces of them."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((200, 3))
    train = np.arange(150)
    X[train, 0] *= 0.02
    # one family member in training is enough
    X[:, 1] = 0.0
    X[[0, 190, 191, 192], 1] = 1.0
    sd = column_moments(X, train)[1]
    assert sd[0] == 0 and (sd[1:] > 0).all()
    standard = standardise(X, train)
    assert (standard[:, 0] == 0).all() and np.abs(standard).max() < 13


def test_standardised_columns_cancel_the_eigenvalues_and_kernels_keep_them():
    """docs/protocol.md: L = Q sqrt(Lambda) is Q to all methods but the mixed models."""
    genotypes, loadings, Y = make_population(np.random.default_rng(6))
    # eigenvalues that differ: those of equal families do not
    Q = loadings / np.linalg.norm(loadings, axis=0)
    L = Q * np.sqrt(np.geomspace(0.1, 10, Q.shape[1]))
    one, two = (
        make_tasks(genotypes, part, Y, method="any", setting="pedigree")[0]
        for part in (L, Q)
    )
    rows = one.train
    np.testing.assert_allclose(standardise(L, rows), standardise(Q, rows), atol=1e-12)
    none = genotypes[:, :0]
    dense = [Standardiser.fit(none, X, rows).apply(none, X).dense for X in (L, Q)]
    np.testing.assert_allclose(*dense, atol=1e-6)

    params = {"n_iter": 60, "burn_in": 20, "thin": 1, "backend": "native"}
    sampled = [
        bayes.fit([change(task, method="brr")], params, 1)[0].predicted
        for task in (one, two)
    ]
    np.testing.assert_allclose(*sampled, atol=1e-3)
    kernels = [gblup.fit([task], {}, 1)[0].predicted for task in (one, two)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.05
