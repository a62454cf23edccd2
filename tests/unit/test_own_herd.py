from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from grvsnn.datasets.dosage_table import read_dosage_table
from grvsnn.datasets.herd import describe_sources, prepare_herd
from grvsnn.datasets.plink_files import read_plink
from grvsnn.datasets.records import (
    missing_codes,
    read_covariates,
    read_pedigree,
    read_phenotypes,
    read_relationship,
)
from grvsnn.datasets.text_table import load_table
from grvsnn.datasets.vcf import read_vcf
from grvsnn.genotypes.plink import read_genotypes, write_genotypes
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.run.check_data import check_dataset
from grvsnn.run.config_check import find_problems
from grvsnn.run.survey import survey_pedigree

from tests.herd_files import simulate_herd, write_herd
from tests.shipped import METHODS, read_shipped_schemas

CODES = missing_codes()
PREPARED = ("genotypes.bed", "genotypes.bim", "genotypes.fam")


@pytest.fixture(scope="module")
def population():
    return simulate_herd()


@pytest.fixture(scope="module")
def entries(population, tmp_path_factory):
    return write_herd(population, tmp_path_factory.mktemp("herd"))


@pytest.fixture(scope="module")
def prepared(entries, tmp_path_factory):
    """Folder of prepared files for each format."""
    folders = {}
    for name, entry in entries.items():
        folders[name] = tmp_path_factory.mktemp(name)
        prepare_herd(entry).write(folders[name], describe_sources(entry))
    return folders


@pytest.mark.parametrize("name", ["vcf", "raw", "hapmap", "csv", "turned"])
def test_every_format_gives_the_same_bytes(prepared, name):
    tables = ("phenotypes.parquet", "covariates.parquet", "pedigree.parquet")
    for file in (*PREPARED, *tables):
        expected = (prepared["plink"] / file).read_bytes()
        assert (prepared[name] / file).read_bytes() == expected, file


def test_the_simulated_herd_comes_back(prepared, population):
    dosages, ids, _ = read_genotypes(prepared["plink"] / "genotypes.bed")
    traits = population.phenotypes.set_index("sample_id")
    seen = traits.notna().any(axis=1).to_numpy()
    assert 0 < (population.genotypes < 0).mean() < 0.1
    np.testing.assert_array_equal(dosages, population.genotypes[seen])
    assert list(ids) == list(traits.index[seen])
    read_back = pd.read_parquet(prepared["plink"] / "phenotypes.parquet")
    pd.testing.assert_frame_equal(read_back.set_index("sample_id"), traits[seen])


def test_provenance_counts_and_names_the_files(entries, prepared):
    provenance = pd.read_json(prepared["csv"] / "provenance.json", typ="series")
    first, last = provenance["steps"]
    assert first["phenotyped"] == first["n_samples"] + 1
    assert first["phenotyped_not_genotyped"] == 1
    assert last["n_samples"] < first["n_samples"]
    roles = {source["role"] for source in provenance["sources"]}
    assert roles == {"genotypes", "map", "phenotypes", "pedigree"}
    assert all(len(source["sha256"]) == 64 for source in provenance["sources"])
    roles = {source["role"] for source in describe_sources(entries["plink"])}
    assert roles == {"genotypes", "bim", "fam", "phenotypes", "pedigree"}


def test_spellings_of_text_files_do_not_matter(tmp_path):
    """Line ends, byte-order mark, delimiter, quotation marks, blank lines, gzip."""
    rows = [["id", "milk", "fat"], ["a1", "1.5", "NA"], ["007", "2", "3e1"]]
    spelled = {
        "crlf": ",".join(rows[0]) + "\r\n" + "\r\n".join(map(",".join, rows[1:])),
        "bom": "\ufeff" + "\n".join(map(",".join, rows)),
        "tab": "\n".join(map("\t".join, rows)) + "\n\n",
        "semicolon": "\n".join(map(";".join, rows)) + "\n;;\n",
        "blanks": "\n".join(map("   ".join, rows)),
        "blanks, quoted": "\n".join('"' + '"  "'.join(row) + '"' for row in rows),
        "quoted": "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows),
        "mac": "\r".join(map(",".join, rows)),
    }
    tables = []
    for name, text in spelled.items():
        path = tmp_path / name
        path.write_bytes(text.encode())
        tables.append(read_phenotypes(path, {"m": "milk", "f": "fat"}, CODES))
    expected = pd.DataFrame(
        {"sample_id": ["a1", "007"], "m": [1.5, 2.0], "f": [np.nan, 30.0]}
    )
    for table in tables:
        pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_missing_codes_are_matched_as_text_and_as_numbers(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text("id,y\na,-9\nb,-9.0\nc,.\nd,-9.5\ne,unknown\nf,\n")
    codes = missing_codes([-9, "unknown"])
    y = read_phenotypes(path, {"y": "y"}, codes)["y"]
    np.testing.assert_array_equal(y, [np.nan] * 3 + [-9.5] + [np.nan] * 2)


def test_covariates_are_numbers_or_classes(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text("id,herd,sex,age\na,1,F,2.5\nb,2,.,3\nc,1,M,4\n")
    table = read_covariates(path, ["herd", "sex", "age"], ["herd"], CODES)
    assert list(table["herd"]) == ["1", "2", "1"]
    assert list(table["sex"].fillna("?")) == ["F", "?", "M"]
    np.testing.assert_array_equal(table["age"], [2.5, 3, 4])


def test_an_unknown_class_gets_a_class_of_its_own(tmp_path):
    (tmp_path / "x.csv").write_text("id,m1,m2\na,0,1\nb,1,2\nc,2,0\n")
    (tmp_path / "y.csv").write_text("id,y,sex\na,1,F\nb,2,\nc,3,M\n")
    entry = {
        "format": "csv",
        "files": {
            "genotypes": str(tmp_path / "x.csv"),
            "phenotypes": str(tmp_path / "y.csv"),
        },
        "traits": {"y": "y"},
        "covariates": ["sex"],
    }
    data = prepare_herd(entry)
    assert list(data.covariates["sex"]) == ["F", "missing", "M"]
    assert data.steps[-1]["covariates_of_unknown_class"] == 1


def test_pedigree_codes_order_and_names(tmp_path):
    path = tmp_path / "pedigree.csv"
    path.write_text("animal,Father,MOTHER\nc,a,b\na,0,.\nb,NA,-9\na,0,.\n")
    table = read_pedigree(path, missing_codes([-9]), {}, False)
    assert table.to_numpy().tolist() == [
        ["c", "a", "b"],
        ["a", "0", "0"],
        ["b", "0", "0"],
    ]
    path.write_text("ped,pa,ma\nc,a,b\n")
    named = read_pedigree(path, CODES, {"sire": "pa", "dam": "ma"}, False)
    assert named.to_numpy().tolist() == [["c", "a", "b"]]


def test_relationship_matrix_is_read_exactly(tmp_path):
    path = tmp_path / "A.tsv"
    path.write_text("\ta\tb\na\t1\t0.25\nb\t0.25\t1.125\n")
    ids, A = read_relationship(path)
    assert list(ids) == ["a", "b"]
    np.testing.assert_array_equal(A, [[1, 0.25], [0.25, 1.125]])


def test_fractional_dosages_are_rounded_and_counted(tmp_path):
    (tmp_path / "x.csv").write_text("id,m1,m2,m3\na,0.14,1.00,NA\nb,1.9,.,0.86\n")
    calls = read_dosage_table(tmp_path / "x.csv", CODES)
    np.testing.assert_array_equal(calls.dosages, [[0, 1, -1], [2, -1, 1]])
    error = pytest.approx((0.14 + 0.1 + 0.14) / 3)
    rounding = {"fractional_dosages_rounded": 3, "mean_rounding_error": error}
    assert calls.notes == rounding and calls.fractional is None


def test_vcf_fields_are_found_wherever_they_stand(tmp_path):
    head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc\td\n"
    site = "1\t{}\t{}\tA\tG\t.\t.\t.\t"
    (tmp_path / "x.vcf").write_text(
        "##fileformat=VCFv4.2\n"
        + head
        + site.format(5, "rs1")
        + "GT:DP\t0/0:3\t1|0\t./1:2\t.\n"
        + site.format(9, ".")
        + "DP:DS\t3:0.1\t3:1.6\t3\t3:1\n"
    )
    calls = read_vcf(tmp_path / "x.vcf")
    np.testing.assert_array_equal(calls.dosages.T, [[0, 1, -1, -1], [0, 2, -1, 1]])
    assert list(calls.marker_map["snp"]) == ["rs1", "1:9"]
    assert list(calls.marker_map["a1"]) == ["G", "G"]
    error = pytest.approx((0.1 + 0.4) / 2)
    rounding = {"fractional_dosages_rounded": 2, "mean_rounding_error": error}
    assert calls.notes == rounding


@pytest.mark.parametrize("n_samples", [4, 5, 6, 7])
def test_padding_of_a_sound_bed_is_not_taken_for_animals(tmp_path, n_samples):
    X = np.full((n_samples, 3), 2, np.int8)
    ids = np.array([f"a{i}" for i in range(n_samples)])
    table = pd.DataFrame(
        {"chromosome": "1", "snp": ["x", "y", "z"], "cm": 0.0, "position": [1, 2, 3]}
    ).assign(a1="A", a2="C")
    write_genotypes(X, ids, table, tmp_path / "x.bed")
    np.testing.assert_array_equal(read_plink(tmp_path / "x.bed").dosages, X)


def test_survey_of_a_pedigree_by_hand():
    """Full-sib mating: F of the offspring is 1/4."""
    frame = pd.DataFrame(
        [["s", "0", "0"], ["b", "s", "d"], ["c", "s", "d"], ["e", "b", "c"]],
        columns=["id", "sire", "dam"],
    )
    lines = list(survey_pedigree(Pedigree.from_frame(frame), np.array(["b", "e"])))
    assert lines[0].startswith("pedigree: 5 animals, 3 generations, 2 founders (1 of")
    assert "both parents known 100.0%" in lines[1]
    assert "1.5 generations on average, 2 at most" in lines[1]
    assert "mean 0.0500, largest 0.2500; animals in common 0.1250" in lines[2]


@pytest.fixture
def config(entries):
    return {
        "seed": 1,
        "datasets": ["herd"],
        "settings": ["markers", "markers_pedigree"],
        "methods": ["gblup"],
        "registry": {"herd": entries["vcf"]},
        "folds": {"scheme": "family", "repeats": 1, "folds": 2, "inner_folds": 2},
        "adjust": "covariates",
        "protocol": "nested",
        "qc": {},
    }


def test_check_finds_what_is_there(config, population):
    findings, problems = check_dataset("herd", config, [])
    assert problems == []
    text = "\n".join(findings)
    n = len(population.phenotypes)
    assert f"animals: {n} genotyped, {n + 1} with a row of phenotypes" in text
    assert f"markers: {len(population.markers)}" in text
    for word in ("missing calls", "minor allele frequency", "founders", "levels"):
        assert word in text
    assert "loadings by rule 'knee'" in text and "of the trace of A" in text


def test_records_written_twice_change_nothing_but_the_note(
    config, entries, root, tmp_path
):
    """Means of equal records are the records; check says how many there are."""
    entry = entries["plink"]
    records = pd.read_csv(entry["files"]["phenotypes"], sep=";")
    pd.concat([records, records.iloc[:7]]).to_csv(tmp_path / "twice.csv", index=False)
    files = {**entry["files"], "phenotypes": str(tmp_path / "twice.csv")}
    config["registry"] = {"herd": {**entry, "files": files, "repeated": "mean"}}
    findings, problems = check_dataset("herd", config, [])
    assert problems == []
    note = "  7 animals have several records (at most 2)"
    assert any(line.startswith(note) for line in findings)
    one, other = prepare_herd(entry), prepare_herd(config["registry"]["herd"])
    assert one.phenotypes.equals(other.phenotypes)
    assert one.covariates.equals(other.covariates)
    assert find_problems(config, read_shipped_schemas(root), METHODS) == []


def test_check_names_a_rank_rule_that_cannot_be_applied(config, entries):
    entry = {**entries["vcf"], "loadings": {"rule": "fixed", "value": 10**6}}
    config["registry"] = {"herd": entry}
    problems = check_dataset("herd", config, [])[1]
    assert len(problems) == 1 and "needs a rank between 1 and" in problems[0]
    # nothing is cut where no setting has loadings
    assert check_dataset("herd", {**config, "settings": ["markers"]}, [])[1] == []


@pytest.fixture
def with_covariates(config, entries, tmp_path):
    """Let `config` have further columns of records, by name, as covariates."""
    entry = entries["plink"]

    def add(factors=(), **columns):
        records = pd.read_csv(entry["files"]["phenotypes"], sep=";")
        names = list(columns)
        records = records.assign(**{n: columns[n](len(records)) for n in names})
        records.to_csv(tmp_path / "more.csv", index=False)
        files = {**entry["files"], "phenotypes": str(tmp_path / "more.csv")}
        change = {"files": files, "covariates": names, "factors": list(factors)}
        return {**config, "registry": {"herd": {**entry, **change}}}

    return add


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_check_warns_of_many_effects_for_the_training_animals(with_covariates, share):
    """Half of the animals train, four fifths of them with a phenotype of each trait."""

    def pens(n):
        return [f"pen{i % round(share * n / 2)}" for i in range(n)]

    findings, problems = check_dataset("herd", with_covariates(["pen"], pen=pens), [])
    assert problems == []
    warnings = [line for line in findings if line.startswith("warning")]
    assert bool(warnings) == (share > 1 / 3)
    for line in warnings:
        assert "fixed effects are estimated from" in line and "pen: " in line


def test_check_asks_about_numbers_that_may_be_classes_or_dates(with_covariates):
    numbers = with_covariates(
        farm=lambda n: np.arange(n) % 3 + 17,
        sex=lambda n: np.arange(n) % 2,
        weight=lambda n: np.arange(n) % 5 + 0.5,
        born=lambda n: 20190227 + np.arange(n) % 2,
        day=lambda n: 43000 + np.arange(n),
    )
    findings, problems = check_dataset("herd", numbers, [])
    assert problems == []
    asked = {
        before.split(":")[0].strip(): line
        for before, line in pairwise(findings)
        if line.startswith("    note")
    }
    assert set(asked) == {"farm", "born"}
    assert "3 different whole numbers" in asked["farm"]
    assert "look like dates" in asked["born"]


def test_families_of_a_relationship_matrix_serve_as_folds(config, schemas):
    entry = config["registry"]["herd"]
    files = {**entry["files"], "relationship": "A.csv"}
    del files["pedigree"]
    config["registry"]["herd"] = {**entry, "files": files}
    assert find_problems(config, schemas, METHODS) == []


def test_check_names_every_bad_file_once(config, entries):
    entry = entries["vcf"]
    files = {**entry["files"], "phenotypes": "nowhere.csv", "pedigree": "gone.csv"}
    config["registry"] = {"herd": {**entry, "files": files, "covariates": []}}
    _, problems = check_dataset("herd", config, [])
    assert [problem.split()[0] for problem in problems] == ["nowhere.csv", "gone.csv"]


@pytest.fixture
def schemas(root):
    return read_shipped_schemas(root)


def test_a_sound_config_has_no_problems(config, schemas):
    assert find_problems(config, schemas, METHODS) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "vfc"}, "Did you mean 'vcf'?"),
        ({"trait": {}}, "Did you mean 'traits'?"),
        ({"files": {"genotypes": "x.vcf"}}, "'phenotypes' is a required property"),
        ({"files": {"genotype": "x", "phenotypes": "y"}}, "Did you mean 'genotypes'?"),
        ({"rows": "columns"}, "'columns' is not one of ['animals', 'markers']"),
        ({"rows": "markers"}, "'rows' is for format csv"),
        ({"factors": ["pen"]}, "factor 'pen' is not among its covariates"),
        ({"missing": [None]}, "None is not of type"),
        ({"columns": {"father": "x"}}, "'father' was unexpected"),
        ({"traits": {}}, "should be non-empty"),
    ],
)
def test_mistakes_in_an_entry_are_named(config, schemas, change, message):
    config["registry"]["herd"] = {**config["registry"]["herd"], **change}
    problems = find_problems(config, schemas, METHODS)
    assert any(message in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("role", "settings", "scheme", "message"),
    [
        (None, ["markers", "markers_pedigree"], "random", "'markers_pedigree' needs a"),
        (None, ["markers"], "family", "scheme 'family' needs a pedigree or relationsh"),
        ("relationship", ["markers"], "forward", "folds scheme 'forward' needs"),
    ],
)
def test_what_needs_relatives_says_so(config, schemas, role, settings, scheme, message):
    entry = config["registry"]["herd"]
    files = {k: v for k, v in entry["files"].items() if k != "pedigree"}
    files |= {role: "A.csv"} if role else {}
    config["registry"]["herd"] = {**entry, "files": files}
    config["settings"], config["folds"]["scheme"] = settings, scheme
    (problem,) = find_problems(config, schemas, METHODS)
    assert message in problem


def test_lines_are_numbered_as_an_editor_does(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,y\n\na,1\n\nb,2\n")
    assert list(load_table(path).index) == [3, 5]
