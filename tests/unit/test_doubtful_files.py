"""Files of a herd that would be read wrong without a word: read right, or refused."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.datasets.dosage_table import read_dosage_table
from grvsnn.datasets.hapmap import read_hapmap
from grvsnn.datasets.parents import read_parents, spell_alike
from grvsnn.datasets.plink_files import read_plink
from grvsnn.datasets.raw_table import read_raw
from grvsnn.datasets.records import (
    missing_codes,
    parse_numbers,
    read_covariates,
    read_pedigree,
    read_phenotypes,
)
from grvsnn.datasets.vcf import read_vcf
from grvsnn.run.survey import _question_trait

CODES = missing_codes()
FOUNDERS = [(f"f{i}", "0", "0") for i in range(6)]
RECORDS = [*FOUNDERS, *((f"a{i}", f"f{i % 3}", f"f{3 + i % 3}") for i in range(14))]


def write(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def pedigree(path, records):
    write(path, [("id", "sire", "dam"), *records])
    return read_pedigree(path, CODES, {}, both_sexes=False)


@pytest.mark.parametrize(
    "code",
    [
        *("0", "0.0", "00", "000000", "-0", "", ".", "NA", "<NA>", "#N/A", "nan"),
        *("unknown", "UNKNOWN", "UNK", "Unk", "\\N", "-1", "-9", "-999", "?", "*"),
    ],
)
def test_codes_for_unknown_parents_are_known(tmp_path, code):
    records = [(i, s.replace("0", code) if s == "0" else s, d) for i, s, d in RECORDS]
    records = [(i, s, code if d == "0" else d) for i, s, d in records]
    found = pedigree(tmp_path / "p.csv", records)
    assert found.equals(pedigree(tmp_path / "q.csv", RECORDS))


def test_a_code_that_is_an_animal_is_a_parent():
    frame = pd.DataFrame(
        [("-1", "0", "0"), ("b", "-1", "unknown")], columns=["id", "sire", "dam"]
    )
    found = read_parents(frame, CODES, "p.csv")
    assert found["sire"].tolist() == ["0", "-1"] and found["dam"].tolist() == ["0", "0"]


def test_parents_as_floats_are_the_animals_of_that_number(tmp_path):
    records = [(i, "0.0", "0.0") for i in (1, 2)] + [(3, "1.0", "2.0")]
    found = pedigree(tmp_path / "p.csv", records)
    assert found.iloc[2].tolist() == ["3", "1", "2"]


@pytest.mark.parametrize("parent", ["F1", "f1 ", "\u200bf1", "'f1'"])
def test_parents_that_nearly_match_are_read_or_refused(tmp_path, parent):
    records = [*RECORDS, ("z", parent, "f4")]
    if parent.strip().replace("\u200b", "") == "f1":
        assert pedigree(tmp_path / "p.csv", records).iloc[-1]["sire"] == "f1"
        return
    with pytest.raises(InputError, match="has no record, but 'f1' has one"):
        pedigree(tmp_path / "p.csv", records)


def test_lost_leading_zeros_are_named(tmp_path):
    with pytest.raises(InputError, match="sire '7' has no record, but '007' has one"):
        pedigree(tmp_path / "p.csv", [("007", "0", "0"), ("008", "7", "0")])


def test_a_parent_of_most_animals_without_a_record_is_asked_about(tmp_path):
    records = [(f"a{i}", "nobody", f"d{i}") for i in range(20)]
    with pytest.raises(InputError, match="'nobody' is the sire of 20 of 20 animals"):
        pedigree(tmp_path / "p.csv", records)
    # a sire of that many with a record is one
    found = pedigree(tmp_path / "q.csv", [("nobody", "0", "0"), *records])
    assert (found["sire"] == "nobody").sum() == 20


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("DE007", "de007", True),
        ("007", "7", True),
        ("1007.0", "1007", True),
        ('"7"', "7", True),
        ("7", "70", False),
        ("0", "00", True),
        ("a0", "a", False),
    ],
)
def test_spellings_that_are_alike(one, other, same):
    assert (spell_alike(one) == spell_alike(other)) is same


@pytest.mark.parametrize("start", [0, 1])
def test_row_names_of_r_are_no_animals(tmp_path, start):
    rows = [("", "id", "milk"), *((start + i, 10 - i, 5.5 + i) for i in range(4))]
    path = write(tmp_path / "y.csv", rows)
    with pytest.raises(InputError, match="counts the rows, as R's row names do"):
        read_phenotypes(path, {"milk": "milk"}, CODES)
    found = read_phenotypes(path, {"milk": "milk"}, CODES, "id")
    assert found["sample_id"].tolist() == ["10", "9", "8", "7"]


def test_names_of_animals_may_stand_in_a_nameless_column(tmp_path):
    path = write(tmp_path / "y.csv", [("", "milk"), ("cow", 1.5), ("calf", 2.5)])
    found = read_phenotypes(path, {"milk": "milk"}, CODES)
    assert found["sample_id"].tolist() == ["cow", "calf"]


def test_a_header_one_cell_short_is_called_that(tmp_path):
    path = write(tmp_path / "y.csv", [("id", "milk"), (1, "a", 5.0)])
    with pytest.raises(InputError, match="row name of R"):
        read_phenotypes(path, {"milk": "milk"}, CODES)


def test_quotes_after_a_blank_are_quotes(tmp_path):
    path = tmp_path / "y.csv"
    path.write_text('id, milk\n"a", "5.5"\n"b", "NA"\n')
    found = read_phenotypes(path, {"milk": "milk"}, CODES)
    assert found["sample_id"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(found["milk"], [5.5, np.nan])


def dosages(tmp_path, header, rows, missing=CODES, **options):
    path = write(tmp_path / "x.csv", [("id", *header), *rows])
    return read_dosage_table(path, missing, **options)


def test_no_code_for_missing_turns_a_dosage_into_a_gap(tmp_path):
    codes = missing_codes([0, "2", 9])
    found = dosages(tmp_path, ["m1", "m2"], [("a", 0, 2), ("b", 9, 1)], codes)
    np.testing.assert_array_equal(found.dosages, [[0, 2], [-1, 1]])


@pytest.mark.parametrize("name", ["PHENOTYPE", "Sex", "PAT", "mat"])
def test_columns_of_a_raw_file_are_no_markers(tmp_path, name):
    with pytest.raises(InputError, match=f"'{name}' is no marker"):
        dosages(tmp_path, ["m1", name], [("a", 0, 2), ("b", 1, 1)])


def test_a_trait_among_the_markers_is_refused(tmp_path):
    rows = [("a", 0, 2), ("b", 1, 1)]
    with pytest.raises(InputError, match="'ill' is a trait or covariate"):
        dosages(tmp_path, ["m1", "ill"], rows, no_markers={"ill"})


def test_dosages_around_zero_are_called_that(tmp_path):
    rows = [("a", -1, 0, 1), ("b", 0, -1, -1)]
    with pytest.raises(InputError, match="add 1 to each"):
        dosages(tmp_path, ["m1", "m2", "m3"], rows)
    with pytest.raises(InputError, match="50% of the calls are missing and none is 2"):
        dosages(tmp_path, ["m1", "m2", "m3"], rows, missing_codes([-1]))


def test_points_between_thousands_are_asked_about():
    column = pd.Series(["7.412", "8.030", "987", "6.500"], name="milk")
    with pytest.raises(InputError, match=r"'7\.412' beside '987'"):
        parse_numbers(column, CODES, "y.csv", "")
    # three decimals of numbers that could be no thousands
    for cells in (["7.412", "8.03", "987"], ["7.412", "8.030", "6.500"]):
        assert len(parse_numbers(pd.Series(cells, name="x"), CODES, "y.csv", ""))


def test_usual_codes_and_far_values_of_a_trait_are_asked_about():
    rng = np.random.default_rng(0)
    sound = pd.Series(rng.normal(50, 5, 200))
    assert list(_question_trait(sound)) == []
    (note,) = _question_trait(pd.concat([sound, pd.Series([-9.0, -9.0])]))
    assert "2 values are -9, a usual code for missing" in note
    (note,) = _question_trait(pd.concat([sound, pd.Series([99999.0])]))
    assert "e.g. 99999" in note
    # a trait around zero may well have such values
    assert list(_question_trait(pd.Series(rng.normal(0, 20, 500)).round())) == []


FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
HEADER = "##fileformat=VCFv4.2\n" + "\t".join([*FIXED, "a", "b"]) + "\n"


def vcf(tmp_path, *sites, **options):
    path = tmp_path / "x.vcf"
    path.write_text(HEADER + "".join("\t".join(site) + "\n" for site in sites))
    return read_vcf(path, **options)


def site(position, alt="A", passed="PASS", form="GT", calls=("0/1", "1/1")):
    return ("1", str(position), ".", "C", alt, ".", passed, ".", form, *calls)


def test_sites_that_are_no_sound_snps_are_left_out_and_counted(tmp_path):
    sites = [site(1), site(2, passed="LowQual"), site(3, alt="*"), site(4, alt="<DEL>")]
    found = vcf(tmp_path, *sites)
    assert found.marker_map["snp"].tolist() == ["1:1"]
    assert found.notes["sites_left_out"] == {
        "that did not pass a filter": 1,
        "with an allele that is no sequence": 2,
    }


@pytest.mark.parametrize("fractional", [False, True])
def test_calls_come_from_the_other_field_cell_by_cell(tmp_path, fractional):
    # a cell may leave trailing fields off, or have a dosage and no call
    one = site(1, form="GT:DS", calls=("0/1", "./.:1.75"))
    found = vcf(tmp_path, one, fractional=fractional)
    np.testing.assert_array_equal(found.dosages[:, 0], [1, 2])
    if fractional:
        np.testing.assert_array_equal(found.fractional[:, 0], [1.0, 1.75])


def test_positions_that_plink_cannot_hold_are_refused(tmp_path):
    assert vcf(tmp_path, site(2**31 - 1)).marker_map["position"][0] == 2**31 - 1
    with pytest.raises(InputError, match="split the chromosome"):
        vcf(tmp_path, site(2**31))


def phenotypes(path, text, names=("y",)):
    path.write_text(text)
    traits = {name: name for name in names}
    return read_phenotypes(path, traits, CODES)


SOUND = "id,y,z\na1,1.5,2\na2,2.25,3\na3,NA,4\n"


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nid;y;z\na1;1.5;2\na2;2.25;3\na3;NA;4\n",
        "# made by hand\n## twice\n" + SOUND,
        "id,y,z\na1,1.5,2,\na2,2.25,3,\na3,NA,4,\n",
        "id,y,z,\na1,1.5,2,\na2,2.25,3,\na3,NA,4,\n",
        "id;y;z\na1;1,5;2\na2;2,25;3\na3;NA;4\n",
        "id\ty\tz\na1\t0.15D+01\t2\na2\t0.225D+01\t3\na3\t\t4\n",
    ],
)
def test_tables_as_programs_write_them_are_read(tmp_path, text):
    frame = phenotypes(tmp_path / "y.csv", text, ("y", "z"))
    assert frame["sample_id"].tolist() == ["a1", "a2", "a3"]
    np.testing.assert_array_equal(frame["y"], [1.5, 2.25, np.nan])
    np.testing.assert_array_equal(frame["z"], [2, 3, 4])
    assert frame.attrs["decimal_commas"] == (["y"] if "1,5" in text else [])


def test_line_numbers_count_what_stands_above_the_header(tmp_path):
    text = "# a remark\n" + SOUND.replace("2.25", "high")
    with pytest.raises(InputError, match=r"y.csv, line 4: column 'y' holds 'high'"):
        phenotypes(tmp_path / "y.csv", text)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1,5", "2.5", "3"), "holds '1,5'"),
        (("1,234", "12,345", "3"), "holds '1,234'"),
    ],
)
def test_commas_that_may_separate_thousands_are_refused(tmp_path, cells, message):
    rows = "".join(f"a{i};{cell}\n" for i, cell in enumerate(cells))
    with pytest.raises(InputError, match=message):
        phenotypes(tmp_path / "y.csv", "id;y\n" + rows)


def test_logical_values_are_zero_and_one(tmp_path):
    frame = phenotypes(tmp_path / "y.csv", "id,y\na1,TRUE\na2,FALSE\na3,NA\n")
    np.testing.assert_array_equal(frame["y"], [1, 0, np.nan])


def test_only_rows_that_all_end_in_nothing_lose_their_last_cell(tmp_path):
    with pytest.raises(InputError, match="line 3: 4 cells under a header of 3"):
        phenotypes(tmp_path / "y.csv", "id,y,z\na1,1,2,\na2,1,2,5\n")
    with pytest.raises(InputError, match="line 3: 4 cells under a header of 3"):
        phenotypes(tmp_path / "y.csv", "id,y,z\na1,1,2\na2,1,2,\n")


def test_dates_are_days(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("id,born\na1,2019-02-28\na2,2019-03-01\na3,NA\n")
    days = read_covariates(path, ["born"], [], CODES)["born"]
    assert days[1] - days[0] == 1 and np.isnan(days[2])
    classes = read_covariates(path, ["born"], ["born"], CODES)["born"]
    assert classes[0] == "2019-02-28"
    path.write_text("id,born\na1,2019-02-28\na2,2019-02-30\n")
    with pytest.raises(InputError, match=r"line 3: .* no day of the calendar"):
        read_covariates(path, ["born"], [], CODES)


def test_ids_that_a_spreadsheet_shortened_are_called_that(tmp_path):
    with pytest.raises(InputError, match=r"line 2: '2.76E\+14' is an id that a spread"):
        phenotypes(tmp_path / "y.csv", "id,y\n2.76E+14,1\n2.77E+14,2\n")


def test_family_ids_in_the_first_column_are_no_animals(tmp_path):
    with pytest.raises(InputError, match="seem to be in column 'IID'"):
        phenotypes(tmp_path / "y.csv", "FID IID y\n0 a1 1\n0 a2 2\n")


PLINK = {
    "x.bim": "1 m1 NA 10 A C\n1\tm2\t0\t20\tG\tT\n",
    "x.fam": "0 a1 0 0 F -9\n0 a2 0 0 NA -9\n0 a3 0 0 M -9\n",
}


def plink(folder, **files):
    """Three animals and two markers: dosages 0 1 2 and 2 1 0 of a1."""
    for name, text in {**PLINK, **files}.items():
        (folder / name).write_text(text)
    (folder / "x.bed").write_bytes(b"\x6c\x1b\x01" + bytes([0b001011, 0b111000]))
    return read_plink(folder / "x.bed")


def test_bim_and_fam_are_read_as_plink_reads_them(tmp_path):
    calls = plink(tmp_path)
    np.testing.assert_array_equal(calls.dosages.T, [[0, 1, 2], [2, 1, 0]])
    assert calls.marker_map["cm"].tolist() == [0, 0]
    more = "".join(f"{line} 1.5 2.5\n" for line in PLINK["x.fam"].splitlines())
    again = plink(tmp_path, **{"x.fam": more})
    assert again.sample_ids.tolist() == ["a1", "a2", "a3"]
    with pytest.raises(InputError, match=r"x.fam, line 4: 7 cells"):
        plink(tmp_path, **{"x.fam": PLINK["x.fam"] + "0 a4 0 0 M -9 5\n"})


def test_animals_and_markers_whose_names_repeat_get_plinks_longer_ones(tmp_path):
    fam = "f1 1 0 0 0 -9\nf2 1 0 0 0 -9\nf2 2 0 0 0 -9\n"
    bim = "1 . 0 10 A C\n1 . 0 10 A G\n"
    calls = plink(tmp_path, **{"x.fam": fam, "x.bim": bim})
    assert calls.sample_ids.tolist() == ["f1_1", "f2_1", "f2_2"]
    assert calls.marker_map["snp"].tolist() == ["1:10:C:A", "1:10:G:A"]
    assert calls.notes == {"animals_named_by_family": 3, "markers_named_by_position": 2}
    with pytest.raises(InputError, match="duplicate animal '1'"):
        plink(tmp_path, **{"x.fam": fam.replace("f2 1", "f1 1")})


RAW = (
    "FID IID PAT MAT SEX PHENOTYPE m1_A m2_T(/G)\n"
    "0 a1 0 0 1 -9 0 2\n0 a2 0 0 2 -9 1 NA\n"
)


def test_raw_files_count_the_allele_that_they_name(tmp_path):
    path = tmp_path / "x.raw"
    path.write_text(RAW)
    calls = read_raw(path)
    np.testing.assert_array_equal(calls.dosages, [[0, 2], [1, -1]])
    assert calls.marker_map["snp"].tolist() == ["m1", "m2"]
    alleles = calls.marker_map[["a1", "a2"]].to_numpy().tolist()
    assert alleles == [["A", "0"], ["T", "G"]]
    (tmp_path / "x.bim").write_text("1 m1 0 5 C A\n1 m2 0 9 T G\n")
    mapped = read_raw(path, tmp_path / "x.bim").marker_map
    assert mapped[["position", "a1", "a2"]].to_numpy().tolist() == [
        [5, "A", "C"],
        [9, "T", "G"],
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("FID IID", "id IID"), "begins with the columns FID IID"),
        (("m2_T(/G)", "m1_HET"), "recode AD"),
        (("m2_T(/G)", "m2"), "'m2' does not end in the allele"),
        (("m2_T(/G)", "m1_T"), "duplicate marker 'm1'"),
        ((" 0 2\n", " 0 3\n"), "line 2: dosage '3'"),
        (("0 a2", "0 a1"), "duplicate animal 'a1'"),
    ],
)
def test_raw_files_that_are_something_else_are_refused(tmp_path, change, message):
    path = tmp_path / "x.raw"
    path.write_text(RAW.replace(*change))
    with pytest.raises(InputError, match=message):
        read_raw(path)


def test_a_map_of_other_alleles_is_refused(tmp_path):
    (tmp_path / "x.raw").write_text(RAW)
    (tmp_path / "x.bim").write_text("1 m1 0 5 C G\n1 m2 0 9 T G\n")
    with pytest.raises(InputError, match=r"'m1' has the alleles C and G, .* counts A"):
        read_raw(tmp_path / "x.raw", tmp_path / "x.bim")


HAPMAP = (
    "rs#\talleles\tchrom\tpos\tstrand\tb\tc\td\te\tf\tQC\ta1\ta2\ta3\n"
    "m1\tA/C\t1\t5\t+\tNA\tNA\tNA\tNA\tNA\tNA\tAA\tCA\tNN\n"
    "m2\tG/T\t2\t7\t+\tNA\tNA\tNA\tNA\tNA\tNA\tK\tT\tG\n"
    "m3\t-/T\t2\t8\t+\tNA\tNA\tNA\tNA\tNA\tNA\tT\tT\t-\n"
)


def test_hapmap_files_are_read_in_both_spellings(tmp_path):
    path = tmp_path / "x.hmp.txt"
    path.write_text(HAPMAP)
    calls = read_hapmap(path)
    np.testing.assert_array_equal(calls.dosages.T, [[0, 1, -1], [1, 2, 0]])
    assert calls.marker_map[["position", "a1"]].to_numpy().tolist() == [
        [5, "C"],
        [7, "T"],
    ]
    assert calls.notes == {"sites_left_out": {"that are no biallelic SNPs": 1}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rs#", "id"), "header of a HapMap file"),
        (("\tCA", "\tGA"), "line 2: call 'GA' is not made of the alleles A and C"),
        (("\tNN", ""), "line 2: 13 cells under a header of 14"),
        (("\t5\t", "\tfive\t"), "line 2: position 'five'"),
        (("\ta2", "\ta1"), "duplicate animal 'a1'"),
    ],
)
def test_hapmap_files_that_are_damaged_are_refused(tmp_path, change, message):
    path = tmp_path / "x.hmp.txt"
    path.write_text(HAPMAP.replace(*change))
    with pytest.raises(InputError, match=message):
        read_hapmap(path)


def test_phenotypes_and_parents_may_stand_in_the_fam_file(tmp_path):
    path = tmp_path / "x.fam"
    path.write_text("f1 s 0 0 1 1.5 7\nf1 d 0 0 2 -9 8\nf1 o s d 0 2.5 -9\n")
    frame = read_phenotypes(path, {"y": "PHENOTYPE", "z": "PHENOTYPE2"}, CODES)
    assert frame["sample_id"].tolist() == ["s", "d", "o"]
    np.testing.assert_array_equal(frame["y"], [1.5, np.nan, 2.5])
    np.testing.assert_array_equal(frame["z"], [7, 8, np.nan])
    records = read_pedigree(path, CODES, {}, both_sexes=False)
    assert records.iloc[2].tolist() == ["o", "s", "d"]
    # where individual ids repeat, parents are of the same family
    path.write_text("f1 1 0 0 1 1\nf1 2 1 0 1 2\nf2 1 0 0 1 3\nf2 2 1 0 1 4\n")
    records = read_pedigree(path, CODES, {}, both_sexes=False)
    assert records["sire"].tolist() == ["0", "f1_1", "0", "f2_1"]
