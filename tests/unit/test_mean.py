"""The floor predicts the training mean and claims nothing."""

import numpy as np
from grvsnn.methods import mean

from tests.unit.toy_tasks import change, make_population, make_tasks


def test_predicts_zero_in_standardised_units():
    tasks = make_tasks(*make_population(np.random.default_rng(1)), method="mean")
    for task, fit in zip(tasks, mean.fit(tasks, {}, 1), strict=True):
        assert fit.predicted.shape == (len(task.test), 2)
        np.testing.assert_allclose(fit.predicted, 0.0, atol=1e-14)
        assert fit.importance.shape == (task.n_features, 2)
        assert not fit.importance.any()
        assert not fit.selected.any()


def test_predicts_the_mean_of_the_observed_rows_in_any_units():
    task = make_tasks(*make_population(np.random.default_rng(2)), method="mean")[0]
    Y = 3.0 * task.Y + 5.0
    Y[task.train[:7], 1] = np.nan
    (fit,) = mean.fit([change(task, Y=Y)], {}, 1)
    expected = np.nanmean(Y[task.train], axis=0)
    np.testing.assert_allclose(fit.predicted, np.tile(expected, (len(task.test), 1)))


def test_a_trait_without_phenotypes_gets_zero():
    task = make_tasks(*make_population(np.random.default_rng(3)), method="mean")[0]
    Y = task.Y.copy()
    Y[:, 0] = np.nan
    (fit,) = mean.fit([change(task, Y=Y)], {}, 1)
    assert not fit.predicted[:, 0].any()
