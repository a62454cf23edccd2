"""Shares of training animals nest; protocols are compared run by run."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.methods.grvsnn import fit
from grvsnn.protocol.folds import fold_rows, make_folds
from grvsnn.protocol.training_shares import share_size, take_shares
from grvsnn.report.figures.learning_curve import plot_learning
from grvsnn.report.figures.optimism import plot_optimism
from grvsnn.report.tables.learning_curve import learning_table
from grvsnn.report.tables.optimism import optimism_table
from grvsnn.scoring.learning_curve import share_scores
from grvsnn.scoring.metrics import pearson
from grvsnn.scoring.optimism import (
    CONTRASTS,
    compare_cells,
    fitted_shares,
    optimism_scores,
)
from grvsnn.scoring.variants import beside_base, compare_with_base
from toy_tasks import change, make_population, make_tasks

from tests.shipped import load_method

N, SEED = 200, 5
IDS = [f"a{i:03d}" for i in range(N)]
SETTINGS = ["markers", "markers_pedigree"]


@pytest.fixture(scope="module")
def phenotypes():
    values = np.random.default_rng(0).normal(size=(N, 2))
    values[::17, 1] = np.nan
    return pd.DataFrame(values, columns=["x", "z"]).assign(sample_id=IDS)


@pytest.fixture(scope="module")
def folds(phenotypes):
    by_id = phenotypes.set_index("sample_id")
    return make_folds(by_id, "stratified", 2, 5, 4, SEED, "h")


@pytest.fixture(scope="module")
def shares(folds, phenotypes):
    return take_shares(folds, phenotypes, [20, 50, 80], SEED, "h")


def members(table, repeat, fold):
    mine = (table["repeat"] == repeat) & (table["fold"] == fold)
    train = mine & (table["role"] == "train")
    return set(table.loc[train, "sample_id"])


def test_shares_nest_and_keep_the_test_animals(folds, shares):
    everyone = [folds, *(shares[share] for share in (80, 50, 20))]
    for repeat in (1, 2):
        for fold in range(1, 6):
            sets = [members(table, repeat, fold) for table in everyone]
            assert [len(s) for s in sets] == [160, 128, 80, 32]
            assert sets[0] > sets[1] > sets[2] > sets[3]
            tests = [fold_rows(t, repeat, fold, IDS)[1] for t in everyone]
            assert all(np.array_equal(tests[0], other) for other in tests)
            train, _, inner = fold_rows(shares[20], repeat, fold, IDS)
            assert len(inner) == 4
            held = np.sort(np.concatenate([validation for _, validation in inner]))
            np.testing.assert_array_equal(held, train)


def test_shares_differ_between_folds_and_seeds_only(folds, phenotypes, shares):
    alone = take_shares(folds, phenotypes, [50], SEED, "h")[50]
    pd.testing.assert_frame_equal(alone, shares[50])
    other = take_shares(folds, phenotypes, [50], SEED + 1, "h")[50]
    assert members(other, 1, 1) != members(alone, 1, 1)


def test_shares_do_not_depend_on_test_phenotypes(folds, phenotypes, shares):
    test = folds.query("repeat == 1 and fold == 1 and role == 'test'")["sample_id"]
    poisoned = phenotypes.copy()
    poisoned.loc[poisoned["sample_id"].isin(test), ["x", "z"]] = 1e3
    again = take_shares(folds, poisoned, [50], SEED, "h")[50]
    assert members(again, 1, 1) == members(shares[50], 1, 1)


def test_shares_are_stratified(folds, phenotypes, shares):
    """Means of a share vary far less than those of as many animals at random."""
    values = phenotypes.set_index("sample_id")["x"]
    off = [
        values[list(members(shares[20], r, f))].mean()
        - values[list(members(folds, r, f))].mean()
        for r in (1, 2)
        for f in range(1, 6)
    ]
    at_random = values.std() * np.sqrt((1 - 0.2) / 32)
    assert np.sqrt(np.mean(np.square(off))) < 0.5 * at_random


def test_shares_that_empty_an_inner_fold_are_refused(folds, phenotypes):
    with pytest.raises(InputError, match=r"learning_curve: 2 % .* inner fold"):
        take_shares(folds, phenotypes, [50, 2], SEED, "h")


def test_share_sizes_are_rounded():
    assert share_size(161, 20) == 32
    assert share_size(np.array([10, 15]), np.array([25, 100])).tolist() == [2, 15]


def make_scores(method, r, repeats=(1, 2), noise=0.02):
    """Long scores of r and MSE, two traits; `noise` around `r`, the same by place."""
    keys = {
        "dataset": ["h"],
        "setting": SETTINGS,
        "method": [method],
        "repeat": repeats,
        "fold": range(1, 6),
        "trait": ["x", "z"],
    }
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    draws = np.random.default_rng(1).normal(0, noise, len(table))
    mse = table.assign(metric="mse", value=1 - r + draws)
    return pd.concat([table.assign(metric="r", value=r + draws), mse])


def test_base_methods_join_for_the_repeats_of_their_companions():
    scores = pd.concat([make_scores("grvsnn", 0.3), make_scores("brr", 0.4)])
    both = beside_base(scores, make_scores("grvsnn-published", 0.5, [1]))
    assert set(both["method"]) == {"grvsnn", "grvsnn-published"}
    assert set(both["repeat"]) == {1}
    tests = compare_with_base(both, ["r"])
    assert (tests["reference"] == "grvsnn").all() and (tests["n"] == 5).all()


def test_companions_of_a_variant_stand_beside_the_variant():
    scores = pd.concat([make_scores("grvsnn", 0.3), make_scores("grvsnn-x", 0.2)])
    both = beside_base(scores, make_scores("grvsnn-x-published", 0.5))
    assert set(both["method"]) == {"grvsnn-x", "grvsnn-x-published"}


# r of each fit: 0.03 by training size and 0.05 by leakage; GBLUP fits all at once, and
# LassoNet is refitted in the benchmark, where the network is not
FITS = {
    "grvsnn": 0.30,
    "grvsnn-whole": 0.33,
    "grvsnn-peeking": 0.35,
    "grvsnn-published": 0.38,
    "lassonet": 0.23,
    "lassonet-part": 0.20,
    "lassonet-peeking": 0.25,
    "lassonet-published": 0.28,
    "gblup": 0.40,
    "gblup-published": 0.45,
    "grvsnn_plus": 0.30,
    "grvsnn_plus-peeking": 0.35,
    "grvsnn_plus-published": 0.38,
    "grvsnn-bottleneck": 0.10,
    "grvsnn-bottleneck-whole": 0.13,
    "grvsnn-bottleneck-peeking": 0.15,
    "grvsnn-bottleneck-published": 0.18,
}


@pytest.fixture(scope="module")
def by_cell():
    tables = {name: make_scores(name, r) for name, r in FITS.items()}
    tables["brr"] = make_scores("brr", 0.4)
    own = ["grvsnn", "lassonet", "gblup", "grvsnn_plus", "grvsnn-bottleneck", "brr"]
    scores = pd.concat([tables.pop(name) for name in own])
    return optimism_scores(scores, pd.concat(tables.values()))


def test_training_size_and_leakage_are_told_apart(by_cell):
    assert "brr" not in set(by_cell["method"])
    numbers = compare_cells(by_cell)
    r = numbers.query("metric == 'r'").groupby("method")[list(CONTRASTS)].mean()
    for method in ("grvsnn", "grvsnn-bottleneck", "lassonet"):
        expected = {"size": 0.03, "leakage_part": 0.05, "leakage_whole": 0.05}
        assert r.loc[method].to_dict() == pytest.approx(expected)
    # what was called the protocol's part of r before: both
    row = numbers.query("metric == 'r' and method == 'grvsnn'").iloc[0]
    whole = row["published_mean"] - row["part_mean"]
    assert whole == pytest.approx(row["size"] + row["leakage_whole"])
    assert r.loc["gblup", "leakage_whole"] == pytest.approx(0.05)
    assert r.loc["gblup", ["size", "leakage_part"]].isna().all()
    assert r.loc["grvsnn_plus", "leakage_part"] == pytest.approx(0.05)
    assert r.loc["grvsnn_plus", ["size", "leakage_whole"]].isna().all()
    assert (numbers["n_runs"] == 10).all()
    own = by_cell[by_cell["own"]].groupby("method")["cell"].unique().explode()
    assert own.to_dict() == {
        "gblup": "whole",
        "grvsnn": "part",
        "grvsnn-bottleneck": "part",
        "grvsnn_plus": "part",
        "lassonet": "whole",
    }


def test_differences_are_tested_run_by_run():
    noisy = make_scores("grvsnn-whole", 0.5, noise=0.03)
    numbers = compare_cells(optimism_scores(make_scores("grvsnn", 0.3), noisy))
    row = numbers.query("setting == 'markers' and trait == 'x' and metric == 'r'")
    lower, size, upper = row[["size_lower", "size", "size_upper"]].iloc[0]
    assert size == pytest.approx(row["whole_mean"].item() - row["part_mean"].item())
    assert lower < size < upper


def test_shares_are_of_all_animals(folds):
    assert fitted_shares(folds) == {True: 80, False: 60}


def test_optimism_table_shows_four_fits_and_what_is_leakage(by_cell):
    table = optimism_table(by_cell, {True: 80, False: 64})
    assert table.column_titles == [
        *["64 % fitted", "80 % fitted"] * 2,
        "training size",
        "leakage, 64 % fitted",
        "leakage, 80 % fitted",
    ]
    assert table.cells.shape == (2 * 2 * 5, 7)
    cells = table.cells.xs("GBLUP", level="Model").iloc[0]
    assert (cells == "–").tolist() == [True, False, True, False, True, True, False]
    assert "±" in cells.iloc[1] and "[" in cells.iloc[6]
    assert set(table.numbers["metric"]) == {"r", "mse"}
    for text in (
        "optimistic",
        "The benchmark's own fits are the nested ones with 64 % for GRVSNN+, GRVSNN,",
        "80 % for LassoNet, GBLUP",
        "GRVSNN, bottleneck: the paper's released network",
        "its REML layers always have all",
    ):
        assert text in table.note
    alone = optimism_table(by_cell[by_cell["method"] == "gblup"], {True: 8, False: 6})
    assert "REML" not in alone.note and "bottleneck" not in alone.note


def test_optimism_figure_joins_fits_of_as_many_animals(by_cell, tmp_path):
    plot_optimism(
        by_cell, {True: 80, False: 64}, [tmp_path / "o.svg", tmp_path / "o.png"]
    )
    text = (tmp_path / "o.svg").read_text()
    for name in (
        "tuned and stopped on test animals (optimistic)",
        "nested protocol",
        "GRVSNN, markers, 64 %",
        "GBLUP, markers + pedigree, 80 %",
    ):
        assert name in text
    assert "GBLUP, markers, 64 %" not in text


@pytest.fixture(scope="module")
def curve(folds):
    parts = [make_scores(f"gblup-share{s}", 0.1 + s / 400, [1]) for s in (20, 50)]
    return share_scores(make_scores("gblup", 0.4), pd.concat(parts), folds)


def test_share_scores_know_the_number_of_animals(curve):
    assert set(curve["method"]) == {"gblup"} and set(curve["repeat"]) == {1}
    animals = curve.groupby("share")["n_train"].unique().explode()
    assert animals.to_dict() == {20: 32, 50: 80, 100: 160}


def test_learning_curve_table_and_figure(curve, tmp_path):
    table = learning_table(curve)
    assert table.column_titles == ["20 %, n = 32", "50 %, n = 80", "100 %, n = 160"]
    assert table.cells.shape == (4, 3)
    full = curve.query("share == 100 and trait == 'x' and setting == 'markers'")
    mean, sd = full["value"].mean(), full["value"].std()
    assert table.cells.iloc[0, 2] == f"{mean:.3f} ± {sd:.3f}"
    plot_learning(curve, [tmp_path / "l.svg", tmp_path / "l.png"])
    text = (tmp_path / "l.svg").read_text()
    for name in ("Training animals", "GBLUP", "markers + pedigree"):
        assert name in text


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("grvsnn", {"n_trials": 0, "max_epochs": 5}),
        ("lassonet", {"max_lambdas": 2}),
        ("brr", {"backend": "native", "n_iter": 40, "burn_in": 10}),
    ],
)
def test_methods_standardise_by_the_rows_that_the_protocol_names(method, params):
    """Predictions change with the rows, and with nothing that the test animals did."""
    population = make_population(np.random.default_rng(2), n_families=6)
    task = make_tasks(*population, method=method)[0]
    by_all = change(task, scaled_by_all=True)
    run = load_method(method)
    one, other = (run([one], params, 1)[0].predicted for one in (task, by_all))
    assert not np.array_equal(one, other)
    # the same where all rows are training rows
    known = np.sort(np.concatenate([task.train, task.test]))
    everyone = change(task, train=known, test=known[:3], Y=np.nan_to_num(task.Y))
    one, other = (
        run([change(everyone, scaled_by_all=flag)], params, 1)[0].predicted
        for flag in (False, True)
    )
    np.testing.assert_array_equal(one, other)


def mean_r(tasks, truth):
    """Mean r over folds and traits; constant predictions count as 0."""
    params = {"n_trials": 0, "max_epochs": 40}
    return np.mean(
        [
            np.nan_to_num(pearson(truth[task.test, t], found.predicted[:, t]))
            for task, found in zip(tasks, fit(tasks, params, 1), strict=True)
            for t in range(truth.shape[1])
        ]
    )


def test_validating_on_test_animals_predicts_noise():
    """Early stopping on the test rows finds r where there is nothing to find."""
    gains = []
    for seed in (3, 4, 5):
        rng = np.random.default_rng(seed)
        genotypes, loadings, Y = make_population(rng, n_families=20)
        Y = rng.normal(size=Y.shape)
        nested = make_tasks(genotypes, loadings, Y, method="grvsnn")
        truth = (Y - Y.mean(axis=0)) / Y.std(axis=0)
        published = [
            change(task, Y=truth, inner_splits=((task.train, task.test),))
            for task in nested
        ]
        gains.append(mean_r(published, truth) - mean_r(nested, truth))
    # none in a population where no network learnt a thing
    assert min(gains) >= 0
    assert np.mean(gains) > 0.015
