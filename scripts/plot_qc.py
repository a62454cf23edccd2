"""Draw what the checks of a dataset's genotypes measured."""

from grvsnn.figures.qc import plot_quality
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.qc.checks import Limits


def main(job) -> None:
    """Draw the figure of one dataset."""
    animals, markers, pairs = (
        read_parquet(job.input[name]) for name in ("animals", "markers", "pairs")
    )
    limits = Limits.from_mapping(job.params.qc)
    plot_quality(animals, markers, pairs, limits, job.output)


run_job(snakemake, main)
