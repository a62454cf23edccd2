"""Put this run's numbers beside every number that the paper reports."""

import pandas as pd
from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job
from grvsnn.reported import read_results, reproduce
from grvsnn.tables.audit import reproduced_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of all three datasets."""
    reported = [job.input.reported, job.input.claims]
    reproduced = reproduce(
        pd.concat(map(read_results, reported), ignore_index=True),
        read_parquet(job.input.scores),
        [read_json(path) for path in job.input.fits],
        job.params.protocol,
    )
    table = reproduced_table(reproduced)
    write_table(
        table, job.output, "Reported and reproduced", "reproduced", job.input.facts
    )


run_job(snakemake, main)
