"""Herds as people have them, each in a folder of its own: read as meant, or refused.

The folders are not part of the project; GRVSNN_HERD_CASES names where they are. Each
has a herd.yaml whose paths start with ``cases/``, and nearly all are the herd of
``00-base`` with one thing changed.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from grvsnn.datasets.herd import plan_reading
from grvsnn.run.check_data import check_dataset
from grvsnn.run.read_config import load_config

FOLDER = os.environ.get("GRVSNN_HERD_CASES", "")
NAMES = sorted(p.parent.name for p in Path(FOLDER or ".").glob("*/herd.yaml"))
NAMES = NAMES if FOLDER else []
# what a run can start with; all others have a problem that is named
READY = """
00-base 01-ped-float-parents 02-ped-unknown-0.0 02b-ped-unknown-0.0-plants
03a-ped-sire-unknown-NA-brackets 03c-ped-sire-unknown-unknown
03f-ped-sire-unknown-000000 03g-ped-sire-unknown--1 03j-ped-sire-unknown-UNK
03m-ped-sire-unknown-mysqlN 03p-ped-sire-unknown-00 04-ped-both-unknown-word
17c-ped-blank-after-comma-one-parent 20-pheno-minus9-unlisted
24-pheno-excel-sep-line 26-pheno-trailing-commas 28-pheno-fortran-D
39b-pheno-bom-utf8-semicolon-comma 40-pheno-true-false 53-bim-dot-names
55-bim-spaces 56-fam-IID-repeats 57-fam-7-columns A4-fam-sex-letters
21-pheno-0-missing-listed-csv 29-pheno-outlier-999 31-trait-binary-rare
31b-trait-plink-case-control 32-trait-patterns 33-cov-epoch-ms 33c-cov-yyyymmdd
34-cov-constant-collinear 35-cov-herd-code-not-factor 42-vcf-filter-lowqual
43-cov-sex-0-1-missing-0 44-cov-more-effects-than-animals 47-geno-0-1-presence
52b-same-without-the-four-columns 61-vcf-DS-dropped-fractional
62-vcf-star-and-symbolic 74-chromosome-names 76-all-monomorphic 96b-path-blank-quote
96d-path-umlaut-percent B0-ped-double-haploids B1-ped-born-before-parent
B2-ped-sire-is-female C0-r-undefined-folds C1-bglr-asked-not-installed
""".split()
# read as the sound herd is: the same calls, and the same parents known and unknown
AS_BASE = [
    name
    for name in READY
    if name[:2] in ("01", "02", "04", "17", "21", "24", "26", "28", "55", "57", "A4")
]
AS_BASE += ["61-vcf-DS-dropped-fractional"]
# ready, with a question
ASKED = {
    "20-pheno-minus9-unlisted": "a usual code for missing",
    "29-pheno-outlier-999": "median deviations from the median",
    "33c-cov-yyyymmdd": "look like dates",
    "35-cov-herd-code-not-factor": "if they stand for classes",
    "39b-pheno-bom-utf8-semicolon-comma": "read with decimal commas: milk",
    "53-bim-dot-names": "150 markers called '.' are named by chromosome:position",
    "56-fam-IID-repeats": "are called FID_IID",
    "42-vcf-filter-lowqual": "that did not pass a filter are left out",
    "62-vcf-star-and-symbolic": "no sequence are left out",
}

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="GRVSNN_HERD_CASES is not set: no folder of herds here"
)


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory):
    """A folder in which ``cases`` leads to the herds."""
    folder, before = tmp_path_factory.mktemp("herds"), Path.cwd()
    if FOLDER:
        (folder / "cases").symlink_to(Path(FOLDER).resolve())
        os.chdir(folder)
    yield
    os.chdir(before)


def check(name):
    """Findings and problems, as `make check` lists them."""
    config, problems = load_config(f"cases/{name}/herd.yaml")
    findings = []
    for dataset in [] if problems else config["datasets"]:
        found = check_dataset(dataset, config, [])
        findings, problems = findings + found[0], problems + found[1]
    return findings, problems


def read(name):
    config, _ = load_config(f"cases/{name}/herd.yaml")
    entry = config["registry"][config["datasets"][0]]
    return {role: reader() for role, reader in plan_reading(entry).items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_herd_is_ready_or_has_one_line_for_each_problem(name):
    findings, problems = check(name)
    assert bool(problems) == (name not in READY), problems
    assert all(text and "\n" not in text for text in problems)
    if name in ASKED:
        assert any(ASKED[name] in line for line in findings)


@pytest.mark.parametrize("name", AS_BASE if FOLDER else [])
def test_what_is_ready_is_what_was_meant(name):
    sound, other = read("00-base"), read(name)
    np.testing.assert_array_equal(
        sound["genotypes"].dosages, other["genotypes"].dosages
    )
    unknown = [
        frame["pedigree"].sort_values("id")[["sire", "dam"]].eq("0").to_numpy()
        for frame in (sound, other)
    ]
    np.testing.assert_array_equal(*unknown)
    values = [
        frame["phenotypes"][["milk", "fat"]].to_numpy() for frame in (sound, other)
    ]
    if sound["phenotypes"].shape == other["phenotypes"].shape and name[:2] not in (
        "21",
    ):
        np.testing.assert_allclose(*values, rtol=1e-4)
    parents = set(other["pedigree"]["sire"]) | set(other["pedigree"]["dam"])
    assert parents - {"0"} <= set(other["pedigree"]["id"])
