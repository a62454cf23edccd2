"""Write the minutes that each method takes (the paper's Table 5)."""

from grvsnn.files import read_json
from grvsnn.jobs import run_job
from grvsnn.tables.runs import minutes_table, runtime_frame
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Read every fit's facts and write the table."""
    table = minutes_table(runtime_frame(read_json(path) for path in job.input.fits))
    caption = "Minutes for one complete cross-validation"
    write_table(table, job.output, caption, "minutes", job.input.facts)


run_job(snakemake, main)
