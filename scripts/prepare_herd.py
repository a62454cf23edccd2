"""Turn one's own files (PLINK, VCF or CSV) into the dataset contract."""

from pathlib import Path

from grvsnn.datasets.herd import describe_sources, prepare_herd
from grvsnn.jobs import run_job
from grvsnn.qc.filters import filter_dataset


def main(job) -> None:
    """Read, clean and write the herd's data."""
    entry = job.params.entry
    data = prepare_herd(entry)
    filter_dataset(data, job.params.qc, entry)
    data.write(Path(job.output.provenance).parent, describe_sources(entry))


run_job(snakemake, main)
