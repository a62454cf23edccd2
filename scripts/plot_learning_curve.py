"""Draw accuracy by the number of training animals."""

from grvsnn.figures.learning_curve import plot_learning
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.shares import share_scores


def main(job) -> None:
    """Draw one dataset."""
    scores = share_scores(
        read_parquet(job.input.scores),
        read_parquet(job.input.companions),
        read_parquet(job.input.folds),
    )
    plot_learning(scores, job.output)


run_job(snakemake, main)
