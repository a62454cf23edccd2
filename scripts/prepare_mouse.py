"""Turn BGLR's mice.RData into the dataset contract."""

from pathlib import Path

from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.jobs import run_job
from grvsnn.qc.filters import filter_dataset


def main(job) -> None:
    """Read, clean and write the mouse data."""
    entry = job.params.entry
    data = prepare_mouse(
        job.input.data, entry["traits"], entry["covariates"], entry["factors"]
    )
    filter_dataset(data, job.params.qc, entry)
    data.write(Path(job.output.provenance).parent, list(entry["files"].values()))


run_job(snakemake, main)
