"""One's own genotypes as PLINK 1 binary files (.bed, .bim, .fam)."""

from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import Calls
from grvsnn.datasets.text_table import check_file, read_lines
from grvsnn.genotypes.plink import MAP_COLUMNS, read_genotypes

MAGIC = b"\x6c\x1b\x01"


def read_plink(bed: str | Path) -> Calls:
    """Read a .bed file and the .bim and .fam beside it.

    The three are held to each other before bed-reader sees them: it reports any
    disagreement as one of the .bed file, and cannot notice a .fam file that is short by
    fewer than four animals.
    """
    bed = check_file(bed)
    marker_map = read_bim(bed.with_suffix(".bim"))
    sample_ids = _read_fam(bed.with_suffix(".fam"))
    _check_bed(bed, len(sample_ids), len(marker_map))
    dosages, _, _ = read_genotypes(bed)
    return Calls(dosages, sample_ids, marker_map, str(bed))


def read_bim(path: str | Path) -> pd.DataFrame:
    """Read a .bim file: chromosome, snp, cm, position, a1, a2 without a header."""
    table = pd.DataFrame(_split(path), columns=MAP_COLUMNS, dtype=object)
    for name, kind in (("cm", float), ("position", int)):
        try:
            table[name] = table[name].astype(kind)
        except ValueError:
            raise InputError(
                f"{path}: column {name} of a .bim file (chromosome, marker, cM, "
                "position, two alleles; no header) must hold numbers"
            ) from None
    return table


def _read_fam(path: Path) -> np.ndarray:
    """Individual ids; the family id is not used, so they must be unique."""
    return np.array([cells[1] for cells in _split(path)])


def _split(path: str | Path) -> list[list[str]]:
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split()
        if len(cells) != 6:
            raise InputError(
                f"{path}, line {number}: {len(cells)} cells; a "
                f"{Path(path).suffix} file has 6 and no header"
            )
        rows.append(cells)
    return rows


def _check_bed(bed: Path, n_samples: int, n_markers: int) -> None:
    """Magic bytes, size, and zeros where a marker's last byte has no animal."""
    with bed.open("rb") as opened:
        start = opened.read(3)
    if start[:2] != MAGIC[:2]:
        raise InputError(f"{bed} is no PLINK 1 .bed file: its first bytes are wrong")
    if start != MAGIC:
        raise InputError(
            f"{bed} is not in SNP-major order; write it anew with plink --make-bed"
        )
    width = -(-n_samples // 4)
    size, expected = bed.stat().st_size, 3 + width * n_markers
    if size != expected:
        raise InputError(
            f"{bed} has {size} bytes, but {n_samples} animals in its .fam and "
            f"{n_markers} markers in its .bim make {expected}: it is cut short or "
            "belongs to others; copy the three files together"
        )
    if n_samples % 4:
        last = np.memmap(bed, np.uint8, "r", 3, (n_markers, width))[:, -1]
        if (last >> 2 * (n_samples % 4)).any():
            raise InputError(
                f"{bed} holds more animals than the {n_samples} of its .fam; copy the "
                "three files together"
            )
