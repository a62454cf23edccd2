"""Dosages before rounding: read, laid out, and given to every method."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.datasets.fractions import pick_fractions, read_fractions
from grvsnn.datasets.vcf import read_vcf
from grvsnn.genotypes.plink import (
    impute_by_training_rows,
    read_dosages,
    write_dosages,
    write_genotypes,
)
from grvsnn.models.gibbs.design import build_design
from grvsnn.models.plus.marker_effects import MarkerColumns
from grvsnn.run.config_check import find_problems
from grvsnn.run.fit_job import JobKey, load_tasks

from tests.shipped import METHODS, load_method, read_shipped_schemas
from tests.unit.toy_tasks import change, make_population, make_tasks

PIG = b"ID,1,2,3\r\n7,0.00,1.00,2.00\r\n8,0.75,2.00,1.00\r\n9,2.00,0.14,1.00\r\n"
TABLE = b"id,1,2,3\n7,0,1,2\n8,0.75,2,1\n9,2,0.14,1\n"
HEAD = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t7\t8\t9\n"
# the first site has both, the second DS only, the third GT only
SITES = """1\t1\t1\tA\tG\t.\t.\t.\tGT:DS\t0/0:0\t0/1:0.75\t1/1:2
1\t2\t2\tA\tG\t.\t.\t.\tDS\t1\t2\t0.14
1\t3\t3\tA\tG\t.\t.\t.\tGT\t1/1\t0/1\t0/1
"""
EXPECTED = np.array([[0, 1, 2], [0.75, 2, 1], [2, 0.14, 1]])


@pytest.mark.parametrize(
    ("format", "content"),
    [("pig", PIG), ("csv", TABLE), ("vcf", (HEAD + SITES).encode())],
)
def test_every_format_keeps_its_fractions(tmp_path, format, content):
    path = tmp_path / f"x.{format}"
    path.write_bytes(content)
    calls = read_fractions(path, {"format": format})
    assert calls.fractional.dtype == np.float16
    # half of the spacing of float16 below 2
    np.testing.assert_allclose(calls.fractional, EXPECTED, atol=2**-11)
    np.testing.assert_array_equal(calls.dosages, np.rint(EXPECTED))
    picked = pick_fractions(calls, np.array(["9", "7"]), np.array(["2", "3"]))
    np.testing.assert_allclose(picked, EXPECTED[[2, 0]][:, 1:], atol=2**-11)
    with pytest.raises(InputError, match="marker '4' of the prepared data"):
        pick_fractions(calls, np.array(["9"]), np.array(["4"]))


def test_a_vcf_file_gives_rounded_calls_where_fractions_are_not_asked_for(tmp_path):
    path = tmp_path / "x.vcf"
    path.write_text(HEAD + SITES.replace("0/1:0.75", "./.:0.75"))
    assert read_vcf(path).dosages[1, 0] == 1
    assert read_vcf(path).fractional is None
    assert read_vcf(path, fractional=True).fractional[1, 0] == 0.75


def test_missing_dosages_are_read_back_and_filled_by_training_means(tmp_path):
    dosages = EXPECTED.copy()
    dosages[0, 1] = np.nan
    write_dosages(dosages, tmp_path / "dosages.npy")
    found = read_dosages(tmp_path / "dosages.npy", (3, 3))
    assert np.isnan(found[0, 1]) and found.dtype == np.float32
    filled = impute_by_training_rows(found, np.array([1, 2]))
    assert filled[0, 1] == pytest.approx((2 + 0.14) / 2, abs=1e-3)
    assert impute_by_training_rows(filled, np.array([1, 2])) is filled
    with pytest.raises(InputError, match=r"holds 3 animals and 3 markers"):
        read_dosages(tmp_path / "dosages.npy", (3, 4))


def test_tasks_hold_the_fractions_of_the_file(tmp_path):
    ids, names = ["a", "b", "c", "d"], ["x", "y"]
    dosages = np.array([[0.2, 1], [1, 1.6], [2, 0], [np.nan, 1]])
    marker_map = pd.DataFrame(
        {"chromosome": "1", "snp": names, "cm": 0.0, "position": [1, 2]}
    ).assign(a1="A", a2="C")
    calls = np.where(np.isnan(dosages), -1, np.rint(dosages)).astype(np.int8)
    write_genotypes(calls, np.array(ids), marker_map, tmp_path / "x.bed")
    write_dosages(dosages, tmp_path / "dosages.npy")
    training = pd.DataFrame({"fold": 1, "sample_id": ids, "t": [1.0, 2, 3, np.nan]})
    training.to_parquet(tmp_path / "training.parquet")
    folds = pd.DataFrame({"repeat": 1, "fold": 1, "sample_id": ids})
    folds = folds.assign(role=["train"] * 3 + ["test"], inner_fold=[1, 2, 2, 0])
    folds.to_parquet(tmp_path / "folds.parquet")
    files = [tmp_path / name for name in ("x.bed", "training.parquet", "folds.parquet")]
    key = JobKey("d", "markers", "gblup", 1, 1)
    (task,) = load_tasks(key, *files, fractional=tmp_path / "dosages.npy")
    assert task.is_fractional
    np.testing.assert_allclose(task.genotypes[:3], dosages[:3], atol=1e-3)
    assert task.genotypes[3, 0] == pytest.approx(3.2 / 3, abs=1e-3)
    assert not load_tasks(key, *files)[0].is_fractional


@pytest.fixture(scope="module")
def population():
    return make_population(np.random.default_rng(3))


def fit(method, genotypes, population, params, setting):
    _, loadings, Y = population
    tasks = make_tasks(genotypes, loadings, Y, method=method, setting=setting)[:1]
    return load_method(method)(tasks, params, 1)[0]


EXACT = {"backend": "native", "route": "exact"}


@pytest.mark.parametrize(
    ("method", "params", "setting"),
    [("gblup", {}, "markers_pedigree"), ("brr", EXACT, "markers")],
)
def test_whole_dosages_as_fractions_give_the_same_fit(
    population, method, params, setting
):
    hard = fit(method, population[0], population, params, setting)
    same = fit(method, population[0].astype(np.float32), population, params, setting)
    np.testing.assert_allclose(same.predicted, hard.predicted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(same.importance, hard.importance, atol=1e-4)


QUICK = {
    "gblup": {},
    "brr": EXACT,
    "bayescpi": {"backend": "native", "n_iter": 60, "burn_in": 20},
    "lassonet": {"n_iters": [5, 2], "max_lambdas": 3},
    "grvsnn": {"n_trials": 0, "max_epochs": 3},
    "grvsnn_plus": {"max_steps": 5},
}


@pytest.mark.parametrize("method", list(QUICK))
def test_every_method_takes_fractions(population, method):
    rng = np.random.default_rng(4)
    noise = rng.uniform(-0.3, 0.3, population[0].shape)
    dosages = np.clip(population[0] + noise, 0, 2).astype(np.float32)
    setting = "markers" if method == "brr" else "markers_pedigree"
    found = fit(method, dosages, population, QUICK[method], setting)
    n_features = population[0].shape[1]
    n_features += population[1].shape[1] if setting == "markers_pedigree" else 0
    assert found.importance.shape == (n_features, 2)
    assert np.isfinite(found.predicted).all() and np.isfinite(found.importance).all()
    rounded = fit(method, np.rint(dosages), population, QUICK[method], setting)
    assert not np.allclose(found.predicted, rounded.predicted)


def test_a_design_gives_back_the_fractions(population):
    genotypes, loadings, _ = population
    dosages = (genotypes * 0.93 + 0.02).astype(np.float32)
    rows = np.arange(0, len(dosages), 2)
    design = build_design(dosages, loadings, rows, joint=False)
    columns = np.hstack([design.block(index) for index in range(design.n_blocks)])
    found = design.origin + design.unit * columns[:, design.slots]
    expected = np.hstack([dosages, loadings])[rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(
        design.slot_term[design.slots],
        np.repeat([0, 1], [genotypes.shape[1], loadings.shape[1]]),
    )


def test_columns_of_fractions_lie_between_those_of_calls(population):
    genotypes, loadings, Y = population
    task = make_tasks(genotypes, loadings, Y, method="grvsnn_plus")[0]
    rows = np.arange(len(genotypes))
    hard = MarkerColumns(task)
    same = change(task, genotypes=genotypes.astype(np.float32))
    np.testing.assert_allclose(
        MarkerColumns(same).take(rows), hard.take(rows), atol=1e-5
    )
    # an animal halfway between two others has the mean of their columns
    halved = MarkerColumns(same)
    low, high = np.full_like(genotypes[:1], 1), np.full_like(genotypes[:1], 2)
    halved.genotypes = np.vstack([low, high, (low + high) / 2]).astype(np.float32)
    columns = halved.take(np.arange(3)).numpy()
    np.testing.assert_allclose(columns[2], columns[:2].mean(axis=0), atol=1e-5)


def test_only_formats_with_dosages_may_be_fractional(root):
    schemas = read_shipped_schemas(root)
    entry = {
        "format": "mouse",
        "samples": 9,
        "markers": 9,
        "loadings": {"rule": "knee"},
    }
    config = {"datasets": ["m"], "settings": ["markers"], "methods": ["gblup"]}
    config["registry"] = {"m": entry}
    assert find_problems(config, schemas, METHODS) == []
    entry["dosage"] = "fractional"
    (problem,) = find_problems(config, schemas, METHODS)
    assert "'dosage: fractional' is for the formats pig, vcf, csv" in problem
