"""Draw methods and their variants, run by run."""

from grvsnn.figures.ablation import plot_ablation
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Draw one dataset."""
    plot_ablation(read_parquet(job.input.scores), job.output)


run_job(snakemake, main)
