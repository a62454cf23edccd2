import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.base.registry import read_registry
from grvsnn.protocol.fold_task import FoldFit
from grvsnn.run.checkpoints import fit_fold_by_fold, read_fold, write_fold
from toy_tasks import make_population, make_tasks

from tests.shipped import load_method

QUICK = {
    "lassonet": {"max_lambdas": 4, "n_iters": [5, 5], "M": [10]},
    "grvsnn": {"n_trials": 0, "max_epochs": 5},
}
RNG = np.random.default_rng(3)


def make_fit(intervals=True):
    return FoldFit(
        predicted=RNG.normal(size=(4, 2)),
        importance=RNG.random((5, 2)),
        selected=RNG.random((5, 2)) > 0.5,
        info={"epochs": 7, "loss": np.float64(0.1), "device": "cpu"},
        feature_columns={"effect": RNG.normal(size=(5, 2)).astype(np.float32)},
        intervals=RNG.normal(size=(4, 2, 2)) if intervals else None,
    )


@pytest.mark.parametrize("intervals", [True, False])
def test_a_fold_comes_back_bit_for_bit(tmp_path, intervals):
    fit = make_fit(intervals)
    write_fold(fit, 1.5, tmp_path / "fold-1.npz")
    back, seconds = read_fold(tmp_path / "fold-1.npz")
    assert seconds == 1.5
    assert back.info == {"epochs": 7, "loss": 0.1, "device": "cpu"}
    for name in ("predicted", "importance", "selected"):
        np.testing.assert_array_equal(getattr(back, name), getattr(fit, name))
    effect = back.feature_columns["effect"]
    assert effect.dtype == np.float32
    np.testing.assert_array_equal(effect, fit.feature_columns["effect"])
    assert (back.intervals is None) == (not intervals)


def test_a_damaged_fold_is_named(tmp_path):
    path = tmp_path / "fold-1.npz"
    write_fold(make_fit(), 1.0, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"fold-1\.npz is damaged .* remove it"):
        read_fold(path)


KEEPING = sorted(k for k, v in read_registry("methods").items() if v.get("keeps_folds"))


@pytest.mark.parametrize("method", KEEPING)
def test_a_fit_killed_between_folds_goes_on_as_if_undisturbed(tmp_path, method):
    population = make_population(np.random.default_rng(5), n_markers=20)
    tasks = make_tasks(*population, method=method, n_folds=3)
    fit, params, fitted = load_method(method), QUICK[method], []
    whole = fit(tasks, params, 1)

    def killed_at_third(batch, params, n_threads):
        fitted.extend(task.fold for task in batch)
        if len(fitted) == 3:
            raise KeyboardInterrupt
        return fit(batch, params, n_threads)

    with pytest.raises(KeyboardInterrupt):
        fit_fold_by_fold(killed_at_third, tasks, params, 1, tmp_path)
    resumed, _ = fit_fold_by_fold(killed_at_third, tasks, params, 1, tmp_path)
    assert fitted == [1, 2, 3, 3]
    for one, other in zip(resumed, whole, strict=True):
        for name in ("predicted", "importance", "selected"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.feature_columns.keys() == other.feature_columns.keys()


def test_time_spent_before_is_counted(tmp_path):
    write_fold(make_fit(), 100.0, tmp_path / "fold-1.npz")
    tasks = make_tasks(*make_population(RNG), method="probe", n_folds=2)
    fit = lambda batch, params, n_threads: [make_fit() for _ in batch]  # noqa: E731
    assert 100 < fit_fold_by_fold(fit, tasks, {}, 1, tmp_path)[1] < 101
