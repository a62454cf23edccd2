"""Turn the loblolly pine files into the dataset contract."""

from pathlib import Path

from grvsnn.datasets.pine import prepare_pine
from grvsnn.jobs import run_job
from grvsnn.qc.filters import filter_dataset


def main(job) -> None:
    """Read, clean and write the pine data."""
    entry, files = job.params.entry, job.input
    data = prepare_pine(
        files.genotypes, files.pedigree, files.phenotypes, entry["traits"]
    )
    filter_dataset(data, job.params.qc, entry)
    data.write(Path(job.output.provenance).parent, list(entry["files"].values()))


run_job(snakemake, main)
