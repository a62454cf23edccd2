"""Draw the accuracy, or the calibration, of every run by method and setting."""

from grvsnn.figures.strip import plot_runs
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job

METRICS = {
    "accuracy": "r",
    "accuracy_breeding": "accuracy_breeding",
    "accuracy_genetic": "accuracy_genetic",
    "calibration": "slope",
}


def main(job) -> None:
    """Draw the metric that the output's name stands for."""
    scores = read_parquet(job.input.scores)
    plot_runs(scores, job.output, METRICS[job.wildcards.figure])


run_job(snakemake, main)
