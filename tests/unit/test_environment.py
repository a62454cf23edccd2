"""Common environments: read as classes, a kernel of GBLUP, and groups of folds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from grvsnn.methods import gblup
from grvsnn.pedigree.loadings import eigen_loadings
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import relationship_matrix
from grvsnn.pedigree.relatives import relationships_among
from grvsnn.protocol.folds import fold_rows, make_folds
from grvsnn.report.tables.held_out import held_out_table
from scipy.optimize import minimize

from tests.unit.toy_tasks import make_population, make_tasks

PENS = 40


def with_pens(seed, share=0.4, setting="markers", n_families=80):
    """Folds of animals in pens of their own, whose effects hold a share of variance."""
    rng = np.random.default_rng(seed)
    genotypes, L, Y = make_population(rng, n_families, 6, n_traits=1, h2=0.4)
    pens = rng.integers(PENS, size=len(Y))
    Y = Y / Y.std(axis=0) * np.sqrt(1 - share)
    Y = Y + rng.normal(size=(PENS, 1))[pens] * np.sqrt(share)
    tasks = make_tasks(genotypes, L, Y, method="gblup_env", setting=setting)
    return [dataclasses.replace(task, environment={"pen": pens}) for task in tasks], Y


def accuracy(fits, tasks, Y):
    return np.mean(
        [
            np.corrcoef(fit.predicted[:, 0], Y[task.test, 0])[0, 1]
            for fit, task in zip(fits, tasks, strict=True)
        ]
    )


def test_the_variance_of_pens_is_recovered_and_helps():
    tasks, Y = with_pens(1)
    fits = gblup.fit(tasks, {}, 1)
    shares = np.mean([fit.info["traits"]["t0"]["shares"]["pen"] for fit in fits])
    # 40 pens: the standard error of their variance is about a fifth of it
    assert shares == pytest.approx(0.4, abs=0.2)
    blind = [dataclasses.replace(task, environment={}) for task in tasks]
    assert accuracy(fits, tasks, Y) > accuracy(gblup.fit(blind, {}, 1), tasks, Y) + 0.15
    for fit in fits:
        facts = fit.info["traits"]["t0"]
        assert facts["h2"] == pytest.approx(facts["shares"]["markers"])


def test_it_is_the_dense_mixed_model():
    """Equal to V^-1 with the kernels written out, at the same variance components."""
    task = with_pens(2, n_families=20)[0][0]
    (fit,) = gblup.fit([task], {}, 1)
    part = fit.info["traits"]["t0"]
    rows, X = task.train, task.genotypes.astype(float)
    p = X[rows].mean(axis=0) / 2
    G = X @ X.T / (2 * p * (1 - p)).sum()
    Z = np.equal.outer(task.environment["pen"], np.arange(PENS)).astype(float)
    K = part["variances"]["markers"] * G + part["variances"]["pen"] * (Z @ Z.T)
    V = K[np.ix_(rows, rows)] + part["residual"] * np.eye(len(rows))
    y, one = task.Y[rows, 0], np.ones(len(rows))
    mean = one @ np.linalg.solve(V, y) / (one @ np.linalg.solve(V, one))
    expected = mean + K[np.ix_(task.test, rows)] @ np.linalg.solve(V, y - mean)
    np.testing.assert_allclose(fit.predicted[:, 0], expected, atol=1e-6)

    def restricted(log_variances):
        a, b, e = np.exp(log_variances)
        V = a * G[np.ix_(rows, rows)] + b * (Z @ Z.T)[np.ix_(rows, rows)]
        V = V + e * np.eye(len(rows))
        inverse = np.linalg.inv(V)
        P = inverse - np.outer(inverse @ one, one @ inverse) / (one @ inverse @ one)
        sizes = np.linalg.slogdet(V)[1] + np.log(one @ inverse @ one)
        return 0.5 * (sizes + y @ P @ y)

    found = [*part["variances"].values(), part["residual"]]
    best = minimize(restricted, np.log(np.maximum(found, 1e-4)), method="Nelder-Mead")
    assert restricted(np.log(np.maximum(found, 1e-9))) <= best.fun + 1e-4


def test_an_animal_without_a_class_gets_no_effect_of_one():
    task = with_pens(3)[0][0]
    pens = task.environment["pen"].copy()
    pens[task.test] = -1
    lone = dataclasses.replace(task, environment={"pen": pens})
    new = dataclasses.replace(
        task, environment={"pen": np.where(pens < 0, PENS + 1, pens)}
    )
    (first,), (second,) = gblup.fit([lone], {}, 1), gblup.fit([new], {}, 1)
    np.testing.assert_allclose(first.predicted, second.predicted, atol=1e-9)


def test_the_names_of_classes_do_not_matter():
    task = with_pens(4)[0][0]
    other = {"pen": np.random.default_rng(0).permutation(PENS)[task.environment["pen"]]}
    (first,) = gblup.fit([task], {}, 1)
    (second,) = gblup.fit([dataclasses.replace(task, environment=other)], {}, 1)
    np.testing.assert_allclose(first.predicted, second.predicted, atol=1e-6)


def ring_pedigree(n=40, seed=0):
    """Some generations of random mating."""
    rng = np.random.default_rng(seed)
    rows = [(f"f{i}", "0", "0") for i in range(10)]
    for i in range(n):
        old = [row[0] for row in rows[-20:]]
        sire, dam = rng.choice(len(old) // 2, 2)
        rows.append((f"a{i}", old[2 * sire], old[2 * dam + 1]))
    return pd.DataFrame(rows, columns=["id", "sire", "dam"])


def test_ablup_is_gblup_with_all_loadings(tmp_path):
    """A itself gives what L L' = A gives, with a rank that cuts nothing."""
    frame = ring_pedigree()
    pedigree = Pedigree.from_frame(frame, both_sexes=True)
    ids = [f"a{i}" for i in range(40)]
    frame.to_parquet(tmp_path / "pedigree.parquet")
    A = relationships_among(tmp_path / "pedigree.parquet", ids[::-1], both_sexes=True)
    rows = pedigree.rows_of(ids[::-1])
    dense = relationship_matrix(pedigree)[np.ix_(rows, rows)]
    np.testing.assert_allclose(A, dense, atol=1e-12)
    L = eigen_loadings(dense, np.arange(40), "fixed", rank=40).loadings
    rng = np.random.default_rng(1)
    X = rng.binomial(2, 0.4, (40, 30)).astype(np.int8)
    Y = L @ rng.normal(size=(40, 1)) + rng.normal(size=(40, 1))
    for setting in ("markers_pedigree", "pedigree"):
        tasks = make_tasks(X, L, Y, method="ablup", setting=setting)
        exact = [dataclasses.replace(task, relationship=A) for task in tasks]
        for given, cut in zip(
            gblup.fit(exact, {}, 1), gblup.fit(tasks, {}, 1), strict=True
        ):
            np.testing.assert_allclose(given.predicted, cut.predicted, atol=1e-4)
            assert given.importance.shape == cut.importance.shape


def test_groups_stay_together_in_outer_and_inner_folds():
    rng = np.random.default_rng(5)
    ids = [f"a{i}" for i in range(60)]
    Y = pd.DataFrame({"y": rng.normal(size=60)}, index=ids)
    pens = pd.Series(rng.choice(["p", "q", "r", "s", "t", "u", None], 60), index=ids)
    table = make_folds(Y, "group", 2, 3, 2, 1, "herd", groups=pens)
    for repeat in (1, 2):
        for fold in (1, 2, 3):
            train, test, inner = fold_rows(table, repeat, fold, ids)
            for first, second in ((train, test), *inner):
                shared = set(pens.iloc[first].dropna()) & set(
                    pens.iloc[second].dropna()
                )
                assert not shared


def test_the_table_has_a_column_for_each_group():
    keys = {"dataset": "herd", "setting": "markers", "repeat": 1, "trait": "y"}
    rows = [
        {**keys, "method": method, "fold": fold, "metric": "r", "value": value}
        for method, value in (
            ("gblup", 0.5),
            ("mean", 0.0),
            ("gblup-held_pen", 0.3),
            ("gblup-held_family", 0.1),
        )
        for fold in (1, 2)
    ]
    scores = pd.DataFrame(rows)
    held = scores["method"].str.contains("held")
    table = held_out_table(scores[~held], scores[held], "stratified")
    assert list(table.cells.columns) == [
        "Animals (stratified folds)",
        "Pen classes held out",
        "Full-sib families held out",
    ]
    assert [text[:4] for text in table.cells.iloc[0]] == ["0.50", "0.30", "0.10"]
    assert len(table.cells) == 1
