"""Draw accuracy against the minutes it took."""

from grvsnn.figures.tradeoff import plot_accuracy_minutes
from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job
from grvsnn.tables.runs import runtime_frame


def main(job) -> None:
    """One panel a dataset and trait."""
    runtimes = runtime_frame(read_json(path) for path in job.input.fits)
    scores = read_parquet(job.input.scores)
    plot_accuracy_minutes(scores, runtimes, job.output)


run_job(snakemake, main)
