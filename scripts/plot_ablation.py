"""Draw the network and its variants, run by run."""

import pandas as pd
from grvsnn.figures.ablation import plot_ablation
from grvsnn.jobs import run_job


def main(job) -> None:
    """Draw one dataset."""
    plot_ablation(pd.read_parquet(job.input.scores), job.output)


run_job(snakemake, main)
