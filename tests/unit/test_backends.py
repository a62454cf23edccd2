"""Who fits the Bayesian methods: one choice, said first, and the same errors."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.base.files import remove_unfinished, scratch_folder
from grvsnn.methods import bayes, bglr
from grvsnn.methods.bayes import BayesParams, choose_backend
from grvsnn.methods.loading import job_params

from tests.shipped import load_method
from tests.unit.toy_tasks import change, make_population, make_tasks

NATIVE = {"backend": "native", "n_iter": 60, "burn_in": 20}


def toy(method="brr"):
    return make_tasks(*make_population(np.random.default_rng(1)), method=method)


@pytest.fixture(params=["", "the moon is full"], ids=["with BGLR", "without BGLR"])
def missing(request, monkeypatch):
    """Why BGLR cannot run; empty where it can."""
    monkeypatch.setattr(bglr, "availability_reason", lambda: request.param)
    return request.param


@pytest.mark.parametrize(
    ("method", "params", "backend", "words"),
    [
        ("brr", {}, "bglr", "installed"),
        ("brr-exact", {"route": "exact"}, "native", "cannot do route: exact"),
        ("bayescpi", {"route": "exact"}, "bglr", "installed"),
        ("bayesr", {}, "native", "cannot do BayesR"),
        ("bayescpi", {"n_chains": 4}, "native", "cannot do n_chains: 4"),
        ("blasso", {"backend": "native"}, "native", "as the config says"),
    ],
)
def test_auto_takes_native_for_what_bglr_cannot_do(
    missing, method, params, backend, words
):
    found, reason = choose_backend(BayesParams(**params), method)
    if missing and backend == "bglr":
        backend, words = "native", "cannot run here: the moon is full"
    assert found == backend
    assert words in reason


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("brr", {"route": "exact"}, "BGLR cannot do route: exact"),
        ("blasso", {"n_chains": 2}, "BGLR cannot do n_chains: 2"),
        ("bayesr", {}, "BGLR cannot do BayesR"),
    ],
)
def test_bglr_is_never_replaced_silently(missing, method, params, words):
    with pytest.raises(InputError, match=words):
        choose_backend(BayesParams(backend="bglr", **params), method)
    if missing:
        with pytest.raises(InputError, match=r"full.*backend: native"):
            choose_backend(BayesParams(backend="bglr"), "brr")
    else:
        assert choose_backend(BayesParams(backend="bglr"), "brr")[0] == "bglr"


def test_fits_say_who_made_them_and_why(monkeypatch):
    monkeypatch.setattr(bglr, "availability_reason", lambda: "the moon is full")
    (fit,) = bayes.fit(toy()[:1], NATIVE | {"backend": "auto"}, 1)
    assert fit.info["backend"] == "native"
    assert fit.info["backend_reason"] == "BGLR cannot run here: the moon is full"


@pytest.mark.parametrize(
    ("keep", "values", "words"),
    [
        (0, None, "trait t1: 0 training phenotypes, and"),
        (2, None, "trait t1: 2 training phenotypes, and"),
        (50, 1.5, "trait t1: 50 training phenotypes, all the same, and"),
    ],
)
def test_traits_that_tell_nothing_end_alike_on_both_backends(
    monkeypatch, keep, values, words
):
    monkeypatch.setattr(bglr, "availability_reason", lambda: "")
    task = toy()[0]
    Y = task.Y.copy()
    Y[task.train[keep:], 1] = np.nan
    if values is not None:
        Y[task.train[:keep], 1] = values
    messages = set()
    for backend in ("native", "bglr"):
        with pytest.raises(InputError, match=words) as caught:
            bayes.fit([change(task, Y=Y)], NATIVE | {"backend": backend}, 1)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_the_next_run_removes_what_a_killed_one_left(tmp_path):
    folder = tmp_path / "bglr-scratch"
    code = (
        "import sys, time; from grvsnn.base.files import scratch_folder\n"
        "with scratch_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'chain_ETA_b.bin').write_text('half a chain')\n"
        "    print('writing', flush=True); time.sleep(60)\n"
    )
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as job:
        assert job.stdout.readline() == b"writing\n"
        job.send_signal(signal.SIGKILL)
    assert list(folder.iterdir())
    with scratch_folder(folder) as empty:
        assert empty == folder
        assert not list(folder.iterdir())
    assert not folder.exists()


def test_a_job_told_to_end_removes_its_folder(tmp_path):
    with scratch_folder(tmp_path / "scratch") as folder:
        (folder / "draws").write_text("some")
        remove_unfinished()
        assert not folder.exists()


def test_the_rule_s_gpu_decides_the_device_of_every_method(tmp_path):
    for method in ("grvsnn", "lassonet"):
        assert job_params(method, 0, tmp_path)["device"] == "cpu"
        assert job_params(method, 1, tmp_path)["device"] == "auto"
    for method in ("mean", "gblup", "bayes", "grvsnn_plus"):
        assert "device" not in job_params(method, 1, tmp_path)
    # beside the job's output, under one name whatever the parameters are
    folders = {
        job_params("bayes", 0, tmp_path / name)["scratch"] for name in ("one", "two")
    }
    assert folders == {str(tmp_path / "bglr-scratch")}


def test_every_method_takes_what_its_job_adds(tmp_path):
    """No method refuses the device or the folders as unknown parameters."""
    quick = {
        "brr": NATIVE,
        "grvsnn": {"n_trials": 0, "max_epochs": 1},
        "lassonet": {"n_iters": [2, 1], "max_lambdas": 1},
        "gblup": {},
    }
    for method, params in quick.items():
        module = "bayes" if method == "brr" else method
        added = job_params(module, 0, tmp_path / "checkpoint")
        (fit,) = load_method(method)(toy(method)[:1], params | added, 1)
        assert fit.info.get("device", "cpu") == "cpu"
