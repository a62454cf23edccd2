"""Each mistake in one's own files: one line that says what, where and how to fix it.

A case damages one file (or the registry entry) of a sound small herd. The prepare
script must then end with status 1, one line in its log and no output file, and `make
check` must report exactly that one problem.
"""

import gzip
import logging
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from grvsnn.genotypes.plink import write_genotypes
from grvsnn.run.check_data import check_dataset
from snakemake.iocontainers import Namedlist

IDS = [f"a{number}" for number in range(1, 11)]
MARKERS = ["m1", "m2", "m3", "m4"]
Change = Callable[[Path, dict], object]


def write_sound_herd(folder: Path, data_format: str) -> dict:
    """Ten animals, four markers, two traits, a pedigree; returns the entry."""
    X = np.arange(40).reshape(10, 4) % 3
    table = pd.DataFrame(X, index=IDS, columns=MARKERS)
    table.to_csv(folder / "x.csv", index_label="id")
    marker_map = pd.DataFrame({"chromosome": "1", "snp": MARKERS, "cm": 0.0})
    marker_map = marker_map.assign(position=range(4), a1="A", a2="C")
    write_genotypes(X.astype(np.int8), np.array(IDS), marker_map, folder / "x.bed")
    head = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".split()
    lines = ["##fileformat=VCFv4.2", "\t".join(head + IDS)]
    spelling = ["0/0", "0/1", "1/1"]
    for place, name in enumerate(MARKERS):
        site = ["1", str(place + 1), name, "C", "A", ".", ".", ".", "GT"]
        lines.append("\t".join(site + [spelling[call] for call in X[:, place]]))
    text = "\n".join(lines) + "\n"
    (folder / "x.vcf").write_text(text)
    (folder / "x.vcf.gz").write_bytes(gzip.compress(text.encode()))
    rows = [
        f"{name},{i},{i * i},{'FM'[i % 2]},{7 * i % 5 + 1}"
        for i, name in enumerate(IDS)
    ]
    (folder / "y.csv").write_text("id,milk,fat,sex,age\n" + "\n".join(rows) + "\n")
    pairs = [f"{name},s{i % 2},d{i % 3}" for i, name in enumerate(IDS)]
    (folder / "p.csv").write_text("id,sire,dam\n" + "\n".join(pairs) + "\n")
    suffix = {"plink": "bed", "vcf": "vcf", "csv": "csv"}[data_format]
    return {
        "format": data_format,
        "samples": 10,
        "markers": 4,
        "files": {
            "genotypes": str(folder / f"x.{suffix}"),
            "phenotypes": str(folder / "y.csv"),
            "pedigree": str(folder / "p.csv"),
        },
        "traits": {"milk": "milk", "fat": "fat"},
        "covariates": ["sex", "age"],
        "loadings": {"rule": "knee"},
    }


def edit(name: str, old: str, new: str) -> Change:
    """Replace text that must be there, once."""

    def change(folder: Path, entry: dict) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def edit_bytes(name: str, recipe: Callable[[bytes], bytes]) -> Change:
    def change(folder: Path, entry: dict) -> None:
        (folder / name).write_bytes(recipe((folder / name).read_bytes()))

    return change


def edit_column(name: str, column: str, value: Callable[[int], object]) -> Change:
    def change(folder: Path, entry: dict) -> None:
        table = pd.read_csv(folder / name, dtype=object)
        table[column] = [value(row) for row in range(len(table))]
        table.to_csv(folder / name, index=False)

    return change


def drop_line(name: str, line: int) -> Change:
    def change(folder: Path, entry: dict) -> None:
        lines = (folder / name).read_text().splitlines(keepends=True)
        del lines[line]
        (folder / name).write_text("".join(lines))

    return change


def repeat_line(name: str, line: int) -> Change:
    def change(folder: Path, entry: dict) -> None:
        lines = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join([*lines, lines[line]]))

    return change


def name_file(role: str, name: str) -> Change:
    def change(folder: Path, entry: dict) -> None:
        entry["files"][role] = str(folder / name)

    return change


def set_key(**keys: object) -> Change:
    def change(folder: Path, entry: dict) -> None:
        entry.update(keys)

    return change


def both(*changes: Change) -> Change:
    def change(folder: Path, entry: dict) -> None:
        for one in changes:
            one(folder, entry)

    return change


def no_pedigree(folder: Path, entry: dict) -> None:
    del entry["files"]["pedigree"]


def relationship(text: str) -> Change:
    def change(folder: Path, entry: dict) -> None:
        (folder / "A.csv").write_text(text)
        no_pedigree(folder, entry)
        entry["files"]["relationship"] = str(folder / "A.csv")

    return change


def matrix(change: Callable[[np.ndarray], object], ids: list[str] = IDS) -> Change:
    A = np.eye(10)
    change(A)
    return relationship(pd.DataFrame(A, index=ids, columns=ids).to_csv())


def write_map(text: str) -> Change:
    def change(folder: Path, entry: dict) -> None:
        (folder / "map.bim").write_text(text)
        entry["files"]["map"] = str(folder / "map.bim")

    return change


def make_folder(name: str) -> Change:
    def change(folder: Path, entry: dict) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


# name of the case -> format, change, what the one message says
CASES: dict[str, tuple[str, Change, str]] = {
    # PLINK
    "bed cut short": (
        "plink",
        edit_bytes("x.bed", lambda b: b[:-2]),
        "x.bed has 13 bytes, but 10 animals .* make 15: it is cut short",
    ),
    "bed too long": (
        "plink",
        edit_bytes("x.bed", lambda b: b + b"\0"),
        "x.bed has 16 bytes",
    ),
    "bed without magic bytes": (
        "plink",
        edit_bytes("x.bed", lambda b: b"xy" + b[2:]),
        "x.bed is no PLINK 1 .bed file",
    ),
    "bed animal by animal": (
        "plink",
        edit_bytes("x.bed", lambda b: b[:2] + b"\0" + b[3:]),
        "not in SNP-major order; write it again with plink --make-bed",
    ),
    "bim short of a marker": (
        "plink",
        drop_line("x.bim", 0),
        "3 markers in its .bim make 12",
    ),
    "fam short by a byte": (
        "plink",
        both(drop_line("x.fam", 0), drop_line("x.fam", 0)),
        "8 animals in its .fam .* make 11",
    ),
    "fam short within a byte": (
        "plink",
        drop_line("x.fam", 9),
        "x.bed holds more animals than the 9 of its .fam",
    ),
    "fam with an animal twice": (
        "plink",
        edit("x.fam", "a2 ", "a1 "),
        "x.bed: duplicate animal 'a1'",
    ),
    "bim with a marker twice": (
        "plink",
        edit("x.bim", "m2", "m1"),
        "x.bed: duplicate marker 'm1'",
    ),
    "bim with a missing column": (
        "plink",
        edit("x.bim", "\tA\tC", "\tA"),
        "x.bim, line 1: 5 cells; a .bim file has 6",
    ),
    "bim with text for a position": (
        "plink",
        edit("x.bim", "\t0\t", "\tzero\t"),
        "x.bim: column position .* must hold numbers",
    ),
    "bim is not there": (
        "plink",
        lambda folder, entry: (folder / "x.bim").unlink(),
        "x.bim is missing",
    ),
    "a bim file for genotypes": (
        "plink",
        name_file("genotypes", "x.bim"),
        "genotypes names the .bed file",
    ),
    # VCF
    "vcf without GT": (
        "vcf",
        edit("x.vcf", "GT", "GQ"),
        "x.vcf, line 3: FORMAT 'GQ' has neither GT nor DS",
    ),
    "vcf with several alleles": (
        "vcf",
        edit("x.vcf", "C\tA", "C\tA,T"),
        r"line 3: site 1:1 has several alternative alleles; keep",
    ),
    "vcf with a triploid call": (
        "vcf",
        edit("x.vcf", "0/1", "0/1/1"),
        "line 3: genotype '0/1/1' has 3 alleles; keep diploid",
    ),
    "vcf with a haploid call": (
        "vcf",
        edit("x.vcf", "\t1/1", "\t1"),
        "line 3: genotype '1' has 1 alleles; keep diploid",
    ),
    "vcf with a stray allele": (
        "vcf",
        edit("x.vcf", "0/1", "0/3"),
        "line 3: genotype '0/3' is not made of 0, 1",
    ),
    "vcf with a short line": (
        "vcf",
        edit("x.vcf", "\t1/1\n", "\n"),
        "line 5: 9 calls for 10 animals",
    ),
    "vcf with blanks for tabs": (
        "vcf",
        edit_bytes("x.vcf", lambda b: b.replace(b"\t", b" ")),
        "x.vcf, line 2|x.vcf is no VCF",
    ),
    "vcf without a header line": (
        "vcf",
        drop_line("x.vcf", 1),
        "x.vcf is no VCF: the header line #CHROM is missing",
    ),
    "vcf of sites only": (
        "vcf",
        edit_bytes("x.vcf", lambda b: re.sub(rb"\tFORMAT.*", b"", b)),
        "line 2: no genotypes; the columns must be",
    ),
    "vcf without markers": (
        "vcf",
        edit_bytes("x.vcf", lambda b: b"\n".join(b.split(b"\n")[:2]) + b"\n"),
        "x.vcf has no markers",
    ),
    "vcf with an animal twice": (
        "vcf",
        edit("x.vcf", "\ta2", "\ta1"),
        "line 2: duplicate animal 'a1'",
    ),
    "vcf with a marker twice": (
        "vcf",
        edit("x.vcf", "m2", "m1"),
        "x.vcf: duplicate marker 'm1'",
    ),
    "vcf with text for a position": (
        "vcf",
        edit("x.vcf", "1\t2\t", "1\tx\t"),
        "line 4: position 'x' is not a number",
    ),
    "vcf.gz cut short": (
        "vcf",
        both(
            name_file("genotypes", "x.vcf.gz"),
            edit_bytes("x.vcf.gz", lambda b: b[:-12]),
        ),
        r"x.vcf.gz, after line \d+: the compressed file is cut short",
    ),
    "vcf.gz damaged": (
        "vcf",
        both(
            name_file("genotypes", "x.vcf.gz"),
            edit_bytes("x.vcf.gz", lambda b: b[:20] + b"\xff\xff\xff" + b[23:]),
        ),
        "cut short or damaged; copy it again",
    ),
    "vcf with DS out of range": (
        "vcf",
        edit_bytes(
            "x.vcf",
            lambda b: (
                b.replace(b"GT", b"DS")
                .replace(b"0/0", b"0.1")
                .replace(b"0/1", b"1")
                .replace(b"1/1", b"2.2")
            ),
        ),
        "line 3: dosage '2.2' does not lie between 0 and 2",
    ),
    # dosage tables
    "dosage 3": (
        "csv",
        edit("x.csv", "a2,1", "a2,3"),
        "x.csv, line 3: dosage '3' does not lie between 0 and 2",
    ),
    "dosage negative": (
        "csv",
        edit("x.csv", "a2,1", "a2,-9"),
        "dosage '-9' .* add it to the entry's 'missing'",
    ),
    "dosage infinite": (
        "csv",
        edit("x.csv", "a2,1", "a2,inf"),
        "line 3: dosage 'inf' does not lie",
    ),
    "dosage as letters": (
        "csv",
        edit("x.csv", "a2,1", "a2,AC"),
        "line 3: dosage 'AC' is not a number",
    ),
    "dosage row too short": (
        "csv",
        edit("x.csv", "a2,1,", "a2,"),
        "line 3: 4 cells under a header of 5",
    ),
    "dosage row too long": (
        "csv",
        edit("x.csv", "a2,1,", "a2,1,1,"),
        "line 3: 6 cells under a header of 5",
    ),
    "dosages without a header": (
        "csv",
        drop_line("x.csv", 0),
        "x.csv, line 1: these are dosages; the first line must hold names",
    ),
    "dosages with a header only": (
        "csv",
        edit_bytes("x.csv", lambda b: b.split(b"\n")[0]),
        "x.csv has a header and no rows",
    ),
    "dosages with a marker twice": (
        "csv",
        edit("x.csv", "m2", "m1"),
        "x.csv, line 1: duplicate marker 'm1'",
    ),
    "dosages with an animal twice": (
        "csv",
        edit("x.csv", "a2", "a1"),
        "x.csv: duplicate animal 'a1'",
    ),
    "dosages with a nameless animal": (
        "csv",
        edit("x.csv", "a2,", ","),
        "line 3: the row has no name in its first column",
    ),
    "dosages with a nameless marker": (
        "csv",
        edit("x.csv", "m2,", ","),
        "line 1: a marker has no name",
    ),
    "dosages with a blank in a name": (
        "csv",
        edit("x.csv", "m2", "m 2"),
        "marker name 'm 2' holds white space",
    ),
    "dosages turned": (
        "csv",
        set_key(rows="markers"),
        "no animal of .*x.csv \\(e.g. 'm1'\\) is in .*y.csv",
    ),
    "dosages with bars": (
        "csv",
        edit_bytes("x.csv", lambda b: b.replace(b",", b"|")),
        "line 1: found one column; separate columns by",
    ),
    "map without a marker": (
        "csv",
        write_map("1 m1 0 1 A C\n1 m2 0 2 A C\n1 m3 0 3 A C\n"),
        "map.bim: 1 markers of the dosages are not in the map, e.g. 'm4'",
    ),
    "map with a header": (
        "csv",
        write_map("chr snp cm pos a1 a2\n1 m1 0 1 A C\n"),
        "map.bim: column cm of a .bim file .* no header",
    ),
    # any text file
    "file missing": (
        "csv",
        name_file("phenotypes", "gone.csv"),
        "gone.csv is missing; correct its path",
    ),
    "file empty": ("csv", edit_bytes("y.csv", lambda b: b""), "y.csv is empty"),
    "file of blank lines": (
        "csv",
        edit_bytes("y.csv", lambda b: b"\n\n\n"),
        "y.csv, line 1: found one column",
    ),
    "folder for a file": (
        "csv",
        make_folder("y.csv"),
        "y.csv is a folder; name the file in it",
    ),
    "file in Latin-1": (
        "csv",
        edit_bytes("y.csv", lambda b: b.replace(b"a2", b"a\xe92")),
        "y.csv: not UTF-8; save the file as UTF-8",
    ),
    "file in UTF-16": (
        "csv",
        edit_bytes("y.csv", lambda b: b.decode().encode("utf-16")),
        "y.csv: not UTF-8",
    ),
    "a spreadsheet": (
        "csv",
        edit_bytes("y.csv", lambda b: b"PK\x03\x04" + b),
        "y.csv is a spreadsheet or an archive; export it as CSV",
    ),
    "file with zero bytes": (
        "csv",
        edit("y.csv", "a2", "a\0"),
        "y.csv, line 3: this is no text file",
    ),
    "quotation mark left open": (
        "csv",
        edit("y.csv", "a2", '"a2'),
        "y.csv, line .*fix the quotation marks",
    ),
    "column name twice": (
        "csv",
        edit("y.csv", "fat", "milk"),
        "y.csv, line 1: duplicate column 'milk'",
    ),
    "text gzip cut short": (
        "csv",
        edit_bytes("y.csv", lambda b: gzip.compress(b)[:-9]),
        "y.csv, after line .* cut short",
    ),
    # phenotypes
    "trait with text": (
        "csv",
        edit("y.csv", "a2,1,", "a2,high,"),
        "y.csv, line 3: column 'milk' holds 'high', which is not a finite number",
    ),
    "trait with a unit": (
        "csv",
        edit("y.csv", "a2,1,", "a2,1kg,"),
        "line 3: column 'milk' holds '1kg'",
    ),
    "trait infinite": (
        "csv",
        edit("y.csv", "a2,1,", "a2,inf,"),
        "line 3: column 'milk' holds 'inf'",
    ),
    "trait with a decimal comma": (
        "csv",
        both(
            edit_bytes("y.csv", lambda b: b.replace(b",", b";")),
            edit("y.csv", "a2;1;", "a2;1,5;"),
            edit("y.csv", "a3;2;", "a3;2.5;"),
        ),
        "line 3: column 'milk' holds '1,5'.* write decimals with a point",
    ),
    "decimal comma between commas": (
        "csv",
        edit("y.csv", "a2,1,", "a2,1,5,"),
        "line 3: 6 cells under a header of 5; fix the row \\(a decimal comma",
    ),
    "trait all missing": (
        "csv",
        edit_column("y.csv", "milk", lambda row: "NA"),
        "trait 'milk' is constant or all missing",
    ),
    "trait constant": (
        "csv",
        edit_column("y.csv", "milk", lambda row: 4),
        "trait 'milk' is constant",
    ),
    "trait of one animal": (
        "csv",
        edit_column("y.csv", "milk", lambda row: 4 if row else "."),
        "trait 'milk' is constant",
    ),
    "trait without a column": (
        "csv",
        set_key(traits={"milk": "mikl"}),
        "y.csv has no column 'mikl'; .* Did you mean 'milk'?",
    ),
    "phenotypes without a header": (
        "csv",
        drop_line("y.csv", 0),
        "y.csv, line 1: values; the first line must name",
    ),
    "phenotypes of numbers alone": (
        "csv",
        edit_bytes("y.csv", lambda b: b"1,2,3\n4,5,6\n"),
        "line 1: values; the first line must name",
    ),
    "phenotypes with an animal twice": (
        "csv",
        repeat_line("y.csv", 1),
        "y.csv, line 12: animal 'a1' has a row already",
    ),
    "phenotypes with a nameless animal": (
        "csv",
        edit("y.csv", "a2,", "NA,"),
        "y.csv, line 3: the row has no animal",
    ),
    "phenotypes with other ids": (
        "csv",
        edit_bytes("y.csv", lambda b: b.replace(b"\na", b"\nb")),
        "no animal of .*x.csv \\(e.g. 'a1'\\) is in .*y.csv \\(e.g. 'b1'\\)",
    ),
    "id column unknown": (
        "csv",
        both(set_key(columns={"id": "tag"}), no_pedigree),
        "has no column 'tag'",
    ),
    # covariates
    "covariate unknown": (
        "csv",
        set_key(covariates=["sexx"]),
        "has no column 'sexx'; .* Did you mean 'sex'?",
    ),
    "covariate number missing": (
        "csv",
        edit("y.csv", "a2,1,1,M,3", "a2,1,1,M,"),
        "covariate 'age' is missing for 1 animals, e.g. 'a2'; fill it",
    ),
    "covariate with a typing error": (
        "csv",
        edit("y.csv", "a2,1,1,M,3", "a2,1,1,M,3y"),
        "line 3: column 'age' holds '3y'.* under the entry's 'factors'",
    ),
    "covariates without some animals": (
        "csv",
        both(
            lambda folder, entry: (folder / "c.csv").write_text(
                "id,sex,age\na1,F,3\na2,M,4\n"
            ),
            name_file("covariates", "c.csv"),
        ),
        "c.csv: covariate 'age' is missing for 8 animals, e.g. 'a3'",
    ),
    # pedigree
    "pedigree with a loop": (
        "csv",
        edit("p.csv", "a1,s0,d0", "a1,s0,d0\ns0,a1,d1"),
        "p.csv: an animal is its own ancestor: ",
    ),
    "pedigree with its own sire": (
        "csv",
        edit("p.csv", "a1,s0", "a1,a1"),
        "p.csv: an animal is its own ancestor: a1 <- a1",
    ),
    "pedigree with both sexes": (
        "csv",
        edit("p.csv", "a1,s0,d0", "a1,s0,s1"),
        "p.csv: 1 individuals are both sire and dam: s1; .* both_sexes: true",
    ),
    "pedigree with two records": (
        "csv",
        edit("p.csv", "a1,s0", "a1,s1,d0\na1,s0"),
        "p.csv: 1 animals have more than one record: a1; keep one",
    ),
    "pedigree without animals": (
        "csv",
        drop_line("p.csv", 3),
        "p.csv: 1 of 10 genotyped animals are not in the pedigree: a3; add a record",
    ),
    "pedigree without names": (
        "csv",
        drop_line("p.csv", 0),
        "p.csv has no column 'sire'; it has a1, s0, d0. Name the column",
    ),
    "pedigree with an empty id": (
        "csv",
        edit("p.csv", "a1,", "0,"),
        "p.csv: record 1 has no animal id",
    ),
    "pedigree row too short": (
        "csv",
        edit("p.csv", "a1,s0,d0", "a1,s0"),
        "p.csv, line 2: 2 cells under a header of 3",
    ),
    # relationship matrix
    "matrix not symmetric": (
        "csv",
        matrix(lambda A: A.__setitem__((0, 1), 0.5)),
        "A.csv: not symmetric at animals 'a1' and 'a2'",
    ),
    "matrix with a zero diagonal": (
        "csv",
        matrix(lambda A: A.__setitem__((3, 3), 0)),
        "A.csv: the diagonal of animal 'a4' is not positive",
    ),
    "matrix with a gap": (
        "csv",
        matrix(lambda A: A.__setitem__((2, 2), np.nan)),
        "A.csv, line 4: column 'a3' holds '', which is not a finite number",
    ),
    "matrix not square": (
        "csv",
        relationship("id,a1,a2\na1,1,0\n"),
        "A.csv: the first column and the first line must name the same",
    ),
    "matrix of others": (
        "csv",
        matrix(lambda A: None, [*IDS[:9], "b1"]),
        "A.csv: 1 genotyped animals are not in the matrix, e.g. 'a10'",
    ),
}


@pytest.fixture
def root_logging():
    """Scripts set the root logger up again; give pytest's handlers back."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)


def run_script(root: Path, entry: dict, folder: Path) -> int:
    """Run prepare_dataset.py as its rule does; returns the exit status."""
    job = SimpleNamespace(
        rule="prepare_dataset",
        threads=1,
        log=[str(folder / "log.txt")],
        input=Namedlist(),
        params=SimpleNamespace(entry=entry, qc={}),
        output=Namedlist(fromdict={"provenance": f"{folder}/data/provenance.json"}),
    )
    try:
        runpy.run_path(str(root / "scripts/prepare_dataset.py"), {"snakemake": job})
    except SystemExit as stop:
        return int(stop.code)
    return 0


def make_config(entry: dict, folds: int = 2) -> dict:
    return {
        "seed": 1,
        "registry": {"herd": entry},
        "folds": {"scheme": "random", "repeats": 1, "folds": folds, "inner_folds": 2},
        "adjust": "covariates",
        "protocol": "nested",
    }


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_gives_one_message_and_no_file(name, root, tmp_path, root_logging):
    data_format, change, message = CASES[name]
    entry = write_sound_herd(tmp_path, data_format)
    change(tmp_path, entry)
    assert run_script(root, entry, tmp_path) == 1
    lines = (tmp_path / "log.txt").read_text().splitlines()
    errors = [line for line in lines if " ERROR " in line]
    assert len(errors) == 1, lines
    assert re.search(message, errors[0]), errors[0]
    assert not any("Traceback" in line for line in lines)
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())
    _, problems = check_dataset("herd", make_config(entry), [])
    assert len(problems) == 1, problems
    assert re.search(message, problems[0])


ACCEPTED: dict[str, tuple[str, Change]] = {
    "nothing changed": ("csv", lambda folder, entry: None),
    "Windows line ends": (
        "csv",
        edit_bytes("y.csv", lambda b: b.replace(b"\n", b"\r\n")),
    ),
    "Windows line ends in dosages": (
        "csv",
        edit_bytes("x.csv", lambda b: b.replace(b"\n", b"\r\n")),
    ),
    "Windows line ends in VCF": (
        "vcf",
        edit_bytes("x.vcf", lambda b: b.replace(b"\n", b"\r\n")),
    ),
    "Windows line ends in .bim": (
        "plink",
        edit_bytes("x.bim", lambda b: b.replace(b"\n", b"\r\n")),
    ),
    "byte-order mark": ("csv", edit_bytes("y.csv", lambda b: b"\xef\xbb\xbf" + b)),
    "byte-order mark in dosages": (
        "csv",
        edit_bytes("x.csv", lambda b: b"\xef\xbb\xbf" + b),
    ),
    "no line end at the end": ("csv", edit_bytes("x.csv", lambda b: b.rstrip(b"\n"))),
    "empty rows of a spreadsheet": (
        "csv",
        edit_bytes("y.csv", lambda b: b + b",,,,\n,,,,\n"),
    ),
    "gzipped tables": (
        "csv",
        both(edit_bytes("x.csv", gzip.compress), edit_bytes("p.csv", gzip.compress)),
    ),
    "the same record twice": ("csv", repeat_line("p.csv", 1)),
    "half a genotype": ("vcf", edit("x.vcf", "0/1", "./1")),
    "columns in quotation marks": ("csv", edit("y.csv", "id,milk", '"id","milk"')),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_no_mistake_is_accepted(name, root, tmp_path, root_logging):
    data_format, change = ACCEPTED[name]
    entry = write_sound_herd(tmp_path, data_format)
    change(tmp_path, entry)
    assert run_script(root, entry, tmp_path) == 0
    made = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"genotypes.bed", "pedigree.parquet", "provenance.json"} <= made
    assert check_dataset("herd", make_config(entry), [])[1] == []


def test_fewer_animals_than_folds(tmp_path):
    entry = write_sound_herd(tmp_path, "csv")
    _, (problem,) = check_dataset("herd", make_config(entry, folds=11), [])
    assert problem.startswith("10 animals with a phenotype cannot fill 11 folds; lower")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "must be given as JSON or YAML with keys at top level"),
        ("- herd", "must be given as JSON or YAML with keys at top level"),
        ("datasets: [a\n b: }", "is not valid JSON or YAML"),
        ("registry:", "Config, registry: None is not of type 'object'"),
        ("datasets: embedded", "Config, datasets: 'embedded' is not of type 'array'"),
        ("folds: {folds: five}", "Config, folds.folds: 'five' is not of type"),
        ("sed: 2", "Did you mean 'seed'?"),
        ("registry: {Herd: {}}", "'Herd' does not match"),
    ],
)
def test_a_bad_config_gives_one_message(root, tmp_path, capsys, text, message):
    path = tmp_path / "herd.yaml"
    if text is not None:
        path.write_text(text)
    check = runpy.run_path(str(root / "scripts/check_config.py"))["main"]
    assert check(str(path)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
