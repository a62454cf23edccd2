"""Draw how the networks trained: loss by epoch, or by features left in a path."""

from grvsnn.figures.training import plot_training
from grvsnn.files import read_json
from grvsnn.histories import history_frame
from grvsnn.jobs import run_job


def main(job) -> None:
    """Read the facts of all fits with a history, and draw one dataset."""
    plot_training(history_frame(map(read_json, job.input.fits)), job.output)


run_job(snakemake, main)
