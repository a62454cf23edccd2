"""Turn the pig text files into the dataset contract."""

from pathlib import Path

from grvsnn.datasets.pig import prepare_pig
from grvsnn.jobs import run_job
from grvsnn.qc.filters import filter_dataset


def main(job) -> None:
    """Read, clean and write the pig data."""
    entry, files = job.params.entry, job.input
    data = prepare_pig(
        files.genotypes, files.phenotypes, files.pedigree, entry["traits"]
    )
    filter_dataset(data, job.params.qc, entry)
    data.write(Path(job.output.provenance).parent, list(entry["files"].values()))


run_job(snakemake, main)
