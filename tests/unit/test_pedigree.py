"""Pedigree reading, A, inbreeding and products with A."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.pedigree.pedigree import UNKNOWN_PARENT_CODES, Pedigree
from grvsnn.pedigree.relationship import (
    RelationshipOperator,
    inbreeding_coefficients,
    mendelian_variances,
    relationship_matrix,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def make_pedigree(records, **options):
    frame = pd.DataFrame(records, columns=["id", "sire", "dam"])
    return Pedigree.from_frame(frame, **options)


def make_random_frame(n_animals, seed, n_founders=6, unknown=0.15):
    """Animals with any two older parents, of either sex, or with unknown ones."""
    rng = np.random.default_rng(seed)
    parents = np.zeros((n_animals, 2), dtype=int)
    for animal in range(n_founders, n_animals):
        parents[animal] = rng.integers(1, animal + 1, 2)
    parents[rng.random(parents.shape) < unknown] = 0
    ids = np.arange(1, n_animals + 1)
    return pd.DataFrame({"id": ids, "sire": parents[:, 0], "dam": parents[:, 1]})


def tabular_loop(pedigree):
    """A of Emik and Terrill (1949), one cell at a time."""
    n = len(pedigree)
    A = np.zeros((n, n))
    for i in range(n):
        s, d = pedigree.sire[i], pedigree.dam[i]
        for j in range(i):
            A[i, j] = A[j, i] = 0.5 * sum(A[j, p] for p in (s, d) if p >= 0)
        A[i, i] = 1 + (0.5 * A[s, d] if s >= 0 and d >= 0 else 0)
    return A


def gene_flow(pedigree):
    """T from its inverse: 1 on the diagonal, -1/2 for each known parent."""
    inverse = np.eye(len(pedigree))
    for parent in (pedigree.sire, pedigree.dam):
        rows = np.flatnonzero(parent >= 0)
        np.subtract.at(inverse, (rows, parent[rows]), 0.5)
    return np.linalg.inv(inverse)


# Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, example 2.1
MRODE = [("3", "1", "2"), ("4", "1", ""), ("5", "4", "3"), ("6", "5", "2")]
MRODE_A = np.array(
    [
        [1, 0, 0.5, 0.5, 0.5, 0.25],
        [0, 1, 0.5, 0, 0.25, 0.625],
        [0.5, 0.5, 1, 0.25, 0.625, 0.5625],
        [0.5, 0, 0.25, 1, 0.625, 0.3125],
        [0.5, 0.25, 0.625, 0.625, 1.125, 0.6875],
        [0.25, 0.625, 0.5625, 0.3125, 0.6875, 1.125],
    ]
)


def test_mrode_example():
    pedigree = make_pedigree(MRODE)
    assert list(pedigree.ids) == ["1", "2", "3", "4", "5", "6"]
    np.testing.assert_array_equal(relationship_matrix(pedigree), MRODE_A)
    F = inbreeding_coefficients(pedigree)
    np.testing.assert_array_equal(F, [0, 0, 0, 0, 0.125, 0.125])
    # the diagonal of D in the same book's example 2.2
    D = mendelian_variances(pedigree, F)
    np.testing.assert_array_equal(D, [1, 1, 0.5, 0.75, 0.5, 0.46875])


def test_full_sib_mating_follows_its_recurrence():
    """F(t) = (1 + 2 F(t-1) + F(t-2)) / 4 (Wright 1921)."""
    records = [("m0", "", ""), ("f0", "", "")]
    for t in range(1, 12):
        records += [(f"{sex}{t}", f"m{t - 1}", f"f{t - 1}") for sex in "mf"]
    pedigree = make_pedigree(records)
    F = pd.Series(inbreeding_coefficients(pedigree), index=pedigree.ids)
    expected = [0.0, 0.0]
    for _ in range(2, 12):
        expected.append((1 + 2 * expected[-1] + expected[-2]) / 4)
    np.testing.assert_allclose(F[[f"m{t}" for t in range(12)]], expected, rtol=1e-14)


def test_selfing_halves_heterozygosity():
    records = [("p0", "", "")] + [
        (f"p{t}", f"p{t - 1}", f"p{t - 1}") for t in (1, 2, 3)
    ]
    pedigree = make_pedigree(records, both_sexes=True)
    F = inbreeding_coefficients(pedigree)
    np.testing.assert_array_equal(F, [0, 0.5, 0.75, 0.875])
    assert list(pedigree.n_progeny) == [1, 1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(n_animals=st.integers(1, 45), seed=st.integers(0, 10**6))
def test_random_pedigrees(n_animals, seed):
    frame = make_random_frame(n_animals, seed)
    pedigree = Pedigree.from_frame(frame, both_sexes=True)
    rows = np.arange(len(pedigree))
    assert (pedigree.sire < rows).all() and (pedigree.dam < rows).all()
    A = relationship_matrix(pedigree)
    np.testing.assert_allclose(A, tabular_loop(pedigree), atol=1e-14)
    F = inbreeding_coefficients(pedigree)
    np.testing.assert_allclose(1 + F, np.diag(A), atol=1e-13)
    T, D = gene_flow(pedigree), mendelian_variances(pedigree, F)
    np.testing.assert_allclose((T * D) @ T.T, A, atol=1e-12)
    operator = RelationshipOperator(pedigree)
    np.testing.assert_allclose(operator @ np.eye(len(pedigree)), A, atol=1e-13)


def test_operator_takes_vectors_and_leaves_them_alone():
    pedigree = Pedigree.from_frame(make_random_frame(60, 1), both_sexes=True)
    operator, A = RelationshipOperator(pedigree), relationship_matrix(pedigree)
    v = np.random.default_rng(0).normal(size=60)
    before = v.copy()
    np.testing.assert_allclose(operator @ v, A @ v, atol=1e-13)
    np.testing.assert_allclose(operator.T @ v, A @ v, atol=1e-13)
    np.testing.assert_array_equal(v, before)


def test_order_of_rows_does_not_matter():
    frame = make_random_frame(80, 2)
    sorted_one = Pedigree.from_frame(frame, both_sexes=True)
    shuffled = Pedigree.from_frame(
        frame.sample(frac=1, random_state=0), both_sexes=True
    )
    for name in ("ids", "sire", "dam", "generation"):
        np.testing.assert_array_equal(
            getattr(sorted_one, name), getattr(shuffled, name)
        )


def test_round_trip_and_generations():
    pedigree = make_pedigree(MRODE)
    again = Pedigree.from_frame(pedigree.to_frame())
    np.testing.assert_array_equal(again.sire, pedigree.sire)
    assert again.n_added == 0 and pedigree.n_added == 2
    assert list(pedigree.generation) == [0, 0, 1, 1, 2, 3]
    assert list(pedigree.generations()) == [(0, 2), (2, 4), (4, 5), (5, 6)]


@pytest.mark.parametrize("code", [*UNKNOWN_PARENT_CODES, " 0 ", None, np.nan, pd.NA])
def test_unknown_parent_codes(code):
    pedigree = make_pedigree([("b", "a", code), ("a", code, code)])
    assert list(pedigree.ids) == ["a", "b"]
    assert list(pedigree.dam) == [-1, -1] and list(pedigree.sire) == [-1, 0]


def test_numbers_with_gaps_read_as_whole_ids():
    frame = pd.DataFrame({"id": [1, 2, 3], "sire": [np.nan, 1, 1], "dam": [0, 0, 2.0]})
    pedigree = Pedigree.from_frame(frame)
    assert list(pedigree.ids) == ["1", "2", "3"]
    assert list(pedigree.rows_of(["3", "1"])) == [2, 0]


def test_dropping_leaves_keeps_the_others_relationships():
    pedigree = Pedigree.from_frame(make_random_frame(50, 3), both_sexes=True)
    rows = np.flatnonzero(pedigree.is_parent)
    part = relationship_matrix(pedigree.keep(rows))
    np.testing.assert_array_equal(
        part, relationship_matrix(pedigree)[np.ix_(rows, rows)]
    )
    with pytest.raises(ValueError, match="parent was dropped"):
        pedigree.keep(np.flatnonzero(~pedigree.is_parent))


def test_full_sib_families():
    families = make_pedigree(
        [("c", "a", "b"), ("d", "a", "b"), ("e", "a", ""), ("f", "a", "")]
    ).full_sib_families()
    assert list(families) == ["a", "b", "a x b", "a x b", "e", "f"]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([("a", "b", ""), ("b", "a", "")], "own ancestor: .*a <- b <- a|b <- a <- b"),
        ([("a", "a", "")], "own ancestor: a <- a"),
        (
            [("x", "", ""), ("a", "x", "c"), ("b", "a", ""), ("c", "b", "")],
            "own ancestor: a <- c <- b <- a",
        ),
        ([("a", "", ""), ("a", "", "")], "1 animals have more than one record: a"),
        ([("a", "", ""), ("0", "", "")], "record 2 has no animal id"),
        ([("c", "a", "b"), ("d", "b", "")], "both sire and dam: b"),
        ([], "no records"),
    ],
)
def test_bad_pedigrees(records, message):
    frame = pd.DataFrame(records, columns=["id", "sire", "dam"])
    both = "both sire" not in message
    with pytest.raises(InputError, match=message):
        Pedigree.from_frame(frame, both_sexes=both)


def test_missing_column_and_unknown_animal_are_named():
    with pytest.raises(InputError, match=r"herd\.csv: column 'dam' is missing"):
        Pedigree.from_frame(
            pd.DataFrame({"id": ["a"], "sire": [""]}), source="herd.csv"
        )
    with pytest.raises(InputError, match=r"1 of 2 genotyped animals .*: zebra"):
        make_pedigree(MRODE).rows_of(["3", "zebra"])
