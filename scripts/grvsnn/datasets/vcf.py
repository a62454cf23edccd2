"""One's own genotypes as VCF, plain or gzipped.

A reader of its own, since the benchmark needs one number per call and a message that
names the line. Libraries over htslib report malformed lines on stderr in their own
words, and go on with what they could make of them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import MISSING_CALL, Calls, DosageCodes, Rounding, as_dosages
from grvsnn.datasets.text_table import read_lines, refuse_repeats
from grvsnn.genotypes.plink import LAST_POSITION, MAP_COLUMNS

PASSED = ("PASS", ".", "")
FIXED = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]


class GenotypeCodes(dict):
    """GT -> copies of ALT; a new spelling is understood once."""

    def __missing__(self, genotype: str) -> int:
        alleles = genotype.replace("|", "/").split("/")
        if len(alleles) != 2 and genotype != ".":
            raise InputError(
                f"genotype {genotype!r} has {len(alleles)} alleles; keep diploid calls "
                "of autosomes"
            )
        if not set(alleles) <= {"0", "1", "."}:
            raise InputError(f"genotype {genotype!r} is not made of 0, 1 and '.'")
        call = MISSING_CALL if "." in alleles else alleles.count("1")
        self[genotype] = call
        return call


def read_vcf(path: str | Path, fractional: bool = False) -> Calls:
    """Read the biallelic sites of a VCF; the counted allele a1 is ALT.

    Calls come from GT. Where a site or a call has none they come from DS, rounded to
    the nearest hard call. Half calls (``./1``) are missing. A site without ID is named
    ``chromosome:position``. Sites that did not pass a filter, and those whose other
    allele is no sequence (``*``, ``<DEL>``), are left out and counted.

    Parameters
    ----------
    path : path
        .vcf or .vcf.gz.
    fractional : bool
        Look for DS first, cell by cell, and keep the dosages before rounding too.
    """
    lines = enumerate(read_lines(path), start=1)
    samples = _read_header(lines, path)
    genotypes, dosages = GenotypeCodes(), DosageCodes(frozenset({".", ""}))
    sites, rows, kept, rounding = [], [], [], Rounding()
    left_out: dict[str, int] = {}
    order = ("DS", "GT") if fractional else ("GT", "DS")
    for number, line in lines:
        if not line:
            continue
        cells = line.split("\t")
        if reason := _why_left_out(cells):
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        try:
            sites.append(_read_site(cells, len(samples)))
            calls, exact = _read_calls(cells, order, genotypes, dosages)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        rows.append(calls)
        rounding.add(exact - calls)
        kept += [exact.astype(np.float16)] if fractional else []
    if not rows:
        counts = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        raise InputError(f"{path} has no markers" + (f" ({counts})" if counts else ""))
    return Calls(
        np.ascontiguousarray(np.stack(rows).T),
        np.array(samples),
        pd.DataFrame(sites, columns=MAP_COLUMNS),
        str(path),
        {**rounding.facts, **({"sites_left_out": left_out} if left_out else {})},
        np.ascontiguousarray(np.stack(kept).T) if fractional else None,
    )


def _why_left_out(cells: list[str]) -> str:
    """Say why a site is not used; empty where it is."""
    if len(cells) < len(FIXED):
        return ""
    if cells[4] == "*" or cells[4].startswith("<"):
        return "with an allele that is no sequence"
    return "" if cells[6] in PASSED else "that did not pass a filter"


def _read_header(lines: Iterator[tuple[int, str]], path: str | Path) -> list[str]:
    for number, line in lines:
        if line.startswith("##"):
            continue
        cells = line.split("\t")
        if cells[:1] == FIXED[:1] and cells[:9] != FIXED:
            raise InputError(
                f"{path}, line {number}: no genotypes; the columns must be "
                f"{', '.join(FIXED)} and the animals, separated by tabs"
            )
        if cells[:1] != FIXED[:1]:
            break
        if len(cells) == 9:
            raise InputError(f"{path} has no animals")
        refuse_repeats("animal", cells[9:], f"{path}, line {number}")
        return cells[9:]
    raise InputError(f"{path} is no VCF: the header line #CHROM is missing")


def _read_site(cells: list[str], n_samples: int) -> tuple:
    """One row of the marker map."""
    if len(cells) != len(FIXED) + n_samples:
        raise InputError(
            f"{max(len(cells) - len(FIXED), 0)} calls for {n_samples} animals; the "
            "file is cut short or not separated by tabs"
        )
    chromosome, position, name, ref, alt = cells[:5]
    if "," in alt:
        raise InputError(
            f"site {chromosome}:{position} has several alternative alleles; keep "
            "biallelic sites (bcftools view -m2 -M2)"
        )
    if not position.isdecimal():
        raise InputError(f"position {position!r} is not a number")
    if int(position) > LAST_POSITION:
        raise InputError(
            f"position {position} is above {LAST_POSITION}, the largest of PLINK's "
            "files; split the chromosome"
        )
    name = f"{chromosome}:{position}" if name == "." else name
    return chromosome, name, 0.0, int(position), alt, ref


def _read_calls(
    cells: list[str],
    order: tuple[str, str],
    genotypes: GenotypeCodes,
    dosages: DosageCodes,
) -> tuple[np.ndarray, np.ndarray]:
    """Read one site's calls and its dosages before rounding, shape (n_samples,)."""
    fields = cells[8].split(":")
    names = [name for name in order if name in fields]
    if not names:
        raise InputError(f"FORMAT {cells[8]!r} has neither GT nor DS")
    found = [
        _read_field(cells[9:], fields.index(n), n, genotypes, dosages) for n in names
    ]
    values, exact = found[0]
    for calls, other in found[1:]:
        gap = values == MISSING_CALL
        values, exact = np.where(gap, calls, values), np.where(gap, other, exact)
    return values, exact


def _read_field(
    calls: list[str],
    place: int,
    name: str,
    genotypes: GenotypeCodes,
    dosages: DosageCodes,
) -> tuple[np.ndarray, np.ndarray]:
    """Read GT or DS of every animal at one site."""
    if place:
        calls = [_pick(call, place) for call in calls]
    else:
        calls = [call.partition(":")[0] for call in calls]
    if name == "DS":
        return dosages.read(calls)
    values = np.fromiter(map(genotypes.__getitem__, calls), np.int8, len(calls))
    return values, as_dosages(values)


def _pick(call: str, place: int) -> str:
    """One field of a call; trailing fields may be left off."""
    parts = call.split(":", place + 1)
    return parts[place] if len(parts) > place else "."
