"""Draw accuracy by the number of training animals."""

import pandas as pd
from grvsnn.figures.learning_curve import plot_learning
from grvsnn.jobs import run_job
from grvsnn.shares import share_scores


def main(job) -> None:
    """Draw one dataset."""
    scores = share_scores(
        pd.read_parquet(job.input.scores),
        pd.read_parquet(job.input.companions),
        pd.read_parquet(job.input.folds),
    )
    plot_learning(scores, job.output)


run_job(snakemake, main)
