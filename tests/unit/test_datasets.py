import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.errors import InputError
from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.datasets.pig import prepare_pig
from grvsnn.datasets.pine import prepare_pine
from grvsnn.datasets.r_files import read_r_objects


@pytest.fixture(scope="module")
def registry(root):
    text = (root / "config/datasets.yaml").read_text()
    return yaml.safe_load(text)["registry"]


@pytest.fixture(scope="module")
def mouse(mirror, registry):
    entry = registry["mouse"]
    path = mirror / "mouse" / "mice.RData"
    return prepare_mouse(path, entry["traits"], entry["covariates"], entry["factors"])


@pytest.mark.mirror
def test_mouse_has_the_papers_shape(mouse):
    assert mouse.dosages.shape == (1814, 10346)
    assert set(np.unique(mouse.dosages)) == {0, 1, 2}
    assert list(mouse.phenotypes.columns) == ["sample_id", "body_length", "bmi"]
    assert not mouse.phenotypes.isna().any().any()
    ids, A = mouse.relationship
    assert list(ids) == list(mouse.sample_ids)
    assert set(np.unique(A)) == {0.0, 0.5, 1.0}


@pytest.mark.mirror
def test_mouse_counts_the_allele_of_the_markers_name(mouse):
    names = mouse.marker_map["snp"].str.rsplit("_", n=1).str[-1]
    assert (names == mouse.marker_map["a1"]).all()
    assert (mouse.marker_map["a1"] != mouse.marker_map["a2"]).all()


@pytest.mark.mirror
@pytest.mark.parametrize(("trait", "share"), [("body_length", 0.18), ("bmi", 0.29)])
def test_mouse_covariates_explain_what_they_are_known_to(mouse, trait, share):
    """R2 of the fixed effects behind the phenotypes that the authors published."""
    fixed = mouse.covariates.drop(columns="sample_id")
    X = pd.get_dummies(fixed, drop_first=True, dtype=float)
    X = np.column_stack([np.ones(len(X)), X])
    y = mouse.phenotypes[trait].to_numpy()
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert 1 - residual.var() / y.var() == pytest.approx(share, abs=0.005)


@pytest.mark.mirror
def test_pine_dbh_keeps_the_phenotyped_trees(mirror, registry):
    folder, entry = mirror / "pine", registry["pine_dbh"]
    files = [folder / entry["files"][role]["name"] for role in entry["files"]]
    data = prepare_pine(*files, entry["traits"])
    assert data.steps[0] == {"step": "read", "n_samples": 926, "n_markers": 4853}
    assert len(data.sample_ids) == 861
    assert set(np.unique(data.dosages)) == {-1, 0, 1, 2}
    assert len(data.pedigree) == 2034
    assert set(data.sample_ids) <= set(data.pedigree["id"])


@pytest.fixture
def pig_files(tmp_path):
    """The raw format in small: header, comma, CRLF, "." and imputed fractions."""
    (tmp_path / "genotypes.txt").write_bytes(
        b"ID,1,2,3\r\n7,0.00,1.00,2.00\r\n8,0.75,2.00,1.00\r\n9,2.00,0.14,1.00\r\n"
    )
    (tmp_path / "phenotypes.txt").write_bytes(
        b"ID,t1,t2\r\n9,1.5,-2\r\n7,0.5,3\r\n8,.,1\r\n"
    )
    (tmp_path / "pedigree.txt").write_bytes(
        b"ID,SIRE,DAM\r\n1,0,0\r\n7,1,0\r\n8,1,0\r\n9,1,0\r\n"
    )
    return [
        tmp_path / f"{name}.txt" for name in ("genotypes", "phenotypes", "pedigree")
    ]


def test_pig_text_files_are_read_and_cleaned(pig_files):
    data = prepare_pig(*pig_files, {"a": "t1", "b": "t2"})
    assert list(data.sample_ids) == ["7", "9"]
    np.testing.assert_array_equal(data.dosages, [[0, 1, 2], [2, 0, 1]])
    np.testing.assert_array_equal(data.phenotypes[["a", "b"]], [[0.5, 3], [1.5, -2]])
    assert data.steps[0]["fractional_dosages_rounded"] == 2
    # 0.75 and 0.14
    assert data.steps[0]["mean_rounding_error"] == pytest.approx(0.195)
    assert len(data.pedigree) == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"10,0.00,1.00\r\n", "line 5: 2 dosages for 3 markers"),
        (b"10,0.00,x,1.00\r\n", "line 5: a dosage is not a number"),
        (b"10,0.00,3.00,1.00\r\n", "line 5: dosages must lie between 0 and 2"),
    ],
)
def test_pig_mistakes_are_placed(pig_files, line, message):
    pig_files[0].write_bytes(pig_files[0].read_bytes() + line)
    with pytest.raises(InputError, match=message):
        prepare_pig(*pig_files, {"a": "t1"})


def test_pig_wrong_column_names_the_right_ones(pig_files):
    with pytest.raises(InputError, match="no column 't9'; it has ID, t1, t2"):
        prepare_pig(*pig_files, {"a": "t9"})


def test_pig_animal_twice_is_refused(pig_files):
    pig_files[0].write_bytes(pig_files[0].read_bytes() + b"7,0.00,1.00,2.00\r\n")
    with pytest.raises(InputError, match="duplicate animal '7'"):
        prepare_pig(*pig_files, {"a": "t1", "b": "t2"})


def test_a_file_that_is_no_r_data_is_refused(tmp_path):
    (tmp_path / "mice.RData").write_bytes(b"not R at all")
    with pytest.raises(InputError, match=r"mice\.RData is not a readable R data file"):
        read_r_objects(tmp_path / "mice.RData", ("mice.X",))
