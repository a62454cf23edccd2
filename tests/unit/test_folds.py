"""Fold tables: partitions, balance, and what each scheme promises."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.protocol.folds import (
    SCHEMES,
    fold_rows,
    forward_blocks,
    make_folds,
    stratify,
)

N = 203


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    ids = [f"animal{number:03d}" for number in rng.permutation(N)]
    values = rng.multivariate_normal([0, 10], [[1, 0.5], [0.5, 1]], N)
    values[:, 1] = np.exp(values[:, 1] / 4)
    Y = pd.DataFrame(values, index=ids, columns=["length", "weight"])
    Y = Y.mask(rng.random(Y.shape) < 0.1)
    Y.iloc[7] = np.nan
    return {
        "Y": Y,
        "groups": pd.Series(rng.integers(0, 30, N).astype(str), index=ids),
        "coordinates": pd.DataFrame(rng.normal(size=(N, 4)), index=ids),
        "born": pd.Series(rng.integers(2000, 2012, N), index=ids),
    }


def deal(data, scheme, n_repeats=2, n_folds=5, n_inner_folds=4, seed=1, **changes):
    if scheme == "forward":
        n_repeats = 1
    parts = {**data, **changes}
    Y = parts.pop("Y")
    return make_folds(
        Y, scheme, n_repeats, n_folds, n_inner_folds, seed, "demo", **parts
    )


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "forward"])
def test_folds_partition_the_observed_animals(data, scheme):
    folds = deal(data, scheme)
    observed = set(data["Y"].index[data["Y"].notna().any(axis=1)])
    assert len(observed) < N
    for _, part in folds.groupby("repeat"):
        test = part[part["role"] == "test"]
        assert set(test["sample_id"]) == observed
        assert not test["sample_id"].duplicated().any()
        for _, fold in part.groupby("fold"):
            assert set(fold["sample_id"]) == observed
            train = fold[fold["role"] == "train"]
            assert set(train["inner_fold"]) == {1, 2, 3, 4}
            assert (fold.loc[fold["role"] == "test", "inner_fold"] == 0).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_fold_rows_index_the_data_and_keep_test_rows_out(data, scheme):
    folds = deal(data, scheme)
    ids = data["Y"].index.to_numpy()
    train, test, inner = fold_rows(folds, 1, 2, ids)
    part = folds[(folds["repeat"] == 1) & (folds["fold"] == 2)]
    assert set(ids[test]) == set(part.loc[part["role"] == "test", "sample_id"])
    assert not set(train) & set(test)
    assert inner
    for fit, validation in inner:
        assert len(fit) and len(validation)
        assert set(fit) | set(validation) == set(train)
        assert not set(fit) & set(validation)


@pytest.mark.parametrize("scheme", ["stratified", "random"])
def test_fold_sizes_differ_by_at_most_one(data, scheme):
    folds = deal(data, scheme)
    sizes = folds[folds["role"] == "test"].groupby(["repeat", "fold"]).size()
    assert sizes.max() - sizes.min() <= 1
    train = folds[folds["role"] == "train"]
    inner = train.groupby(["repeat", "fold", "inner_fold"]).size()
    assert (inner.groupby(["repeat", "fold"]).agg(np.ptp) <= 1).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_row_order_does_not_matter(data, scheme):
    shuffled = {
        name: part.sample(frac=1, random_state=3) for name, part in data.items()
    }
    pd.testing.assert_frame_equal(deal(data, scheme), deal(shuffled, scheme))


@pytest.mark.parametrize("scheme", ["stratified", "random", "family", "cluster"])
def test_a_repeat_does_not_depend_on_their_number(data, scheme):
    one, three = deal(data, scheme, n_repeats=1), deal(data, scheme, n_repeats=3)
    pd.testing.assert_frame_equal(one, three[three["repeat"] == 1])
    second = three[three["repeat"] == 2].reset_index(drop=True)
    assert not one["role"].equals(second["role"])
    assert not one.equals(deal(data, scheme, n_repeats=1, seed=2))


def test_outer_folds_do_not_depend_on_the_inner_ones(data):
    few, many = (deal(data, "stratified", n_inner_folds=k) for k in (0, 6))
    assert few["role"].equals(many["role"])
    assert (few["inner_fold"] == 0).all()


def test_stratification_balances_every_trait():
    """Spread of fold means, variances and gaps well under that of random folds."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    values[:, 2] = np.exp(values[:, 2])
    values[rng.random(values.shape) < 0.1] = np.nan

    def spread(make_labels):
        total = np.zeros((3, 3))
        for repeat in range(20):
            label = make_labels(np.random.default_rng(repeat))
            parts = [values[label == k] for k in range(1, 6)]
            total[0] += np.var([np.nanmean(part, axis=0) for part in parts], axis=0)
            total[1] += np.var([np.nanvar(part, axis=0) for part in parts], axis=0)
            total[2] += np.var([np.isnan(part).sum(axis=0) for part in parts], axis=0)
        return total

    dealt = spread(lambda rng: stratify(values, 5, rng))
    random = spread(lambda rng: rng.permutation(np.arange(400) % 5 + 1))
    assert (dealt[0] < random[0] / 4).all()
    assert (dealt[1:] < random[1:] / 2).all()


def test_stratified_folds_stay_random():
    """Every pair of animals is sometimes split and most are sometimes together."""
    values = np.random.default_rng(1).normal(size=(40, 2))
    together = np.zeros((40, 40))
    for repeat in range(300):
        label = stratify(values, 4, np.random.default_rng(repeat))
        together += label[:, None] == label[None, :]
    off_diagonal = together[~np.eye(40, dtype=bool)]
    assert off_diagonal.max() < 300
    # of 300 deals, random folds put a pair together about 69 times
    assert 60 < off_diagonal.mean() < 80
    assert (off_diagonal == 0).mean() < 0.05


@pytest.mark.parametrize("level", ["fold", "inner_fold"])
def test_families_are_never_split(data, level):
    folds = deal(data, "family").assign(
        family=lambda table: table["sample_id"].map(data["groups"])
    )
    if level == "fold":
        test = folds[folds["role"] == "test"]
        assert (test.groupby(["repeat", "family"])["fold"].agg(np.ptp) == 0).all()
    else:
        train = folds[folds["role"] == "train"]
        spread = train.groupby(["repeat", "fold", "family"])["inner_fold"].agg(np.ptp)
        assert (spread == 0).all()


def test_animals_without_family_stand_alone(data):
    groups = data["groups"].copy()
    groups.iloc[:100] = None
    folds = deal(data, "family", groups=groups, n_repeats=1)
    test = folds[folds["role"] == "test"].set_index("sample_id")["fold"]
    alone = [sample for sample in groups.index[:100] if sample in test.index]
    assert test[alone].nunique() == 5


def test_clusters_stay_together():
    """As many distant clouds as clusters (4 per fold): no cloud is cut."""
    cloud = np.repeat(np.arange(8), 13)
    rng = np.random.default_rng(0)
    coordinates = 1000.0 * np.eye(8)[cloud] + rng.normal(size=(len(cloud), 8))
    Y = pd.DataFrame({"trait": rng.normal(size=len(cloud))})
    folds = make_folds(Y, "cluster", 3, 2, 2, 1, "demo", coordinates=coordinates)
    folds["cloud"] = cloud[folds["sample_id"].astype(int)]
    test = folds[folds["role"] == "test"]
    assert (test.groupby(["repeat", "cloud"])["fold"].agg(np.ptp) == 0).all()
    assert (test.groupby(["repeat", "fold"])["cloud"].nunique() == 4).all()


def test_forward_trains_on_older_animals_only(data):
    folds = deal(data, "forward").assign(
        born=lambda table: table["sample_id"].map(data["born"])
    )
    sizes = []
    for _, part in folds.groupby("fold"):
        train, test = part[part["role"] == "train"], part[part["role"] == "test"]
        assert train["born"].max() < test["born"].min()
        validation = train[train["inner_fold"] == 1]
        fit = train[train["inner_fold"] == 0]
        if train["born"].min() < train["born"].max():
            assert fit["born"].max() < validation["born"].min()
        sizes.append(len(train))
    assert sizes == sorted(sizes) and sizes[0] > 0
    test = folds[folds["role"] == "test"]
    assert not test["sample_id"].duplicated().any()


def test_forward_validates_even_where_training_animals_are_one_generation(data):
    founders = pd.Series(0, index=data["born"].index).where(data["born"] < 2006, 1)
    folds = deal(data, "forward", n_folds=1, n_inner_folds=4, born=founders)
    train = folds[folds["role"] == "train"]
    assert (train["inner_fold"] == 1).mean() == pytest.approx(1 / 4, abs=0.02)


def test_forward_blocks_are_nearly_equal():
    born = np.repeat(np.arange(12.0), 10)
    np.testing.assert_array_equal(np.bincount(forward_blocks(born, 4)), 30)
    lopsided = np.repeat([0.0, 1.0, 2.0], [100, 1, 1])
    np.testing.assert_array_equal(np.bincount(forward_blocks(lopsided, 3)), [100, 1, 1])


@pytest.mark.parametrize(
    ("scheme", "changes", "message"),
    [
        ("lottery", {}, "unknown fold scheme 'lottery'"),
        ("random", {"n_folds": 1}, "n_folds >= 2"),
        ("random", {"n_repeats": 0}, "n_repeats must be at least 1"),
        ("random", {"n_inner_folds": 1}, "n_inner_folds must be 0 or at least 2"),
        ("stratified", {"n_folds": 300}, "200 animals .* cannot fill 300 folds"),
        ("stratified", {"n_inner_folds": 180}, "cannot fill 180 folds"),
        ("family", {"n_folds": 31, "n_inner_folds": 0}, "30 families, .* 31 folds"),
        ("family", {"groups": None}, "needs groups"),
        ("cluster", {"coordinates": None}, "needs coordinates"),
        ("forward", {"n_folds": 12}, "at most 11 forward folds"),
        ("cluster", {"coordinates": np.zeros((3, 2))}, "3 rows for 203"),
    ],
)
def test_impossible_settings(data, scheme, changes, message):
    with pytest.raises(InputError, match=message):
        deal(data, scheme, **changes)


def test_forward_refuses_repeats_and_gaps(data):
    with pytest.raises(InputError, match="set n_repeats: 1"):
        make_folds(data["Y"], "forward", 2, 3, 0, 1, "demo", born=data["born"])
    born = data["born"].astype(float)
    born.iloc[3] = np.nan
    with pytest.raises(
        InputError, match=f"born of animal '{born.index[3]}' is missing"
    ):
        deal(data, "forward", born=born)


def test_repeated_sample_is_named(data):
    Y = pd.concat([data["Y"], data["Y"].iloc[:1]])
    with pytest.raises(InputError, match=f"'{Y.index[0]}' has more than one row"):
        make_folds(Y, "random", 1, 5, 0, 1, "demo")
