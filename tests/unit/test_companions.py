"""Shares of training animals nest; protocols are compared run by run."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.companions import beside_base, compare_with_base
from grvsnn.errors import InputError
from grvsnn.figures.learning_curve import plot_learning
from grvsnn.figures.optimism import plot_optimism
from grvsnn.folds import fold_rows, make_folds
from grvsnn.methods.grvsnn import fit
from grvsnn.metrics import pearson
from grvsnn.shares import share_scores, share_size, take_shares
from grvsnn.tables.learning_curve import learning_table
from grvsnn.tables.optimism import optimism_table
from toy_tasks import change, make_population, make_tasks

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


@pytest.fixture(scope="module")
def optimism():
    nested = pd.concat([make_scores("grvsnn", 0.3), make_scores("gblup", 0.4)])
    noisy = make_scores("grvsnn-published", 0.5, noise=0.03)
    return nested, noisy


def test_optimism_table_holds_protocols_side_by_side(optimism):
    nested, published = optimism
    table = optimism_table(*optimism)
    assert [key[1] for key in table.cells.index] == ["GRVSNN"] * 2
    assert table.column_titles[:3] == [
        "r, nested",
        "r, published (optimistic)",
        "Difference [95 %]",
    ]
    row = table.numbers.query("setting == 'markers' and trait == 'x' and metric == 'r'")
    means = [
        part.query(
            "setting == 'markers' and trait == 'x' and metric == 'r'"
            " and method.str.startswith('grvsnn')"
        )["value"].mean()
        for part in (nested, published)
    ]
    assert row["nested_mean"].item() == pytest.approx(means[0])
    assert row["published_mean"].item() == pytest.approx(means[1])
    assert row["difference"].item() == pytest.approx(means[1] - means[0])
    assert row["lower"].item() < row["difference"].item() < row["upper"].item()
    assert row["n_runs"].item() == 10
    assert "optimistic" in table.note
    assert set(table.numbers["metric"]) == {"r", "mse"}


def test_optimism_figure_names_protocols(optimism, tmp_path):
    plot_optimism(*optimism, [tmp_path / "o.svg", tmp_path / "o.png"])
    text = (tmp_path / "o.svg").read_text()
    for name in ("published protocol (optimistic)", "nested protocol", "GRVSNN, mark"):
        assert name in text
    assert "GBLUP" not in text


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
