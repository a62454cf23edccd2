import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.genotypes.plink import (
    impute_by_training_rows,
    read_genotypes,
    write_genotypes,
)


def make_map(n):
    return pd.DataFrame(
        {
            "chromosome": "1",
            "snp": [f"snp{i}" for i in range(n)],
            "cm": np.linspace(0, 1, n),
            "position": np.arange(n) * 10,
            "a1": "A",
            "a2": "C",
        }
    )


@pytest.fixture
def calls():
    rng = np.random.default_rng(0)
    return rng.integers(-1, 3, size=(11, 7)).astype(np.int8)


def test_round_trip_keeps_dosages_ids_and_map(tmp_path, calls):
    ids = np.array([f"animal_{i}'s$(id)" for i in range(11)])
    marker_map = make_map(7)
    write_genotypes(calls, ids, marker_map, tmp_path / "g.bed")
    dosages, sample_ids, read_map = read_genotypes(tmp_path / "g.bed")
    np.testing.assert_array_equal(dosages, calls)
    assert dosages.dtype == np.int8
    assert list(sample_ids) == list(ids)
    assert list(read_map["snp"]) == list(marker_map["snp"])
    assert list(read_map["a1"]) == ["A"] * 7
    # nothing but the three files stays behind
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".bed", ".bim", ".fam"]


def test_first_allele_is_the_counted_one(tmp_path):
    """PLINK 1 stores two bits per call, 00 = two copies of a1, from the low bits up."""
    dosages = np.array([[2], [0], [1], [-1]], dtype=np.int8)
    write_genotypes(dosages, np.array(list("abcd")), make_map(1), tmp_path / "g.bed")
    content = (tmp_path / "g.bed").read_bytes()
    assert content[:3] == bytes([0x6C, 0x1B, 0x01])
    assert content[3] == 0b01_10_11_00


def test_truncated_bed_is_one_clear_error(tmp_path, calls):
    ids = np.array([str(i) for i in range(11)])
    write_genotypes(calls, ids, make_map(7), tmp_path / "g.bed")
    content = (tmp_path / "g.bed").read_bytes()
    (tmp_path / "g.bed").write_bytes(content[:-4])
    with pytest.raises(InputError, match=r"g\.bed"):
        read_genotypes(tmp_path / "g.bed")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.bed is missing"):
        read_genotypes(tmp_path / "nothing.bed")


def test_ids_that_plink_cannot_hold_are_refused(tmp_path, calls):
    ids = np.array([f"animal {i}" for i in range(11)])
    with pytest.raises(InputError, match="'animal 0' holds white space"):
        write_genotypes(calls, ids, make_map(7), tmp_path / "g.bed")
    assert not list(tmp_path.iterdir())


def test_imputation_uses_training_rows_only(calls):
    train = np.array([0, 2, 4, 6])
    filled = impute_by_training_rows(calls, train)
    assert filled.min() >= 0
    np.testing.assert_array_equal(filled[calls >= 0], calls[calls >= 0])
    for column in range(calls.shape[1]):
        seen = calls[train, column]
        seen = seen[seen >= 0]
        gaps = filled[calls[:, column] < 0, column]
        assert (gaps == np.rint(seen.mean() if len(seen) else 0)).all()
    # other rows' calls may change without moving the imputed values
    changed = calls.copy()
    others = np.setdiff1d(np.arange(11), train)
    changed[others] = np.where(changed[others] >= 0, 2, -1)
    np.testing.assert_array_equal(
        impute_by_training_rows(changed, train)[calls < 0], filled[calls < 0]
    )


def test_complete_genotypes_are_shared_not_copied(calls):
    complete = np.abs(calls)
    assert impute_by_training_rows(complete, np.arange(3)) is complete
