"""Pigs of Cleveland et al. (2012): comma-separated text files with one header line."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import Calls, Rounding
from grvsnn.datasets.pine import unmapped_markers
from grvsnn.datasets.prepared import PreparedDataset, select_columns

logger = logging.getLogger(__name__)


def prepare_pig(
    genotype_file: str | Path,
    phenotype_file: str | Path,
    pedigree_file: str | Path,
    traits: Mapping[str, str],
) -> PreparedDataset:
    """Read genotypes, phenotypes ("." = missing) and pedigree ("0" = unknown).

    Imputed fractional dosages are rounded to the nearest hard call; how many, and how
    far on average, is in the provenance. The paper's 2,314 animals are those with all
    traits observed.
    """
    calls = read_pig_dosages(genotype_file)
    ids = calls.sample_ids
    phenotypes = pd.DataFrame({"sample_id": ids}).merge(
        read_pig_phenotypes(phenotype_file, traits), on="sample_id", how="left"
    )
    data = PreparedDataset(
        dosages=calls.dosages,
        marker_map=calls.marker_map,
        phenotypes=phenotypes,
        covariates=phenotypes[["sample_id"]],
        pedigree=read_pig_pedigree(pedigree_file),
    )
    data.count("read")
    data.steps[-1].update(calls.notes)
    data.keep_complete()
    data.check(str(phenotype_file))
    return data


def read_pig_pedigree(path: str | Path) -> pd.DataFrame:
    """Read id, sire and dam ("0" = unknown) of all pigs."""
    table = pd.read_csv(path, dtype=str)
    return select_columns(table, {"id": "ID", "sire": "SIRE", "dam": "DAM"}, str(path))


def read_pig_phenotypes(path: str | Path, traits: Mapping[str, str]) -> pd.DataFrame:
    """Read sample_id and the traits ("." = missing) of all genotyped pigs."""
    table = pd.read_csv(path, dtype={"ID": str}, na_values=".")
    return select_columns(table, {"sample_id": "ID", **dict(traits)}, str(path))


def read_pig_dosages(path: str | Path, fractional: bool = False) -> Calls:
    """Read the genotype table line by line, so that memory holds no float32 table.

    Parameters
    ----------
    path : path
        One row an animal, dosages with two decimals.
    fractional : bool
        Keep the dosages before rounding too.
    """
    ids, rows, kept, rounding = [], [], [], Rounding()
    with Path(path).open(encoding="utf-8-sig") as lines:
        markers = np.array(next(lines).strip().split(",")[1:])
        for number, line in enumerate(lines, start=2):
            sample, _, rest = line.strip().partition(",")
            if not sample:
                continue
            values = _parse_row(rest, len(markers), f"{path}, line {number}")
            hard = np.rint(values)
            rounding.add(values - hard)
            ids.append(sample)
            rows.append(hard.astype(np.int8))
            kept += [values.astype(np.float16)] if fractional else []
            if number % 500 == 0:
                logger.info("%d animals read", number - 1)
    return Calls(
        np.stack(rows),
        np.array(ids),
        unmapped_markers(markers),
        str(path),
        rounding.facts,
        np.stack(kept) if fractional else None,
    )


def _parse_row(text: str, n_markers: int, where: str) -> np.ndarray:
    try:
        values = np.array(text.split(","), dtype=np.float32)
    except ValueError:
        raise InputError(f"{where}: a dosage is not a number") from None
    if len(values) != n_markers:
        raise InputError(f"{where}: {len(values)} dosages for {n_markers} markers")
    if not ((values >= 0) & (values <= 2)).all():
        raise InputError(f"{where}: dosages must lie between 0 and 2")
    return values
