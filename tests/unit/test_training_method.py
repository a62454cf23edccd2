"""The grvsnn method: contract, honesty, and independence of threads and order."""

import json

import numpy as np
import pytest
import torch
import toy_tasks
from grvsnn.base.errors import InputError
from grvsnn.base.files import write_json
from grvsnn.methods.grvsnn import Recipe, fit
from grvsnn.methods.grvsnn_plus import fit as fit_plus
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Standardiser
from grvsnn.models.network.parts import Architecture
from grvsnn.models.network.training import (
    TrainingSettings,
    fit_epochs,
    fit_network,
    predict,
)
from grvsnn.models.network.tuning import first_values

QUICK = {"n_trials": 2, "max_epochs": 15, "patience": 5, "learning_rates": [1e-3]}


@pytest.fixture(scope="module")
def population():
    return toy_tasks.make_population(np.random.default_rng(7), n_traits=2)


@pytest.fixture
def tasks(population):
    return toy_tasks.make_tasks(*population, method="grvsnn")


@pytest.fixture(scope="module")
def fits(population):
    return fit(toy_tasks.make_tasks(*population, method="grvsnn"), QUICK, 1)


def assert_same(one, two):
    np.testing.assert_array_equal(one.predicted, two.predicted)
    np.testing.assert_array_equal(one.importance, two.importance)
    np.testing.assert_array_equal(one.selected, two.selected)
    np.testing.assert_array_equal(one.intervals, two.intervals)


def as_inputs(task):
    parts = task.genotypes, task.loadings
    return Standardiser.fit(*parts, task.train).apply(*parts)


def test_fits_follow_the_contract(tasks, fits, tmp_path):
    for task, result in zip(tasks, fits, strict=True):
        assert result.predicted.shape == (len(task.test), 2)
        assert np.isfinite(result.predicted).all()
        assert result.importance.shape == (task.n_features, 2)
        np.testing.assert_array_equal(result.importance.max(0), 1)
        np.testing.assert_array_equal(result.selected, result.importance >= 0.05)
        assert result.feature_columns["effect"].shape == (task.n_features, 2)
        assert result.info["n_trials"] == 2
        write_json(result.info, tmp_path / "info.json")
        assert json.loads((tmp_path / "info.json").read_text())["best_epoch"]


def test_threads_and_company_do_not_change_results(tasks, fits):
    for one, two in zip(fits, fit(tasks, QUICK, 2), strict=True):
        assert_same(one, two)
    assert_same(fit(tasks[2:3], QUICK, 1)[0], fits[2])


def test_test_phenotypes_are_never_read(tasks, fits):
    task = tasks[0]
    poisoned = task.Y.copy()
    poisoned[task.test] = 1e3
    result = fit([toy_tasks.change(task, Y=poisoned)], QUICK, 1)[0]
    assert_same(result, fits[0])


def test_predicts_better_than_chance(tasks, population):
    Y = population[2]
    found = fit(tasks, {"n_trials": 0, "learning_rates": [1e-3], "patience": 10}, 2)
    r = [
        np.corrcoef(result.predicted[:, 0], Y[task.test, 0])[0, 1]
        for task, result in zip(tasks, found, strict=True)
    ]
    assert np.mean(r) > 0.25


def test_the_papers_raw_rule_is_kept_for_each_feature(tasks, fits):
    for task, result in zip(tasks, fits, strict=True):
        raw = result.feature_columns["selected_raw"]
        assert raw.shape == (task.n_features, len(task.traits)) and raw.dtype == bool
        assert (raw == raw[:, :1]).all()
        assert raw[:, 0].sum() == result.info["raw_threshold_count"]


def test_killed_job_goes_on_from_its_journal(tasks, fits, tmp_path):
    params = QUICK | {"study_folder": str(tmp_path)}
    fit(tasks[:1], params | {"n_trials": 1}, 1)
    assert_same(fit(tasks[:1], params, 1)[0], fits[0])
    assert len(list(tmp_path.glob("*.journal"))) == 1


def test_one_member_has_split_conformal_intervals(tasks, fits):
    """One half width for all animals of a fold and trait, centred on predictions."""
    for task, result in zip(tasks, fits, strict=True):
        assert result.intervals.shape == (len(task.test), 2, 2)
        distance = np.abs(result.intervals - result.predicted[:, :, None])
        np.testing.assert_allclose(distance, distance[:1, :, :1] + 0 * distance)
        assert (distance > 0.5).all()


def test_members_are_averaged(tasks):
    task = tasks[0]
    fit_rows, validation = task.inner_splits[0]
    both = ((fit_rows, validation), (validation, fit_rows))
    params = QUICK | {"n_trials": 0, "members": 2}
    two = fit([toy_tasks.change(task, inner_splits=both)], params, 1)[0]
    first = fit([task], params | {"members": 1}, 1)[0]
    assert len(two.info["best_epoch"]) == 2
    assert not np.array_equal(two.predicted, first.predicted)
    # all training rows calibrate now, and each bound is one of some member
    inside = (two.intervals[..., 0] < two.predicted) & (
        two.predicted < two.intervals[..., 1]
    )
    assert inside.all()
    assert np.ptp(two.intervals[..., 1] - two.predicted, axis=0).min() > 0


def test_members_beyond_the_splits_start_from_other_seeds(tasks):
    """One split, as under ``published``: three networks stop on it, averaged."""
    task, params = tasks[0], QUICK | {"n_trials": 0}
    alone = fit([task], params, 1)[0]
    three = fit([task], params | {"members": 3}, 1)[0]
    assert len(three.info["best_epoch"]) == 3
    assert three.info["best_epoch"][0] == alone.info["best_epoch"][0]
    assert not np.array_equal(three.predicted, alone.predicted)
    # members of one split are one predictor: split conformal, centred on their mean
    distance = np.abs(three.intervals - three.predicted[:, :, None])
    np.testing.assert_allclose(distance, distance[:1, :, :1] + 0 * distance)
    # a split of its own for the second changes the second alone
    rows, validation = task.inner_splits[0]
    splits = ((rows, validation), (validation, rows))
    other = toy_tasks.change(task, inner_splits=splits)
    mixed = fit([other], params | {"members": 3}, 1)[0]
    assert mixed.info["best_epoch"][::2] == three.info["best_epoch"][::2]
    inside = (mixed.intervals[..., 0] < mixed.predicted) & (
        mixed.predicted < mixed.intervals[..., 1]
    )
    assert inside.all()


@pytest.mark.parametrize("architecture", ["feature", "bottleneck"])
def test_a_refit_of_the_same_rows_is_the_same_network(tasks, architecture):
    """Epochs without validation retrace those with it, to the last bit."""
    task = tasks[0]
    settings = TrainingSettings(max_epochs=6, learning_rate=1e-3, dropout=0.3)
    start = Architecture(architecture=architecture)
    inputs, Y = as_inputs(task), torch.from_numpy(task.Y).float()
    stopped, refitted = (build_network(start, task.n_features, 2, 4) for _ in "ab")
    rows, validation = task.inner_splits[0]
    history = fit_network(stopped, inputs, Y, rows, validation, settings, seed=9)
    assert history.best_epoch > 0
    fit_epochs(refitted, inputs, Y, rows, settings, 9, history.best_epoch)
    for one, other in zip(stopped.parameters(), refitted.parameters(), strict=True):
        assert torch.equal(one, other)


def test_refitting_takes_all_training_rows(tasks):
    task, params = tasks[0], QUICK | {"n_trials": 0}
    part, whole = (fit([task], params | {"refit": r}, 1)[0] for r in (False, True))
    # tuned and stopped alike, on the inner rows alone
    assert whole.info["best_epoch"] == part.info["best_epoch"]
    assert whole.info["histories"] == part.info["histories"]
    assert not np.array_equal(whole.predicted, part.predicted)
    # the network of all training rows, after as many epochs
    recipe, seed = Recipe.from_params(params), task.seed_for("member", 0)
    recipe = recipe.with_values(first_values(recipe.values(), recipe.space))
    network = build_network(recipe.architecture, task.n_features, 2, seed)
    inputs, Y = as_inputs(task), torch.from_numpy(task.Y).float()
    n_epochs = part.info["best_epoch"][0]
    fit_epochs(network, inputs, Y, task.train, recipe.settings, seed, n_epochs)
    expected = predict(network, inputs.take(torch.as_tensor(task.test)))
    np.testing.assert_allclose(whole.predicted, expected, atol=1e-6)
    # where all training rows were fitted already there is nothing to add
    Y = task.Y.copy()
    Y[task.test] = 0.5
    known = toy_tasks.change(task, Y=Y, inner_splits=((task.train, task.test),))
    one, other = (fit([known], params | {"refit": r}, 1)[0] for r in (False, True))
    np.testing.assert_array_equal(one.predicted, other.predicted)


def test_without_trials_values_are_those_of_the_first(tasks):
    """The method's own values, moved into the lists and ranges of the config."""
    space = {"batch_sizes": [16, 32], "hidden_sizes": [2], "dropouts": [0.3, 0.5]}
    few = QUICK | space | {"max_epochs": 2}
    untuned, tuned = (fit(tasks[:1], few | {"n_trials": n}, 1)[0] for n in (0, 1))
    assert_same(untuned, tuned)
    found = {**untuned.info["settings"], **untuned.info["architecture"]}
    expected = {"batch_size": 32, "hidden": 2, "dropout": 0.3, "learning_rate": 1e-3}
    assert expected.items() <= found.items()
    assert found["weight_decay"] == 1e-2


@pytest.mark.parametrize("setting", ["markers", "pedigree"])
def test_other_settings(population, setting):
    task = toy_tasks.make_tasks(*population, method="grvsnn", setting=setting)[0]
    result = fit([task], QUICK | {"n_trials": 0}, 1)[0]
    assert np.isfinite(result.predicted).all()
    assert result.importance.shape == (task.n_features, 2)


def test_bottleneck_and_sparsemax_run_as_methods(tasks):
    bottleneck = {"architecture": "bottleneck", "hidden_sizes": [32]}
    for choice in (bottleneck, {"selection": "sparsemax"}):
        result = fit(tasks[:1], QUICK | choice, 1)[0]
        assert np.isfinite(result.predicted).all()
        expected = choice.get("hidden_sizes", [4])[0]
        assert result.info["architecture"]["hidden"] == expected


def test_published_protocol_validates_on_the_test_rows(tasks, population):
    task, Y = tasks[0], tasks[0].Y.copy()
    Y[task.test] = population[2][task.test]
    published = toy_tasks.change(task, Y=Y, inner_splits=((task.train, task.test),))
    for method in (fit, fit_plus):
        params = {} if method is fit_plus else QUICK
        result = method([published], params, 1)[0]
        assert np.isfinite(result.predicted).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rat": 1e-3}, "learning_rat"),
        ({"n_trials": -1}, "n_trials"),
        ({"device": "tpu"}, "device"),
        ({"batch_size": 32}, "batch_size"),
        ({"max_epochs": "many"}, "wrong type"),
        ({"learning_rates": 0.1}, "wrong type"),
    ],
)
def test_wrong_parameters_give_one_clear_error(tasks, params, message):
    with pytest.raises(InputError, match=message):
        fit(tasks, params, 1)
