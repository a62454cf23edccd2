"""Genotypes on disk: PLINK 1 .bed/.bim/.fam, and gaps filled by training rows."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from bed_reader import open_bed, to_bed

from grvsnn.base.errors import InputError
from grvsnn.base.files import atomic_path
from grvsnn.protocol.fold_task import holds_calls

MISSING = -127  # bed-reader's int8 code of a missing call
LAST_POSITION = 2**31 - 1
"""Largest position of a .bim file."""
MAP_COLUMNS = ("chromosome", "snp", "cm", "position", "a1", "a2")


def write_genotypes(
    dosages: np.ndarray, sample_ids: np.ndarray, marker_map: pd.DataFrame, bed: Path
) -> None:
    """Write hard calls as PLINK 1 binary files, atomically.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of allele a1: 0, 1, 2; any negative value is a missing call.
    sample_ids : ndarray of str, shape (n_samples,)
        Animals; family ids are 0.
    marker_map : DataFrame
        Columns chromosome, snp, cm, position, a1, a2, one row a marker.
    bed : Path
        The .bed file; .bim and .fam are written beside it.

    Raises
    ------
    InputError
        For names with white space, which separates the columns of .bim and .fam.
    """
    check_names("animal", sample_ids)
    check_names("marker", marker_map["snp"])
    properties = {
        "iid": np.asarray(sample_ids, dtype=str),
        "sid": marker_map["snp"].to_numpy(str),
        "chromosome": marker_map["chromosome"].to_numpy(str),
        "cm_position": marker_map["cm"].to_numpy(float),
        "bp_position": marker_map["position"].to_numpy(int),
        "allele_1": marker_map["a1"].to_numpy(str),
        "allele_2": marker_map["a2"].to_numpy(str),
    }
    values = np.where(dosages < 0, MISSING, dosages).astype(np.int8)
    bed = Path(bed)
    with (
        atomic_path(bed) as new_bed,
        atomic_path(bed.with_suffix(".bim")) as new_bim,
        atomic_path(bed.with_suffix(".fam")) as new_fam,
    ):
        to_bed(
            new_bed,
            values,
            properties=properties,
            fam_filepath=new_fam,
            bim_filepath=new_bim,
            count_A1=True,
            num_threads=1,
        )


def write_dosages(dosages: np.ndarray, path: str | Path) -> None:
    """Write fractional dosages as a float16 .npy file, atomically; NaN = missing."""
    with atomic_path(path) as scratch:
        np.save(scratch, dosages.astype(np.float16))


def read_dosages(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Read fractional dosages.

    Parameters
    ----------
    path : path
        As `write_dosages` writes it.
    shape : (int, int)
        Animals and markers of the .bed file beside it.

    Returns
    -------
    ndarray of float32, shape (n_samples, n_markers)
        NaN = missing.

    Raises
    ------
    InputError
        When the file does not belong to the .bed file.
    """
    dosages = np.load(path)
    if dosages.shape != shape:
        raise InputError(
            f"{path} holds {dosages.shape[0]} animals and {dosages.shape[1]} markers, "
            f"the .bed file {shape[0]} and {shape[1]}; prepare the dataset again"
        )
    return dosages.astype(np.float32)


def check_names(kind: str, names: Iterable[str]) -> None:
    """Refuse empty names and white space, which separates columns of .bim and .fam."""
    for name in names:
        if not name or any(character.isspace() for character in name):
            raise InputError(f"{kind} name {str(name)!r} holds white space or is empty")
        if "#" in name:
            raise InputError(
                f"{kind} name {str(name)!r} holds '#', which starts a remark in .bim "
                "and .fam files; write it without"
            )


def read_genotypes(bed: str | Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Read PLINK 1 binary files.

    Returns
    -------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of a1; missing calls are -1.
    sample_ids : ndarray of str, shape (n_samples,)
    marker_map : DataFrame
        Columns chromosome, snp, cm, position, a1, a2.

    Raises
    ------
    InputError
        When a file is missing or the three disagree.
    """
    bed = Path(bed)
    for suffix in (".bed", ".bim", ".fam"):
        if not bed.with_suffix(suffix).exists():
            raise InputError(f"{bed.with_suffix(suffix)} is missing")
    try:
        with open_bed(bed, num_threads=1) as reader:
            dosages = reader.read(dtype="int8")
            sample_ids = reader.iid.astype(str)
            marker_map = pd.DataFrame(
                {
                    "chromosome": reader.chromosome,
                    "snp": reader.sid,
                    "cm": reader.cm_position,
                    "position": reader.bp_position,
                    "a1": reader.allele_1,
                    "a2": reader.allele_2,
                }
            )
    except (ValueError, OSError) as error:
        raise InputError(
            f"{bed} does not fit its .bim and .fam, or one of the three is damaged "
            f"({error}); if the workflow made them, remove them and run again"
        ) from None
    dosages[dosages == MISSING] = -1
    return np.ascontiguousarray(dosages), sample_ids, marker_map


def find_gaps(dosages: np.ndarray) -> np.ndarray | None:
    """Missing calls (negative) or fractional dosages (NaN), None where there is none.

    Returns
    -------
    ndarray of bool, shape (n_samples, n_markers), or None
    """
    gaps = dosages < 0 if holds_calls(dosages) else np.isnan(dosages)
    return gaps if gaps.any() else None


def impute_by_training_rows(dosages: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Fill missing calls with the training rows' mean dosage, rounded for hard calls.

    A rounded mean keeps hard calls (0, 1, 2) and never looks at other rows. Without
    gaps the array itself is returned, so that folds share it.

    Parameters
    ----------
    dosages : ndarray of int8 or float32, shape (n_samples, n_markers)
        Missing calls are negative, missing fractional dosages NaN.
    train : ndarray of int
        Training rows.
    """
    is_hard = holds_calls(dosages)
    gaps = find_gaps(dosages)
    if gaps is None:
        return dosages
    columns = np.flatnonzero(gaps.any(axis=0))
    part = dosages[np.ix_(train, columns)]
    called = part >= 0
    total = np.where(called, part, 0).sum(
        axis=0, dtype=np.int64 if is_hard else np.float64
    )
    # a marker without any call in the training rows is constant there, hence unused
    mean = total / np.maximum(called.sum(axis=0), 1)
    filled = dosages.copy()
    mean = np.rint(mean) if is_hard else mean
    filled[:, columns] = np.where(
        gaps[:, columns], mean.astype(dosages.dtype), filled[:, columns]
    )
    return filled
