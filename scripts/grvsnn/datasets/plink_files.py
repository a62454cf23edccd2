"""One's own genotypes as PLINK 1 binary files (.bed, .bim, .fam)."""

from pathlib import Path

import numpy as np
import pandas as pd
from bed_reader import open_bed

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import MISSING_CALL, Calls
from grvsnn.datasets.text_table import check_file, read_lines, refuse_repeats
from grvsnn.genotypes.plink import LAST_POSITION, MAP_COLUMNS, MISSING

MAGIC = b"\x6c\x1b\x01"
COLUMNS = 6
"""Of a .bim file, and of a .fam file, which may have traits behind them."""
NO_PHENOTYPE = ("-9", "-9.0")
UNKNOWN = ("NA", "na", "NaN", ".", "-")
"""Genetic positions that are not known, which PLINK writes as 0."""


def read_plink(bed: str | Path) -> Calls:
    """Read a .bed file and the .bim and .fam beside it.

    The two tables are read here, by PLINK's rules, and bed-reader is handed their
    sizes: it has other rules for them. Animals whose individual ids repeat between
    families are called FID_IID, and markers named ``.`` chromosome:position, as PLINK
    does.
    """
    bed = check_file(bed)
    marker_map, n_named = _name_markers(read_bim(bed.with_suffix(".bim")))
    fam = _split(bed.with_suffix(".fam"), may_have_more=True)
    sample_ids, n_joined = name_animals(fam)
    _check_bed(bed, len(sample_ids), len(marker_map))
    counts = {"iid_count": len(sample_ids), "sid_count": len(marker_map)}
    with open_bed(bed, num_threads=1, **counts) as reader:
        dosages = reader.read(dtype="int8")
    dosages[dosages == MISSING] = MISSING_CALL
    notes = {
        "animals_named_by_family": n_joined,
        "markers_named_by_position": n_named,
    }
    notes = {name: count for name, count in notes.items() if count}
    return Calls(np.ascontiguousarray(dosages), sample_ids, marker_map, str(bed), notes)


def read_bim(path: str | Path) -> pd.DataFrame:
    """Read a .bim file: chromosome, snp, cm, position, a1, a2 without a header."""
    table = pd.DataFrame(_split(path), columns=MAP_COLUMNS, dtype=object)
    table["cm"] = table["cm"].mask(table["cm"].isin(UNKNOWN), "0")
    for name, kind in (("cm", float), ("position", int)):
        try:
            table[name] = table[name].astype(kind)
        except (ValueError, OverflowError):
            raise InputError(
                f"{path}: column {name} of a .bim file (chromosome, marker, cM, "
                "position, two alleles; no header) must hold numbers"
            ) from None
    if (table["position"].abs() > LAST_POSITION).any():
        raise InputError(
            f"{path}: a position above {LAST_POSITION}, the largest of PLINK's files; "
            "split the chromosome"
        )
    return table


def look_up_markers(map_file: str | Path, markers: np.ndarray) -> pd.DataFrame:
    """Read a .bim file's rows in the order of a table's markers."""
    table = read_bim(map_file)
    refuse_repeats("marker", table["snp"], str(map_file))
    places = pd.Index(table["snp"]).get_indexer(markers)
    if (places < 0).any():
        absent = markers[places < 0]
        raise InputError(
            f"{map_file}: {len(absent)} markers of the dosages are not in the map, "
            f"e.g. {str(absent[0])!r}"
        )
    return table.iloc[places].reset_index(drop=True)


def _name_markers(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Name markers called ``.`` by their site, and by alleles where sites repeat."""
    nameless = table["snp"] == "."
    if nameless.any():
        site = table["chromosome"].astype(str) + ":" + table["position"].astype(str)
        repeated = site.where(nameless).duplicated(keep=False)
        alleles = table["a2"].astype(str) + ":" + table["a1"].astype(str)
        name = site.where(~repeated, site + ":" + alleles)
        table["snp"] = table["snp"].where(~nameless, name)
    return table, int(nameless.sum())


def name_animals(names: list[list[str]]) -> tuple[np.ndarray, int]:
    """Return individual ids, or FID_IID where these repeat, and how many were joined.

    Parameters
    ----------
    names : list of [FID, IID, ...]
    """
    own = [row[1] for row in names]
    if len(set(own)) == len(own):
        return np.array(own), 0
    joined = [f"{row[0]}_{row[1]}" for row in names]
    if len(set(joined)) == len(joined):
        return np.array(joined), len(joined)
    # the same animal twice: refused as such
    return np.array(own), 0


def load_fam(path: str | Path) -> pd.DataFrame:
    """Read a .fam file as a table of text whose index holds the line numbers.

    Returns
    -------
    DataFrame
        IID (or FID_IID, as `name_animals` has them), FID, PAT, MAT, SEX, PHENOTYPE and,
        where there are more, PHENOTYPE2 and on; -9, PLINK's code for a missing
        phenotype, is an empty cell.
    """
    rows = _split(path, may_have_more=True)
    ids, n_joined = name_animals(rows)
    extra = [f"PHENOTYPE{k}" for k in range(2, len(rows[0]) - COLUMNS + 2)]
    names = ["FID", "IID", "PAT", "MAT", "SEX", "PHENOTYPE", *extra]
    index = range(1, len(rows) + 1)
    table = pd.DataFrame(rows, index=index, columns=names, dtype=object)
    if n_joined:
        for parent in ("PAT", "MAT"):
            known = table[parent] != "0"
            table.loc[known, parent] = table["FID"] + "_" + table[parent]
    table["IID"] = ids
    for name in names[5:]:
        table[name] = table[name].mask(table[name].isin(NO_PHENOTYPE), "")
    return table[["IID", *(name for name in names if name != "IID")]]


def _split(path: str | Path, *, may_have_more: bool = False) -> list[list[str]]:
    rows: list[list[str]] = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split()
        expected = len(rows[0]) if rows and may_have_more else COLUMNS
        enough = may_have_more and not rows and len(cells) > COLUMNS
        if len(cells) != expected and not enough:
            raise InputError(
                f"{path}, line {number}: {len(cells)} cells; a "
                f"{Path(path).suffix} file has {COLUMNS} and no header"
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
            f"{bed} is not in SNP-major order; write it again with plink --make-bed"
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
