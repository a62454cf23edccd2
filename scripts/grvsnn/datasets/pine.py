"""Loblolly pine: genotypes and pedigree as the R package ASRgenomics ships them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.prepared import PreparedDataset, select_columns
from grvsnn.datasets.r_files import plain_columns, read_r_objects


def prepare_pine(
    genotype_file: str | Path,
    pedigree_file: str | Path,
    phenotype_file: str | Path,
    traits: Mapping[str, str],
) -> PreparedDataset:
    """Read 926 genotyped trees, the 2,034 pedigree records and the phenotypes.

    Parameters
    ----------
    genotype_file, pedigree_file : path
        geno.pine926.rda and ped.pine.rda of ASRgenomics.
    phenotype_file : path
        pheno.pine.rda (DBH_Adj), or a .csv whose column Genotype (or first column)
        is the tree.
    traits : mapping
        New name -> column of the phenotype file.
    """
    ids, markers, dosages = read_pine_dosages(genotype_file)
    phenotypes = _read_phenotypes(Path(phenotype_file), dict(traits), ids)
    data = PreparedDataset(
        dosages=dosages,
        marker_map=unmapped_markers(markers),
        phenotypes=phenotypes,
        covariates=phenotypes[["sample_id"]],
        pedigree=read_pine_pedigree(pedigree_file),
    )
    data.count("read")
    data.keep_phenotyped()
    data.check(str(phenotype_file))
    return data


def unmapped_markers(names: np.ndarray) -> pd.DataFrame:
    """Build the map of markers whose positions are unknown: chromosome 0, in order."""
    return pd.DataFrame(
        {
            "chromosome": "0",
            "snp": names,
            "cm": 0.0,
            "position": np.arange(1, len(names) + 1),
            "a1": "A",
            "a2": "B",
        }
    )


def read_pine_dosages(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read trees, markers and dosages, shape (n_trees, n_markers); -1 = missing."""
    X = read_r_objects(path, ("geno.pine926",))["geno.pine926"]
    trees, markers = (X.coords[f"dim_{axis}"].to_numpy().astype(str) for axis in (0, 1))
    calls = X.to_numpy()
    return trees, markers, np.where(calls < 0, -1, calls).astype(np.int8)


def read_pine_pedigree(path: str | Path) -> pd.DataFrame:
    """Read id, sire and dam ("0" = unknown) of all trees."""
    table = read_r_objects(path, ("ped.pine",))["ped.pine"]
    names = {"id": "Indiv", "sire": "Father", "dam": "Mother"}
    return select_columns(table, names, str(path)).astype(int).astype(str)


def _read_phenotypes(
    path: Path, traits: dict[str, str], ids: np.ndarray
) -> pd.DataFrame:
    if path.suffix == ".csv":
        table = pd.read_csv(path)
    else:
        table = plain_columns(read_r_objects(path, ("pheno.pine",))["pheno.pine"])
    key = "Genotype" if "Genotype" in table else table.columns[0]
    values = select_columns(table, traits, str(path)).astype(float)
    numbers = pd.to_numeric(table[key], errors="coerce")
    if numbers.isna().any():
        raise InputError(f"{path}: column {key!r} must hold tree numbers")
    values.insert(0, "sample_id", numbers.astype(int).astype(str).to_numpy())
    if values["sample_id"].duplicated().any():
        twice = values.loc[values["sample_id"].duplicated(), "sample_id"].iloc[0]
        raise InputError(f"{path}: duplicate tree {twice!r}")
    return pd.DataFrame({"sample_id": ids}).merge(values, on="sample_id", how="left")
