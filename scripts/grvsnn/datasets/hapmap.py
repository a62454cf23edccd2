"""One's own genotypes in HapMap format, as TASSEL and GAPIT write and read it."""

from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import MISSING_CALL, Calls
from grvsnn.datasets.text_table import read_lines, refuse_repeats
from grvsnn.genotypes.plink import LAST_POSITION, MAP_COLUMNS

N_FIXED = 11
"""Columns before the animals: rs#, alleles, chrom, pos, strand, and six unused ones."""
BASES = frozenset("ACGT")
IUPAC = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
MISSING = frozenset({"NN", "N", "--", "-", "NA", "", "X", "XX"})


def read_hapmap(path: str | Path) -> Calls:
    """Read the biallelic SNPs of a HapMap file; the second of `alleles` is counted.

    Calls are two letters (AC) or one, with IUPAC's codes for heterozygotes (M). Sites
    whose alleles are not two bases are left out and counted.

    Raises
    ------
    InputError
        No HapMap file, a row of another width, or a call of other alleles.
    """
    lines = enumerate(read_lines(path), start=1)
    number, head = next(lines, (1, ""))
    header = head.split("\t") if "\t" in head else head.split()
    if len(header) <= N_FIXED or header[0] not in ("rs#", "rs", "marker"):
        raise InputError(
            f"{path}, line 1: the header of a HapMap file begins with rs#, alleles, "
            f"chrom, pos and has {N_FIXED} columns before the animals"
        )
    animals = header[N_FIXED:]
    refuse_repeats("animal", animals, f"{path}, line 1")
    sites, rows, left_out = [], [], 0
    for number, line in lines:
        cells = line.split("\t") if "\t" in head else line.split()
        if not line.strip():
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {number}: {len(cells)} cells under a header of "
                f"{len(header)}"
            )
        alleles = cells[1].upper().split("/")
        if len(alleles) != 2 or not set(alleles) <= BASES:
            left_out += 1
            continue
        try:
            rows.append(_read_calls(cells[N_FIXED:], *alleles))
            sites.append(_read_site(cells, *alleles))
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
    if not rows:
        raise InputError(f"{path} has no biallelic SNPs ({left_out} other sites)")
    notes = {"sites_left_out": {"that are no biallelic SNPs": left_out}}
    return Calls(
        np.ascontiguousarray(np.stack(rows).T),
        np.array(animals),
        pd.DataFrame(sites, columns=MAP_COLUMNS),
        str(path),
        notes if left_out else {},
    )


def _read_calls(calls: list[str], first: str, second: str) -> np.ndarray:
    """Count the second allele in every call."""
    known = dict.fromkeys(MISSING, MISSING_CALL)
    for one in (first, second):
        for other in (first, second):
            known[one + other] = (one + other).count(second)
    known |= {first: 0, second: 2}
    known |= {code: 1 for code, pair in IUPAC.items() if set(pair) == {first, second}}
    try:
        return np.array([known[call.upper()] for call in calls], np.int8)
    except KeyError as error:
        raise InputError(
            f"call {error.args[0]!r} is not made of the alleles {first} and {second}"
        ) from None


def _read_site(cells: list[str], first: str, second: str) -> tuple:
    """One row of the marker map; a1 is the allele counted."""
    name, chromosome, position = cells[0], cells[2], cells[3]
    if not position.isdecimal():
        raise InputError(f"position {position!r} is not a number")
    if int(position) > LAST_POSITION:
        raise InputError(f"position {position} is above {LAST_POSITION}")
    return chromosome, name, 0.0, int(position), second, first
