"""Turn raw files, or one's own (PLINK, VCF or CSV), into the dataset contract."""

from pathlib import Path

from grvsnn.datasets.filters import filter_dataset
from grvsnn.datasets.formats import prepare
from grvsnn.run.job import run_job


def main(job) -> None:
    """Read, clean and write the data of one dataset."""
    entry = job.params.entry
    data, sources = prepare(entry, dict(job.input.items()))
    filter_dataset(data, job.params.qc, entry)
    data.write(Path(job.output.provenance).parent, sources)


run_job(snakemake, main)
