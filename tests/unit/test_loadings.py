"""Loadings, rank rules, eigensolvers and their reproducible basis."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.pedigree.block_lanczos import leading_eigenpairs
from grvsnn.pedigree.eigenbasis import canonical_basis, dense_eigenpairs
from grvsnn.pedigree.loadings import (
    check_relationship,
    eigen_loadings,
    pedigree_eigenpairs,
)
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import choose_rank
from grvsnn.pedigree.relationship import RelationshipOperator, relationship_matrix
from grvsnn.pedigree.sib_groups import LitterOperator
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_pedigree
from scipy.sparse.linalg import aslinearoperator


@pytest.fixture(scope="module")
def pedigree():
    params = SimulationParams(n_sires=10, dams_per_sire=4, litter_size=3)
    return simulate_pedigree(params, seed=1)[0]


@pytest.fixture(scope="module")
def A(pedigree):
    return relationship_matrix(pedigree)


def mirror_file(name):
    folder = os.environ.get("GRVSNN_DATA_MIRROR")
    if not folder:
        pytest.skip("GRVSNN_DATA_MIRROR is not set")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"the mirror has no {name}")
    return path


def read_rda(name):
    rdata = pytest.importorskip("rdata")
    return rdata.read_rda(mirror_file(name))


def make_families(sizes):
    """A of unrelated full-sib families whose parents are not in the matrix."""
    family = np.repeat(np.arange(len(sizes)), sizes)
    same = family[:, None] == family[None, :]
    return 0.5 * same + 0.5 * np.eye(len(family))


def test_full_rank_loadings_rebuild_the_relationships(pedigree, A):
    genotyped = np.arange(200, len(A))
    full = eigen_loadings(pedigree, genotyped, "fixed", rank=len(A))
    np.testing.assert_allclose(
        full.loadings @ full.loadings.T, A[np.ix_(genotyped, genotyped)], atol=1e-12
    )
    np.testing.assert_allclose(full.eigenvalues.sum(), np.trace(A), rtol=1e-12)


def test_iterative_equals_dense(pedigree, A):
    """Eigenvalues to 1e-8 relative, L L' to 1e-6, no tie cut at rank 40."""
    genotyped = np.arange(200, len(A))
    dense = eigen_loadings(pedigree, genotyped, "fixed", rank=40)
    big = eigen_loadings(pedigree, genotyped, "fixed", rank=40, dense_limit=10)
    assert dense.evidence["solver"] == "dense"
    assert big.evidence["solver"] == "iterative"
    assert dense.eigenvalues[39] - dense.eigenvalues[40] > 1e-4
    np.testing.assert_allclose(big.eigenvalues, dense.eigenvalues[:40], rtol=1e-8)
    product = dense.loadings @ dense.loadings.T
    np.testing.assert_allclose(big.loadings @ big.loadings.T, product, atol=1e-6)
    np.testing.assert_allclose(big.loadings, dense.loadings, atol=1e-5)


def test_rows_follow_the_genotyped_animals(pedigree):
    some = np.array([300, 5, 410])
    every = eigen_loadings(pedigree, np.arange(len(pedigree)), "fixed", rank=7)
    few = eigen_loadings(pedigree, some, "fixed", rank=7)
    np.testing.assert_array_equal(few.loadings, every.loadings[some])


def test_given_matrix_equals_its_pedigree(pedigree, A):
    rows = np.arange(50)
    by_pedigree = eigen_loadings(pedigree, rows, "fixed", rank=30)
    by_matrix = eigen_loadings(A, rows, "fixed", rank=30)
    np.testing.assert_array_equal(by_pedigree.loadings, by_matrix.loadings)


def test_residuals_keep_the_stated_tolerance(pedigree):
    operator = RelationshipOperator(pedigree)
    for tolerance in (1e-5, 1e-9):
        values, Q = leading_eigenpairs(operator, 30, tolerance)
        residual = np.linalg.norm(operator @ Q - Q * values, axis=0)
        assert (residual <= 1.01 * tolerance * values).all()
        np.testing.assert_allclose(Q.T @ Q, np.eye(30), atol=1e-12)


def test_litter_nodes_hold_all_but_the_contrasts(pedigree, A):
    """Spectrum of A = that of the nodes + Mendelian variances of the contrasts."""
    litters = LitterOperator(pedigree)
    n_nodes = litters.shape[0]
    assert n_nodes < len(pedigree)
    dense = litters @ np.eye(n_nodes)
    np.testing.assert_allclose(dense, dense.T, atol=1e-13)
    animals = np.zeros((len(pedigree), n_nodes))
    animals[np.arange(len(pedigree)), litters.node] = 1 / np.sqrt(
        litters.size[litters.node]
    )
    np.testing.assert_allclose(dense, animals.T @ A @ animals, atol=1e-12)
    mendelian = RelationshipOperator(pedigree).mendelian
    _, first = np.unique(litters.node, return_index=True)
    contrasts = np.repeat(mendelian[first], litters.size - 1)
    both = np.concatenate([np.linalg.eigvalsh(dense), contrasts])
    np.testing.assert_allclose(np.sort(both), np.linalg.eigvalsh(A), atol=1e-11)
    assert litters.contrast == contrasts.max()
    np.testing.assert_allclose(litters.trace, np.trace(A), rtol=1e-14)


def test_contrasts_are_not_lost_when_the_rank_reaches_them(pedigree, A):
    rows = np.arange(len(A))
    expected = np.linalg.eigvalsh(A)[::-1]
    contrast = LitterOperator(pedigree).contrast
    rank = int((expected >= contrast - 1e-9).sum()) + 5
    values, Q, _ = pedigree_eigenpairs(pedigree, rows, rank)
    np.testing.assert_allclose(values, expected[:rank], rtol=1e-8)
    np.testing.assert_allclose(A @ Q, Q * values, atol=1e-7)


def test_ties_wider_than_the_block_are_all_found():
    """40 copies of the top eigenvalue, blocks of 16: none may be missed."""
    values = np.concatenate([np.full(40, 5.0), np.linspace(3, 1, 560)])
    operator = aslinearoperator(np.diag(values))
    found, _ = leading_eigenpairs(operator, 60)
    np.testing.assert_allclose(found, values[:60], rtol=1e-9)


def test_basis_is_free_of_the_solvers_choices():
    """Any rotation within ties and any signs lead to the same canonical basis."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(30, 8)))[0]
    values = np.array([5.0, 4, 4, 4, 2, 1, 1, 0.5])
    turned = Q.copy()
    for start, stop in ((1, 4), (5, 7)):
        size = stop - start
        turned[:, start:stop] @= np.linalg.qr(rng.normal(size=(size, size)))[0]
    turned *= rng.choice([-1, 1], 8)
    canonical_basis(values, Q)
    canonical_basis(values, turned)
    np.testing.assert_allclose(Q, turned, atol=1e-12)
    np.testing.assert_allclose(Q.T @ Q, np.eye(8), atol=1e-12)
    largest = np.abs(Q).argmax(axis=0)
    assert (Q[largest, np.arange(8)] > 0).all()


def test_family_matrix_has_family_dummies_for_loadings():
    """Eigenvalues (n_f + 1) / 2 over a floor of 0.5, tied ones included."""
    sizes = [9, 6, 6, 6, 4, 2, 2]
    result = eigen_loadings(make_families(sizes), np.arange(35), "plateau")
    assert result.rank == 7
    np.testing.assert_allclose(
        result.eigenvalues[:7], [(size + 1) / 2 for size in sizes]
    )
    np.testing.assert_allclose(result.eigenvalues[7:], 0.5)
    family = np.repeat(np.arange(7), sizes)
    dummies = (family[:, None] == np.arange(7)) * np.sqrt(
        (np.array(sizes) + 1) / (2 * np.array(sizes))
    )
    np.testing.assert_allclose(result.loadings, dummies, atol=1e-12)


def test_dense_eigenpairs_are_those_of_numpy(A):
    values, leading = dense_eigenpairs(A)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(A)[::-1], atol=1e-12)
    Q = leading(12)
    np.testing.assert_allclose(A @ Q, Q * values[:12], atol=1e-11)


def test_plateau_takes_the_longest_run_of_ties():
    noise = 1e-9 * np.random.default_rng(0).normal(size=100)
    floor = np.sort(0.5 + noise)[::-1]
    spectrum = np.concatenate([[9, 5, 3, 3, 3, 1.2, 0.7], floor, [0.3, 0.25, 0.25]])
    rank, evidence = choose_rank(spectrum, "plateau")
    assert rank == 7
    assert evidence["floor_length"] == 100
    assert abs(evidence["floor"] - 0.5) < 1e-8


def test_a_cut_among_ties_is_told():
    values = np.array([4.0, 3.0, 3.0 * (1 + 1e-9), 3.0, 1.0])
    assert choose_rank(values, "fixed", rank=3)[1]["ties"] == (2, 4)
    for rank in (1, 4, 5):
        assert "ties" not in choose_rank(values, "fixed", rank=rank)[1]


def test_knee_of_a_bent_line():
    spectrum = np.concatenate([np.linspace(10, 1.9, 10), np.linspace(1, 0, 91)])
    assert choose_rank(spectrum, "knee")[0] == 11
    scaled = choose_rank(7 * spectrum, "knee")[0]
    assert scaled == 11


def test_variance_share_is_the_fewest_that_reach_it():
    spectrum = np.array([4.0, 3, 2, 1])
    ranks = [choose_rank(spectrum, "variance", share=s)[0] for s in (0.4, 0.41, 0.7, 1)]
    assert ranks == [1, 2, 2, 4]
    assert choose_rank(spectrum[:2], "variance", share=0.7, trace=10.0)[0] == 2
    with pytest.raises(InputError, match=r"hold only 70\.0% of the trace"):
        choose_rank(spectrum[:2], "variance", share=0.9, trace=10.0)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("elbow", {}, "unknown rank rule 'elbow'"),
        ("fixed", {}, "needs a rank between 1 and 3, got None"),
        ("fixed", {"rank": 4}, "between 1 and 3, got 4"),
        ("variance", {"share": 0.0}, r"share in \(0, 1\], got 0"),
        ("plateau", {}, "found no floor"),
    ],
)
def test_impossible_ranks(rule, options, message):
    with pytest.raises(InputError, match=message):
        choose_rank(np.array([3.0, 2.0, 1.0]), rule, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda A: A[:, :-1], "not square"),
        (lambda A: np.where(np.eye(len(A)) > 0, np.nan, A), "row 1, column 1"),
        (lambda A: A + np.triu(np.ones_like(A), 1), "not symmetric: row 1, column 2"),
    ],
)
def test_bad_matrices(A, change, message):
    with pytest.raises(InputError, match=message):
        check_relationship(change(A))


def test_indefinite_matrix_is_refused():
    with pytest.raises(InputError, match="not positive semi-definite"):
        eigen_loadings(np.diag([2.0, 1.0, -0.5]), np.arange(3), "fixed", rank=1)


def test_large_pedigrees_take_the_fixed_rule_only(pedigree):
    with pytest.raises(InputError, match="'knee' needs the whole spectrum"):
        eigen_loadings(pedigree, np.arange(3), "knee", dense_limit=10)
    with pytest.raises(InputError, match="between 1 and"):
        eigen_loadings(pedigree, np.arange(3), "fixed", rank=10**6, dense_limit=10)


@pytest.mark.mirror
def test_mouse_plateau_is_169_families():
    A = np.asarray(read_rda("mouse/mice.RData")["mice.A"])
    result = eigen_loadings(A, np.arange(len(A)), "plateau")
    assert result.rank == 169
    assert abs(result.evidence["floor"] - 0.5) < 1e-9
    # each family's loading is its own dummy: one entry per animal
    assert ((np.abs(result.loadings) > 1e-9).sum(axis=1) == 1).all()


@pytest.mark.mirror
def test_pine_floor_is_half_from_component_51():
    frame = read_rda("pine/ped_pine.rda")["ped.pine"]
    frame.columns = ["id", "sire", "dam"]
    with pytest.raises(InputError, match="25 individuals are both sire and dam"):
        Pedigree.from_frame(frame)
    pedigree = Pedigree.from_frame(frame, both_sexes=True)
    assert len(pedigree) == 2034 and pedigree.n_added == 0
    dense = eigen_loadings(pedigree, np.arange(2034), "plateau")
    assert dense.rank == 50 and dense.evidence["floor_length"] == 1939
    assert "ties" not in dense.evidence
    # the paper's rank lies among them
    paper = choose_rank(dense.eigenvalues, "fixed", rank=138)[1]
    assert paper["ties"] == (51, 1989) and abs(paper["last_kept"] - 0.5) < 1e-9
    big = eigen_loadings(pedigree, np.arange(2034), "fixed", rank=50, dense_limit=1)
    np.testing.assert_allclose(big.eigenvalues, dense.eigenvalues[:50], rtol=1e-8)
    np.testing.assert_allclose(
        big.loadings @ big.loadings.T, dense.loadings @ dense.loadings.T, atol=1e-6
    )


@pytest.mark.mirror
def test_pig_pedigree_as_the_audit_found_it():
    frame = pd.read_csv(mirror_file("pig/pedigree.txt"))
    pedigree = Pedigree.from_frame(frame.set_axis(["id", "sire", "dam"], axis=1))
    assert len(pedigree) == 6473
    operator = RelationshipOperator(pedigree)
    values, Q = leading_eigenpairs(operator, 60, 1e-8)
    residual = np.linalg.norm(operator @ Q - Q * values, axis=0)
    assert (residual <= 1.01e-8 * values).all()
    assert abs(values[0] - 143.7293) < 1e-3


@pytest.mark.mirror
def test_797_is_the_count_above_three_quarters_among_complete_pigs():
    """798 of the 2,314 complete animals' own A, and the paper's 797 of 2,313."""
    frame = pd.read_csv(mirror_file("pig/pedigree.txt"))
    pedigree = Pedigree.from_frame(frame.set_axis(["id", "sire", "dam"], axis=1))
    records = pd.read_csv(mirror_file("pig/phenotypes.txt"), na_values=".").dropna()
    rows = pedigree.rows_of(records["ID"])
    A = relationship_matrix(pedigree)[np.ix_(rows, rows)]
    # six more are 0.75 exactly
    above = 0.75 + 1e-9
    counts = [(np.linalg.eigvalsh(part) > above).sum() for part in (A, A[1:, 1:])]
    assert counts == [798, 797]
