"""Draw every method's difference from the best one, with its interval."""

import pandas as pd
from grvsnn.figures.forest import plot_comparisons
from grvsnn.jobs import run_job


def main(job) -> None:
    """One panel a trait."""
    comparisons = pd.read_parquet(job.input.comparisons)
    plot_comparisons(comparisons, job.output, rope=job.params.rope)


run_job(snakemake, main)
