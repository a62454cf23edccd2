"""Draw the learned contribution of the most important loci against their dosage."""

import numpy as np
import pandas as pd
from grvsnn.figures.curves import CURVE, plot_curves
from grvsnn.files import parquet_columns, read_parquet
from grvsnn.genotypes import read_genotypes
from grvsnn.jobs import run_job

COLUMNS = ["method", "repeat", "fold", "trait", "feature", "kind", "importance", *CURVE]


def main(job) -> None:
    """Read the runs of the methods that have curves, and draw one dataset."""
    paths = [p for p in job.input.features if set(CURVE) <= set(parquet_columns(p))]
    features = pd.concat([read_parquet(path, columns=COLUMNS) for path in paths])
    features = features[features["kind"] == "marker"].dropna(subset=CURVE, how="all")
    qtl = job.input.get("true_qtl")
    plot_curves(
        features,
        genotype_shares(job.input.bed),
        job.output,
        qtl=read_parquet(qtl) if qtl else None,
    )


def genotype_shares(bed: str) -> pd.DataFrame:
    """Share of the called animals with 0, 1 and 2 copies of A1, a row a marker."""
    dosages, _, marker_map = read_genotypes(bed)
    counts = np.stack([(dosages == dosage).sum(axis=0) for dosage in range(3)], axis=1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(shares, index=marker_map["snp"].astype(str), columns=CURVE)


run_job(snakemake, main)
