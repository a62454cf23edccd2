"""Families from a relationship matrix alone: full sibs with their parents."""

import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.errors import InputError
from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.pedigree.families import close_families, fold_relatives
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import relationship_matrix
from grvsnn.protocol.folds import make_folds


def breed(n_sires=3, dams_per_sire=2, litter=3):
    """Litters of unrelated parents; half sibs share a sire."""
    records = [
        (f"s{s}d{d}k{k}", f"s{s}", f"s{s}d{d}")
        for s in range(n_sires)
        for d in range(dams_per_sire)
        for k in range(litter)
    ]
    return pd.DataFrame(records, columns=["id", "sire", "dam"])


def same(labels):
    """Which pairs of animals share a label."""
    return np.equal.outer(labels, labels)


def relationships(frame):
    tree = Pedigree.from_frame(frame)
    return tree, relationship_matrix(tree)


def test_litters_are_the_families_of_their_pedigree():
    frame = breed()
    tree, A = relationships(frame)
    rows = tree.rows_of(frame["id"])
    found = close_families(A[np.ix_(rows, rows)], frame["id"])
    np.testing.assert_array_equal(same(found), same(tree.full_sib_families()[rows]))
    assert len(set(found)) == 6
    # named by members, whatever the order of the rows
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = rows[order]
    again = close_families(A[np.ix_(shuffled, shuffled)], frame["id"].iloc[order])
    np.testing.assert_array_equal(again, found[order])


def test_genotyped_parents_join_their_offspring_and_no_close_pair_is_split():
    tree, A = relationships(breed())
    found = close_families(A, tree.ids)
    # a sire with records ties its two litters; the sires are unrelated
    assert len(set(found)) == 3
    assert same(found)[A > 0.4].all()
    assert not same(found)[A == 0].all()


def test_half_sibs_of_inbred_lines_are_no_family():
    """Doubled haploids: full sibs have A = 1, half sibs 0.5, and A_ii = 2."""
    cross = np.repeat([0, 1, 2], 4)
    A = np.where(same(cross), 1.0, 0.0) + np.eye(12)
    A[:4, 4:8] = A[4:8, :4] = 0.5
    assert len(set(close_families(A, [f"l{i}" for i in range(12)]))) == 3


def test_relationships_serve_where_there_is_no_pedigree():
    frame = breed()
    tree, A = relationships(frame)
    both = [
        fold_relatives("family", frame["id"], *given)["groups"]
        for given in ((frame, None), (None, (tree.ids, A)))
    ]
    np.testing.assert_array_equal(same(both[0]), same(both[1]))
    with pytest.raises(InputError, match="'forward' needs a pedigree, which"):
        fold_relatives("forward", frame["id"], None, (tree.ids, A))
    with pytest.raises(InputError, match=r"1 genotyped animals .* e\.g\. 'stranger'"):
        fold_relatives("family", ["s0d0k0", "stranger"], None, (tree.ids, A))


@pytest.mark.mirror
def test_mice_have_169_families_that_no_fold_splits(mirror, root):
    entry = yaml.safe_load((root / "config/datasets.yaml").read_text())
    entry = entry["registry"]["mouse"]
    data = prepare_mouse(
        mirror / "mouse" / "mice.RData",
        *(entry[key] for key in ("traits", "covariates", "factors")),
    )
    found = fold_relatives("family", data.sample_ids, None, data.relationship)
    family = pd.Series(found["groups"], index=data.sample_ids, name="family")
    assert family.nunique() == 169
    _, A = data.relationship
    np.testing.assert_array_equal(same(family.to_numpy()), A > 0)
    folds = make_folds(data.phenotypes, "family", 2, 5, 5, 1, "mouse", **found)
    folds = folds.join(family, on="sample_id")
    test = folds[folds["role"] == "test"].groupby(["repeat", "family"])["fold"]
    assert (test.agg(np.ptp) == 0).all()
    train = folds[folds["role"] == "train"]
    inner = train.groupby(["repeat", "fold", "family"])["inner_fold"]
    assert (inner.agg(np.ptp) == 0).all()
    sizes = folds[folds["role"] == "test"].groupby(["repeat", "fold"]).size()
    assert sizes.between(330, 400).all()
