"""The default rank rule, and what shares of the trace mean."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.pedigree.loadings import eigen_loadings, loadings_by, sort_by_id
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import BAR, choose_rank, describe_rank
from grvsnn.pedigree.relationship import BlockOperator, relationship_matrix
from grvsnn.protocol.fold_task import column_moments
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_pedigree

HERDS = {
    "families": dict(n_generations=2, n_genotyped_generations=1, n_sires=12),
    "closed": dict(
        n_generations=12, n_genotyped_generations=3, n_sires=3, litter_size=5
    ),
    "inbred": dict(
        n_generations=25, n_sires=2, dams_per_sire=2, litter_size=10, n_genotyped=120
    ),
}


def make_herd(**params):
    pedigree, animals = simulate_pedigree(SimulationParams(**params), seed=1)
    return pedigree, pedigree.rows_of(animals.loc[animals["genotyped"], "id"])


@pytest.fixture(scope="module")
def herd():
    return make_herd(n_sires=6, dams_per_sire=4, litter_size=3)


def make_families(sizes):
    family = np.repeat(np.arange(len(sizes)), sizes)
    return 0.5 * (family[:, None] == family) + 0.5 * np.eye(len(family))


def expected_accuracy(kernel, A, heritability):
    """r of predicted and true values of a third, from the model's own covariances."""
    test = np.arange(len(A)) % 3 == 0
    train = ~test
    n = train.sum()
    centre = np.eye(n) - 1 / n
    noise = (np.trace(A) - A.sum() / len(A)) / (len(A) - 1)
    noise *= (1 - heritability) / heritability
    # what the kernel leaves out is residual to it
    residual = noise + (np.trace(A) - np.trace(kernel)) / len(A)
    V = centre @ kernel[np.ix_(train, train)] @ centre + residual * np.eye(n)
    W = kernel[np.ix_(test, train)] @ centre @ np.linalg.solve(V, centre)
    W -= W.mean(axis=0)
    true = A[np.ix_(test, test)]
    covariance = np.trace(W @ A[np.ix_(train, test)])
    predicted = np.trace(W @ (A[np.ix_(train, train)] + noise * np.eye(n)) @ W.T)
    spread = np.trace(true) - true.sum() / len(true)
    return covariance / np.sqrt(predicted * spread)


@pytest.mark.parametrize("name", HERDS)
def test_no_more_than_five_per_cent_of_the_accuracy_is_lost(name):
    pedigree, rows = make_herd(**HERDS[name])
    A = relationship_matrix(pedigree)[np.ix_(rows, rows)]
    L = eigen_loadings(pedigree, rows, "average").loadings
    assert L.shape[1] < 0.4 * len(rows)
    for heritability in (0.2, 0.5, 0.8):
        whole = expected_accuracy(A, A, heritability)
        assert expected_accuracy(L @ L.T, A, heritability) >= 0.95 * whole


def test_the_knee_of_an_inbred_line_loses_more_than_that():
    pedigree, rows = make_herd(**HERDS["inbred"])
    A = relationship_matrix(pedigree)[np.ix_(rows, rows)]
    L = eigen_loadings(pedigree, rows, "knee").loadings
    assert expected_accuracy(L @ L.T, A, 0.5) < 0.8 * expected_accuracy(A, A, 0.5)


def test_kept_eigenvalues_are_those_above_the_bar(herd):
    pedigree, rows = herd
    A = relationship_matrix(pedigree)[np.ix_(rows, rows)]
    result = eigen_loadings(pedigree, rows, "average")
    values = np.linalg.eigvalsh(A)[::-1]
    n = len(A)
    mean_between = (A.sum() - np.trace(A)) / (n * (n - 1))
    average = np.trace(A) / n - mean_between
    np.testing.assert_allclose(result.evidence["average"], average, rtol=1e-12)
    assert result.rank == (values > BAR * average).sum()
    np.testing.assert_allclose(result.eigenvalues, values, atol=1e-10)
    np.testing.assert_allclose(
        result.evidence["share"], values[: result.rank].sum() / np.trace(A)
    )
    # the best approximation of its rank (Eckart and Young 1936)
    rest = A - result.loadings @ result.loadings.T
    np.testing.assert_allclose(np.linalg.norm(rest, 2), values[result.rank], rtol=1e-9)


def test_iterative_equals_dense_and_the_matrix_its_pedigree(herd):
    pedigree, rows = herd
    dense = eigen_loadings(pedigree, rows, "average")
    iterative = eigen_loadings(pedigree, rows, "average", dense_limit=10)
    assert iterative.evidence["solver"] == "iterative"
    assert iterative.rank == dense.rank
    product = dense.loadings @ dense.loadings.T
    np.testing.assert_allclose(
        iterative.loadings @ iterative.loadings.T, product, atol=1e-6
    )
    given = eigen_loadings(relationship_matrix(pedigree), rows, "average")
    np.testing.assert_allclose(given.loadings @ given.loadings.T, product, atol=1e-9)


def test_animals_without_relatives_take_no_component():
    A = make_families([4, 3, 3, 2, 1, 1, 1])
    result = eigen_loadings(A, np.arange(15), "average")
    assert result.rank == 4 and result.evidence["without_relatives"] == 3
    assert (result.loadings[12:] == 0).all()
    alone = eigen_loadings(A[:12, :12], np.arange(12), "average")
    np.testing.assert_allclose(result.loadings[:12], alone.loadings, atol=1e-12)
    with pytest.raises(InputError, match="no genotyped animal is related"):
        eigen_loadings(np.eye(4), np.arange(4), "average")


def test_the_order_of_the_animals_does_not_matter(herd):
    pedigree, rows = herd
    order = np.random.default_rng(2).permutation(len(rows))
    L = eigen_loadings(pedigree, rows, "average").loadings
    np.testing.assert_array_equal(
        eigen_loadings(pedigree, rows[order], "average").loadings, L[order]
    )


def test_a_shuffled_matrix_has_the_same_loadings_even_where_a_tie_is_cut():
    """Rank 9 cuts the floor of 0.5, whose basis follows the order of the animals."""
    A = make_families([6, 5, 4, 3])
    ids = np.array([f"a{number:02d}" for number in range(len(A))])
    order = np.random.default_rng(3).permutation(len(A))
    L = eigen_loadings(A, np.arange(len(A)), "fixed", rank=9).loadings
    shuffled = A[np.ix_(order, order)]
    other = eigen_loadings(shuffled, np.arange(len(A)), "fixed", rank=9).loadings
    assert np.abs(other @ other.T - (L @ L.T)[np.ix_(order, order)]).max() > 0.1
    sorted_ids, back = sort_by_id(ids[order], shuffled)
    np.testing.assert_array_equal(sorted_ids, ids)
    np.testing.assert_array_equal(
        eigen_loadings(back, np.arange(len(A)), "fixed", rank=9).loadings, L
    )


def test_block_of_a_is_that_of_the_whole(herd):
    pedigree, rows = herd
    A = relationship_matrix(pedigree)
    some = rows[::3]
    block = BlockOperator(pedigree, some)
    np.testing.assert_allclose(block.to_dense(), A[np.ix_(some, some)], atol=1e-14)
    np.testing.assert_allclose(block.diagonal, A.diagonal()[some], atol=1e-14)


def test_ancestors_are_found_through_both_parents():
    records = {"id": list("abcdef"), "sire": list("00a0c0"), "dam": list("00b0d0")}
    pedigree = Pedigree.from_frame(pd.DataFrame(records))
    rows = pedigree.with_ancestors(pedigree.rows_of(["c"]))
    assert set(pedigree.ids[rows]) == set("abc")
    rows = pedigree.with_ancestors(pedigree.rows_of(["e", "f"]))
    assert set(pedigree.ids[rows]) == set("abcdef")


def test_the_cap_binds_aloud_and_cuts_no_tie():
    values = np.array([9.0, 7, 7, 5, 5, 5, 0.1, 0.1])
    rank, evidence = choose_rank(values, "average", average=1.0, cap=5)
    assert rank == 3 and evidence["cap"] == 5 and "ties" not in evidence
    said = describe_rank(rank, "average", evidence)
    assert "3 loadings by rule 'average'" in said and "no more than 5" in said
    rank, evidence = choose_rank(values, "average", average=1.0, cap=6)
    assert rank == 6 and "cap" not in evidence
    # a first run of ties longer than the cap has to be cut
    rank, evidence = choose_rank(np.full(9, 2.5), "average", average=1.0, cap=4)
    assert rank == 4 and evidence["ties"] == (1, 9)


@pytest.mark.parametrize("dense_limit", [10, 10**6])
def test_the_cap_holds_for_both_solvers(herd, dense_limit):
    result = eigen_loadings(*herd, "average", cap=20, dense_limit=dense_limit)
    assert result.rank <= 20 and result.evidence["cap"] == 20


def test_registry_settings_reach_the_rule(herd):
    assert loadings_by({"rule": "average", "value": 20}, *herd).evidence["cap"] == 20
    assert loadings_by({"rule": "fixed", "value": 7}, *herd).rank == 7
    share = loadings_by({"rule": "variance", "value": 0.7}, *herd).evidence["share"]
    assert share >= 0.7


def test_share_of_the_trace_bounds_the_trace_norm(herd):
    """A - L L' is positive semi-definite with at most 1 - share of A's trace."""
    pedigree, _ = herd
    A = relationship_matrix(pedigree)
    ranks = []
    for share in (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0):
        result = eigen_loadings(pedigree, np.arange(len(A)), "variance", share=share)
        rest = A - result.loadings @ result.loadings.T
        norm = np.linalg.norm(rest, "nuc")
        assert norm <= (1 - share) * np.trace(A) + 1e-8
        np.testing.assert_allclose(
            norm, (1 - result.evidence["share"]) * np.trace(A), atol=1e-8
        )
        ranks.append(result.rank)
    assert ranks == sorted(ranks) and ranks[-1] == len(A)


def test_few_loadings_of_the_rule_are_unseen_in_random_folds(herd):
    """A component of many animals has training animals in any random fold."""
    pedigree, rows = herd
    L = eigen_loadings(pedigree, rows, "average").loadings
    train = np.random.default_rng(4).permutation(len(L))[len(L) // 5 :]
    assert (column_moments(L, train)[1] > 0).all()
    # of unrelated families that are left out whole, it is their own loading
    A = make_families([8, 8, 8, 8])
    L = eigen_loadings(A, np.arange(32), "average").loadings
    seen = column_moments(L, np.arange(8, 32))[1] > 0
    assert seen.sum() == 3 and (L[:8][:, seen] == 0).all()
