"""Several records of an animal, and a pedigree's columns of sex and birth."""

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.datasets.records import (
    missing_codes,
    read_covariates,
    read_environment,
    read_pedigree,
    read_phenotypes,
)

CODES = missing_codes([-9])
RECORDS = """\
animal,milk,fat,farm,year
b,10,4.0,17,2019
a,3,-9,18,2019
b,20,,17,2020
b,30,5.0,17,2021
"""
PEDIGREE = """\
animal,sire,dam,sex,born
calf,bull,cow,F,2021-05-01
bull,0,0,M,2019-01-01
cow,0,0,F,2018
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


def test_phenotypes_are_means_over_the_records_that_are_there(write):
    traits = {"milk": "milk", "fat": "fat"}
    found = read_phenotypes(write(RECORDS), traits, CODES, repeated=True)
    assert found["sample_id"].tolist() == ["b", "a"]
    np.testing.assert_array_equal(found["milk"], [20.0, 3.0])
    np.testing.assert_array_equal(found["fat"], [4.5, np.nan])
    assert found.attrs["repeated"] == {"animals": 1, "most": 3}


def test_repeats_are_refused_unless_asked_for(write):
    with pytest.raises(InputError, match=r"line 4: animal 'b'.*repeated: mean"):
        read_phenotypes(write(RECORDS), {"milk": "milk"}, CODES)


def test_single_records_are_what_they_are_without_the_key(write):
    path = write("animal,y\nc,1.5\na,2\nb,-9\n")
    one, other = (read_phenotypes(path, {"y": "y"}, CODES, repeated=r) for r in (0, 1))
    assert one.equals(other) and "repeated" not in other.attrs


def test_covariates_that_agree_are_kept_and_others_refused(write):
    path = write(RECORDS)
    found = read_covariates(path, ["farm"], ["farm"], CODES, repeated=True)
    assert found["farm"].tolist() == ["17", "18"]
    found = read_environment(path, {"farm": "farm"}, CODES, repeated=True)
    assert found["farm"].tolist() == ["17", "18"]
    with pytest.raises(InputError, match=r"animal 'b' differ in column 'year'.*2019"):
        read_covariates(path, ["farm", "year"], ["farm"], CODES, repeated=True)


def read(path, both_sexes=False):
    return read_pedigree(path, CODES, {"sex": "sex", "born": "born"}, both_sexes)


def test_a_right_pedigree_is_read_as_without_the_columns(write):
    path = write(PEDIGREE)
    assert read(path).equals(read_pedigree(path, CODES, {}, False))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("bull,0,0,M", "bull,0,0,F", "'bull' is the sire of 'calf' but .* female"),
        ("bull,0,0,M", "bull,0,0,2", "'bull' is the sire of 'calf' but .* female"),
        ("cow,0,0,F", "cow,0,0,male", "'cow' is the dam of 'calf' but .* male"),
        ("2019-01-01", "2021-05-01", "sire 'bull' of 'calf' is not born before it"),
        ("2018", "2022", "dam 'cow' of 'calf' is not born before it"),
        ("2018", "spring", "'spring' is no year or date of birth"),
        ("2018", "18", "'18' is no year or date of birth"),
    ],
)
def test_sex_and_birth_are_held_against_the_parents(write, old, new, words):
    assert old in PEDIGREE
    with pytest.raises(InputError, match=words):
        read(write(PEDIGREE.replace(old, new)))


@pytest.mark.parametrize("code", ["", "-9", "NA", "0"])
def test_unknown_births_and_sexes_say_nothing(write, code):
    text = PEDIGREE.replace("2018", code).replace("cow,0,0,F", "cow,0,0,")
    assert len(read(write(text))) == 3


def test_plants_may_be_both(write):
    text = PEDIGREE.replace("bull,0,0,M", "bull,0,0,F")
    assert len(read(write(text), both_sexes=True)) == 3
