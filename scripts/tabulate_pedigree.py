"""Write what pedigree loadings add to each method as a table."""

from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.pedigree import pedigree_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    dataset = job.wildcards.dataset
    fits = [read_json(path) for path in job.input.fits]
    table = pedigree_table(read_parquet(job.input.scores), dataset, fits)
    caption = f"Improvement by pedigree loadings: {dataset_label(dataset)}"
    write_table(table, job.output, caption, "pedigree", job.input.facts)


run_job(snakemake, main)
