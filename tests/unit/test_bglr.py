"""The bridge to R: Python -> R -> Python, with a stand-in for the package BGLR."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.methods import bayes, bglr
from grvsnn.protocol.fold_task import standardise

from tests.unit.toy_tasks import change, make_population, make_tasks

R_FOLDER = bglr.REPOSITORY / "R"
STAND_IN = R_FOLDER / "tests" / "testthat" / "helper-fake_bglr.R"
SHORT = bglr.Options(n_iter=120, burn_in=20, thin=5)


def reason_without_r():
    """Why there is no R to be reached; where there is one, the bridge must work."""
    if shutil.which("R") is None:
        return "R is not installed"
    if os.environ.get("GRVSNN_SETUP_R", "1") != "1":
        return "GRVSNN_SETUP_R: set up without R by wish"
    return ""


def reason_without_bglr():
    reason = bglr.availability_reason()
    return reason_without_r() or (reason if "package BGLR" in reason else "")


needs_bridge = pytest.mark.skipif(bool(reason_without_r()), reason=reason_without_r())
needs_bglr = pytest.mark.skipif(
    bool(reason_without_bglr()), reason=reason_without_bglr()
)


@pytest.fixture(scope="module")
def bridge():
    os.environ["GRVSNN_R_FOLDER"] = str(R_FOLDER)
    return bglr.Bridge(bglr.SOURCE, STAND_IN)


def toy(method="brr", seed=1, **options):
    population = make_population(np.random.default_rng(seed))
    return make_tasks(*population, method=method, **options)


def fake_effects(task, trait):
    """What the stand-in takes for the posterior mean, up to a term's own noise."""
    X = np.hstack([task.genotypes, task.loadings])
    X = standardise(X, task.train)[task.train]
    y = task.Y[task.train, trait]
    seen = np.isfinite(y)
    return (X[seen] * (y[seen] - y[seen].mean())[:, None]).mean(axis=0)


@needs_bridge
def test_r_starts_in_python():
    """Not the tests' process, so that R's own words are in the failure."""
    code = "from grvsnn.methods import bglr; bglr.start_r(); import rpy2.robjects as ro"
    code += "; print(ro.r('R.version.string')[0])"
    environment = {**os.environ, "PYTHONPATH": str(bglr.REPOSITORY / "scripts")}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, f"rpy2 cannot start R: {result.stderr}"
    assert result.stdout.startswith("R version")


@needs_bridge
@pytest.mark.parametrize("method", ["brr", "blasso", "bayescpi"])
def test_results_have_the_contract_s_shapes(bridge, method):
    tasks = toy(method)[:1]
    (fit,) = bglr.fit_with(bridge, tasks, SHORT, 1)
    shape = (tasks[0].n_features, 2)
    assert fit.predicted.shape == (len(tasks[0].test), 2)
    assert fit.importance.shape == fit.selected.shape == shape
    expected = {"effect", "sd", "lower", "upper"} | (
        {"pip"} if method == "bayescpi" else set()
    )
    assert set(fit.feature_columns) == expected
    for values in (fit.predicted, *fit.feature_columns.values()):
        assert np.isfinite(values).all()
    assert fit.info["backend"] == "bglr"
    assert set(fit.info["versions"]) == {"R", "rpy2"}
    names = {
        "brr": {"varE", "varB_1", "varB_2"},
        "blasso": {"varE", "lambda_1", "lambda_2"},
        "bayescpi": {"varE", "varB_1", "varB_2", "pi_1", "pi_2"},
    }
    assert set(fit.info["variances"]["t0"]) == names[method]
    assert fit.info["variances"]["t0"]["varE"]["ess"] > 0


@needs_bridge
@pytest.mark.parametrize("eta", ["separate", "joint"])
def test_effects_stand_beside_their_own_features(bridge, eta):
    task = toy(seed=2)[0]
    options = bglr.Options(n_iter=20_000, burn_in=0, thin=5, eta=eta)
    (fit,) = bglr.fit_with(bridge, [task], options, 1)
    for t in range(2):
        difference = fit.feature_columns["effect"][:, t] - fake_effects(task, t)
        # the stand-in's noise has sd 0.1 / sqrt(4000) and is shared within a term
        assert np.abs(difference).max() < 0.01
        markers, loadings = np.split(difference, [task.n_markers])
        assert np.ptp(markers) < 1e-6
        assert np.ptp(loadings) < 1e-6
        assert (abs(markers[0] - loadings[0]) < 1e-6) == (eta == "joint")


@needs_bridge
def test_predictions_are_those_of_the_test_rows(bridge):
    task = toy(seed=3)[1]
    (fit,) = bglr.fit_with(bridge, [task], SHORT, 1)
    X = standardise(np.hstack([task.genotypes, task.loadings]), task.train)
    expected = X[task.test] @ fit.feature_columns["effect"]
    np.testing.assert_allclose(fit.predicted, expected, atol=1e-6)


@needs_bridge
def test_missing_phenotypes_are_left_to_bglr(bridge):
    """The stand-in, like BGLR, uses observed rows only."""
    task = toy(seed=4)[0]
    Y = task.Y.copy()
    Y[task.train[:9], 0] = np.nan
    task = change(task, Y=Y)
    options = bglr.Options(n_iter=20_000, burn_in=0, thin=5)
    (fit,) = bglr.fit_with(bridge, [task], options, 1)
    for t in range(2):
        difference = fit.feature_columns["effect"][:, t] - fake_effects(task, t)
        assert np.abs(difference).max() < 0.01


@needs_bridge
def test_poisoned_test_rows_change_nothing(bridge):
    task = toy(seed=5)[0]
    Y = task.Y.copy()
    Y[task.test] = 1e3
    clean, poisoned = bglr.fit_with(bridge, [task, change(task, Y=Y)], SHORT, 1)
    np.testing.assert_array_equal(clean.predicted, poisoned.predicted)


@needs_bridge
def test_draws_depend_on_the_task_alone(bridge):
    tasks = toy(seed=6)
    together = bglr.fit_with(bridge, tasks, SHORT, 2)
    for task, fit in zip(tasks, together, strict=True):
        (alone,) = bglr.fit_with(bridge, [task], SHORT, 1)
        np.testing.assert_array_equal(alone.predicted, fit.predicted)
    (other,) = bglr.fit_with(bridge, [change(tasks[0], seed=2)], SHORT, 1)
    assert not np.array_equal(other.predicted, together[0].predicted)


@needs_bridge
def test_constant_features_stay_out_and_get_zero(bridge):
    task = toy(seed=7)[0]
    genotypes = task.genotypes.copy()
    genotypes[task.train, 3] = 1
    (fit,) = bglr.fit_with(bridge, [change(task, genotypes=genotypes)], SHORT, 1)
    for values in fit.feature_columns.values():
        assert not values[3].any()
    assert not fit.selected[3].any()


@needs_bridge
def test_selection_is_the_interval_that_excludes_zero(bridge):
    tasks = toy("bayescpi", seed=8)[:1]
    (fit,) = bglr.fit_with(bridge, tasks, SHORT, 1)
    lower, upper = fit.feature_columns["lower"], fit.feature_columns["upper"]
    np.testing.assert_array_equal(fit.selected, (lower > 0) | (upper < 0))
    assert fit.selected.any()
    assert not fit.selected[fit.feature_columns["pip"] == 0].any()


@needs_bridge
def test_scratch_folders_are_private_and_removed(bridge, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    bglr.fit_with(bridge, toy(seed=9)[:2], SHORT, 2)
    assert list(tmp_path.iterdir()) == [working]
    assert not list(working.iterdir())


@needs_bridge
def test_a_job_s_own_scratch_folder_is_emptied_used_and_removed(
    bridge, tmp_path, monkeypatch
):
    folder = tmp_path / "bglr-scratch"
    (folder / "grvsnn-bglr-killed").mkdir(parents=True)
    seen = []

    def watch(*arguments):
        seen.extend(path.name for path in folder.iterdir())
        return bridge.fit_traits(*arguments)

    watched = SimpleNamespace(fit_traits=watch, versions=bridge.versions)
    monkeypatch.setattr(bglr, "Bridge", lambda *_: watched)
    monkeypatch.setattr(bglr, "demand_bglr", lambda: None)
    bglr.fit(toy(seed=9)[:1], {**vars(SHORT), "scratch": str(folder)}, 1)
    assert len(seen) == 1 and seen != ["grvsnn-bglr-killed"]
    assert not folder.exists()


@needs_bridge
def test_parallel_jobs_do_not_meet(tmp_path):
    """Two processes at once, in one folder, give what one alone gives."""
    script = tmp_path / "job.py"
    script.write_text(
        "import sys, numpy as np\n"
        "from grvsnn.methods import bglr\n"
        "from tests.unit.toy_tasks import make_population, make_tasks\n"
        "population = make_population(np.random.default_rng(10))\n"
        f"bridge = bglr.Bridge(bglr.SOURCE, {str(STAND_IN)!r})\n"
        "tasks = make_tasks(*population, method='brr')\n"
        "options = bglr.Options(n_iter=120, burn_in=20)\n"
        "fits = bglr.fit_with(bridge, tasks, options, 1)\n"
        "np.save(sys.argv[1], np.vstack([fit.predicted for fit in fits]))\n"
    )
    path = os.pathsep.join([str(bglr.REPOSITORY), str(bglr.REPOSITORY / "scripts")])
    environment = {**os.environ, "PYTHONPATH": path, "GRVSNN_R_FOLDER": str(R_FOLDER)}
    outputs = [tmp_path / f"{name}.npy" for name in ("first", "second")]
    jobs = [
        subprocess.Popen(
            [sys.executable, str(script), str(output)], cwd=tmp_path, env=environment
        )
        for output in outputs
    ]
    assert [job.wait(timeout=120) for job in jobs] == [0, 0]
    first, second = map(np.load, outputs)
    np.testing.assert_array_equal(first, second)
    assert {path.name for path in tmp_path.iterdir()} == {
        "job.py",
        "first.npy",
        "second.npy",
    }


def test_without_bglr_the_error_tells_how_to_get_it(monkeypatch):
    monkeypatch.setattr(bglr, "availability_reason", lambda: "the moon is full")
    with pytest.raises(InputError, match=r'full.*install\.packages\("BGLR"\)'):
        bglr.fit(toy(), {}, 1)


def test_without_r_nothing_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    bglr.r_home.cache_clear()
    try:
        assert bglr.r_home() is None
        assert "R is not installed" in bglr.availability_reason.__wrapped__() or (
            "rpy2" in bglr.availability_reason.__wrapped__()
        )
        with pytest.raises(InputError, match="R is not installed"):
            bglr.start_r()
    finally:
        bglr.r_home.cache_clear()


def test_an_inherited_r_home_is_not_believed(monkeypatch, tmp_path):
    """A stand-in R that reports its R_HOME as seen, or its own."""
    command = tmp_path / "R"
    command.write_text('#!/bin/sh\necho "${R_HOME:-/its/own/home}"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("R_HOME", "/somebody/else")
    bglr.r_home.cache_clear()
    try:
        assert bglr.r_home() == "/its/own/home"
    finally:
        bglr.r_home.cache_clear()


def test_the_library_follows_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("GRVSNN_RLIB", str(tmp_path))
    assert bglr.r_library() == tmp_path
    monkeypatch.setenv("GRVSNN_RLIB", str(tmp_path / "none"))
    assert bglr.r_library() is None


def test_impossible_settings_are_refused():
    for params, message in [
        ({"burn_in": 7000}, "burn_in < n_iter"),
        ({"thin": 0}, "thin >= 1"),
    ]:
        with pytest.raises(InputError, match=message):
            bglr.Options.read(params)


def test_without_the_r_functions_bglr_cannot_run(monkeypatch, tmp_path):
    """As where the library alone was installed."""
    monkeypatch.setattr(bglr, "SOURCE", tmp_path / "bglr.R")
    reason = bglr.availability_reason.__wrapped__()
    assert "rpy2 is not installed" in reason or "project's repository" in reason


def r_packages_missing(*names):
    """Reason to skip a test that needs Rscript and R packages; empty if all there."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    for name in names:
        code = f'quit(status = !requireNamespace("{name}", quietly = TRUE))'
        if subprocess.run(["Rscript", "-e", code], check=False).returncode:
            return f"the R package {name} is not installed"
    return ""


def run_rscript(*arguments):
    return subprocess.run(
        ["Rscript", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=bglr.REPOSITORY,
        env={**os.environ, "R_LIBS": str(bglr.r_library() or "")},
    )


def test_r_functions_pass_testthat():
    if reason := r_packages_missing("testthat", "withr"):
        pytest.skip(reason)
    result = run_rscript(str(R_FOLDER / "tests" / "testthat.R"))
    assert result.returncode == 0, result.stdout + result.stderr


def test_r_code_is_free_of_lint():
    if reason := r_packages_missing("lintr"):
        pytest.skip(reason)
    code = 'lints <- lintr::lint_dir("R"); print(lints); quit(status = length(lints))'
    result = run_rscript("-e", code)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.bglr
@needs_bglr
@pytest.mark.parametrize("method", ["brr", "blasso", "bayescpi"])
def test_the_package_itself_finds_the_signal(method):
    rng = np.random.default_rng(11)
    genotypes, loadings, Y = make_population(rng, n_families=30, h2=0.8)
    tasks = make_tasks(genotypes, loadings, Y, method=method)[:1]
    params = {"n_iter": 2000, "burn_in": 500}
    (fit,) = bglr.fit(tasks, params, 1)
    (native,) = bayes.fit(tasks, {**params, "backend": "native"}, 1)
    assert "BGLR" in fit.info["versions"]
    for t in range(2):
        assert np.corrcoef(fit.predicted[:, t], Y[tasks[0].test, t])[0, 1] > 0.4
        assert np.corrcoef(fit.predicted[:, t], native.predicted[:, t])[0, 1] > 0.98


@pytest.mark.bglr
@needs_bglr
def test_the_package_itself_repeats_its_draws():
    tasks = toy("bayescpi", seed=12)[:2]
    params = {"n_iter": 200, "burn_in": 100}
    first = bglr.fit(tasks, params, 1)
    second = bglr.fit(tasks[::-1], params, 2)[::-1]
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.predicted, two.predicted)
