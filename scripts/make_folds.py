"""Assign the animals to outer and inner folds."""

import numpy as np
import pandas as pd
from grvsnn.base.files import read_parquet, write_parquet
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.pedigree.families import fold_relatives
from grvsnn.pedigree.relatives import read_relatives
from grvsnn.protocol.folds import make_folds
from grvsnn.run.job import run_job


def main(job) -> None:
    """Write the folds table of all repeats."""
    settings = job.params.folds
    phenotypes = read_parquet(job.input.phenotypes).set_index("sample_id")
    table = make_folds(
        phenotypes,
        settings["scheme"],
        settings["repeats"],
        settings["folds"],
        settings["inner_folds"],
        job.params.seed,
        job.wildcards.dataset,
        **scheme_data(job, settings, phenotypes.index),
    )
    write_parquet(table, job.output.folds)


def scheme_data(job, settings: dict, sample_ids: pd.Index) -> dict:
    """Read what a scheme needs: groups, birth order or principal components."""
    scheme = settings["scheme"]
    if scheme in ("family", "forward"):
        relatives = read_relatives(job.input.relatives)
        both = job.params.both_sexes
        return fold_relatives(scheme, sample_ids, *relatives, both_sexes=both)
    if scheme == "group":
        classes = read_parquet(job.input.environment).set_index("sample_id")
        return {"groups": classes.loc[sample_ids, settings["group"]]}
    if scheme == "cluster":
        return {"coordinates": principal_components(job.input[0], sample_ids)}
    return {}


def principal_components(bed: str, sample_ids: pd.Index, n_axes: int = 10):
    """Leading principal components of the markers, shape (n_samples, n_axes)."""
    dosages, ids, _ = read_genotypes(bed)
    X = np.where(dosages < 0, np.nan, dosages.astype(np.float32))
    X = np.nan_to_num(X - np.nanmean(X, axis=0))
    values, vectors = np.linalg.eigh(X @ X.T)
    axes = vectors[:, -n_axes:] * np.sqrt(np.maximum(values[-n_axes:], 0))
    return pd.DataFrame(axes, index=ids).loc[sample_ids]


run_job(snakemake, main)
