"""Draw accuracy under the nested and the published protocol."""

import pandas as pd
from grvsnn.figures.optimism import plot_optimism
from grvsnn.jobs import run_job


def main(job) -> None:
    """Draw one dataset."""
    scores = pd.read_parquet(job.input.scores)
    plot_optimism(scores, pd.read_parquet(job.input.companions), job.output)


run_job(snakemake, main)
