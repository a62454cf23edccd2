"""Write the weights and variance shares of GRVSNN+ as a table."""

from grvsnn.files import read_json
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.parts import parts_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Read every fit's facts and write the table."""
    table = parts_table([read_json(path) for path in job.input.fits])
    caption = f"Parts of GRVSNN+: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "parts", job.input.facts)


run_job(snakemake, main)
