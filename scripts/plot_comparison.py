"""Draw every method's difference from the best one, with its interval."""

from grvsnn.figures.forest import plot_comparisons
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """One panel a trait."""
    comparisons = read_parquet(job.input.comparisons)
    plot_comparisons(comparisons, job.output, rope=job.params.rope)


run_job(snakemake, main)
