"""Write what the checks of a dataset's genotypes found as a table."""

from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.qc import qc_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    checks, animals, markers = (
        read_parquet(job.input[name]) for name in ("checks", "animals", "markers")
    )
    read = read_json(job.input.provenance)["steps"][0]
    table = qc_table(checks, animals, markers, read)
    caption = f"Quality of the genotypes: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "qc")


run_job(snakemake, main)
