"""Draw the network's importance along the map, true QTL on it where known."""

import pandas as pd
from grvsnn.figures.manhattan import plot_manhattan
from grvsnn.files import read_parquet
from grvsnn.genotypes import read_genotypes
from grvsnn.jobs import run_job

COLUMNS = ["trait", "feature", "kind", "importance", "selected"]


def main(job) -> None:
    """Average over all runs of one setting."""
    features = pd.concat(
        [read_parquet(path, columns=COLUMNS) for path in job.input.features]
    )
    _, _, marker_map = read_genotypes(job.input.bed)
    qtl = job.input.get("true_qtl")
    # a map without genetic distances is drawn in base pairs
    unit = "cm" if (marker_map["cm"] > 0).any() else "position"
    plot_manhattan(
        features,
        marker_map,
        job.output,
        qtl=read_parquet(qtl) if qtl else None,
        unit=unit,
    )


run_job(snakemake, main)
