"""Heterogeneous-stock mice from the R package BGLR (file mice.RData)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.datasets.prepared import PreparedDataset, select_columns
from grvsnn.datasets.r_files import plain_columns, read_r_objects


def prepare_mouse(
    rdata_file: str | Path,
    traits: Mapping[str, str],
    covariates: Sequence[str],
    factors: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> PreparedDataset:
    """Read mice.RData: genotypes, map, phenotypes, covariates and A.

    Parameters
    ----------
    rdata_file : path
        BGLR's mice.RData (the version with a marker map).
    traits : mapping
        New name -> column of mice.pheno.
    covariates : sequence of str
        Columns of mice.pheno used as fixed effects.
    factors : sequence of str
        Those among them that are numbers but stand for classes.
    environment : mapping, optional
        New name -> column of mice.pheno, common environments such as the cage.
    """
    wanted = ("mice.X", "mice.A", "mice.map", "mice.pheno")
    objects = read_r_objects(rdata_file, wanted)
    X, A, marker_map, table = (objects[name] for name in wanted)
    table = plain_columns(table)
    ids = X.coords["dim_0"].to_numpy().astype(str)
    phenotypes = select_columns(table, dict(traits), str(rdata_file)).astype(float)
    fixed = select_columns(table, list(covariates), str(rdata_file))
    for name in factors:
        fixed[name] = fixed[name].astype(int).astype(str)
    shared = select_columns(table, dict(environment or {}), str(rdata_file))
    data = PreparedDataset(
        dosages=X.to_numpy().astype(np.int8),
        marker_map=_marker_map(plain_columns(marker_map)),
        phenotypes=_with_ids(ids, phenotypes),
        covariates=_with_ids(ids, fixed),
        relationship=(A.coords["dim_0"].to_numpy().astype(str), A.to_numpy()),
        environment=_with_ids(ids, shared),
    )
    data.count("read")
    data.keep_phenotyped()
    data.check(str(rdata_file))
    return data


def _with_ids(ids: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"sample_id": ids}), table], axis=1)


def _marker_map(table: pd.DataFrame) -> pd.DataFrame:
    """PLINK columns; the counted allele is the one after the marker's last '_'."""
    counted = table["snp_id"].str.rsplit("_", n=1).str[-1]
    alleles = table["alleles"].str.split(";", expand=True)
    other = alleles[0].where(alleles[0] != counted, alleles[1])
    return pd.DataFrame(
        {
            "chromosome": table["chr"],
            "snp": table["snp_id"],
            "cm": 0.0,
            "position": np.rint(table["mbp"] * 1e6).astype(int),
            "a1": counted,
            "a2": other,
        }
    )
