"""Bring one raw file from the mirror folder or the network, checksum and all."""

import os

from grvsnn.datasets.fetch import fetch_file
from grvsnn.run.job import run_job


def main(job) -> None:
    """Fetch the file; the mirror is a machine's matter, so it is no parameter."""
    mirror = os.environ.get("GRVSNN_DATA_MIRROR")
    fetch_file(job.params.source, job.output[0], mirror)


run_job(snakemake, main)
