"""Damaged files of a herd: read, or refused in one line, but never a traceback.

A sound file of each format is changed at random: bytes are exchanged, doubled or cut
out, and cells that occur in the field are put in. ``GRVSNN_FUZZ_SECONDS`` says how long
each reader is tried; a failure prints the file.
"""

import os
import time

import numpy as np
import pytest
from grvsnn.base.errors import InputError
from grvsnn.datasets.dosage_table import read_dosage_table
from grvsnn.datasets.hapmap import read_hapmap
from grvsnn.datasets.plink_files import read_bim, read_plink
from grvsnn.datasets.raw_table import read_raw
from grvsnn.datasets.records import (
    missing_codes,
    read_covariates,
    read_environment,
    read_pedigree,
    read_phenotypes,
    read_relationship,
)
from grvsnn.datasets.vcf import read_vcf

SECONDS = float(os.environ.get("GRVSNN_FUZZ_SECONDS", "0.5"))
CODES = missing_codes(["-9", 0])
CELLS = [
    *("", " ", "NA", "nan", ".", "-", "-9", "0", "0.0", "1e400", "1E+05", "inf", "-1"),
    *("2.5", "1,5", "1.234", "TRUE", "2019-02-30", "0.1D+04", "id", "a1", "'", '"'),
    *('"a', "\t", ";", ",", "\n", "\r", "\r\n", "#", "##", "# x", "sep=;\n", "ä", "\0"),
    *("\ufeff", "0/1", "1|2", "./.", "0/0/1", "GT:DS", "DS", "*", "<DEL>", "AC", "NN"),
    *("9" * 30, "0x10", "1_000", "١", "\u2212" + "1", "e", "+", "FID", "IID", "sire"),
]
TABLE = "id,sire,dam,y,born,pen\na1,0,0,1.5,2019-02-28,p\na2,0,0,2,2019-03-01,q\n"
TABLE += "a3,a1,a2,NA,2019-03-02,p\n"
FILES = {
    "phenotypes": TABLE,
    "covariates": TABLE,
    "environment": TABLE,
    "pedigree": TABLE,
    "relationship": "id,a1,a2\na1,1,0.5\na2,0.5,1\n",
    "dosages": "id,m1,m2\na1,0,2\na2,1,NA\na3,1.4,0\n",
    "raw": "FID IID PAT MAT SEX PHENOTYPE m1_A m2_T\n0 a1 0 0 1 -9 0 2\n"
    "0 a2 0 0 2 -9 1 NA\n",
    "hapmap": "rs#\talleles\tchrom\tpos\tstrand\tb\tc\td\te\tf\tQC\ta1\ta2\n"
    "m1\tA/C\t1\t5\t+\tNA\tNA\tNA\tNA\tNA\tNA\tAA\tCA\n"
    "m2\tG/T\t2\t7\t+\tNA\tNA\tNA\tNA\tNA\tNA\tK\tT\n",
    "vcf": "##fileformat=VCFv4.2\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta1\ta2\n"
    "1\t5\tm1\tA\tC\t.\tPASS\t.\tGT:DS\t0/1:0.9\t./.:.\n"
    "1\t9\t.\tA\tG\t.\t.\t.\tDS\t0.1\t2\n",
    "bim": "1 m1 0 5 A C\n1\tm2\t0\t9\tG\tT\n",
    "fam": "0 a1 0 0 1 -9\n0 a2 0 0 2 -9\n0 a3 0 0 0 -9\n",
}


def read(kind, path):
    """Read a file as the kind that it was."""
    readers = {
        "phenotypes": lambda: read_phenotypes(path, {"y": "y"}, CODES),
        "covariates": lambda: read_covariates(path, ["y", "born"], [], CODES),
        "environment": lambda: read_environment(path, {"pen": "pen"}, CODES),
        "pedigree": lambda: read_pedigree(path, CODES, {}, both_sexes=False),
        "relationship": lambda: read_relationship(path),
        "dosages": lambda: read_dosage_table(path, CODES),
        "raw": lambda: read_raw(path),
        "hapmap": lambda: read_hapmap(path),
        "vcf": lambda: read_vcf(path, fractional=True),
        "bim": lambda: read_bim(path),
        "fam": lambda: read_plink(path.with_suffix(".bed")),
    }
    return readers[kind]()


def damage(text, rng):
    """Change a text in one to three places."""
    data = text.encode()
    for _ in range(rng.integers(1, 4)):
        at, length = rng.integers(len(data) + 1), int(rng.integers(0, 12))
        cell = CELLS[rng.integers(len(CELLS))].encode()
        noise = rng.bytes(1)
        lines = data.splitlines(keepends=True)
        rng.shuffle(lines)
        data = [
            data[:at] + cell + data[at:],
            data[:at] + cell + data[at + length :],
            data[:at] + data[at + length :],
            data[:at] + noise + data[at + 1 :],
            data[: at + length] + data[at:],
            b"".join(lines),
        ][rng.integers(6)]
    return data


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_damaged_file_is_read_or_refused(kind, tmp_path):
    rng = np.random.default_rng(sorted(FILES).index(kind))
    path = tmp_path / f"x.{kind}"
    if kind == "fam":
        (tmp_path / "x.bim").write_text(FILES["bim"])
        (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01" + bytes([0b001011, 0b111000]))
    path.write_text(FILES[kind])
    read(kind, path)
    end, n_read = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        data = damage(FILES[kind], rng)
        path.write_bytes(data)
        try:
            read(kind, path)
        except InputError as error:
            assert "\n" not in str(error), data
        except Exception as error:
            pytest.fail(f"{data!r}: {error!r}")
        n_read += 1
    assert n_read > 20
