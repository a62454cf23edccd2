"""Write the report: one page with every table and figure of the run."""

from pathlib import Path

import pandas as pd
from grvsnn.base.files import read_json, read_parquet, write_text
from grvsnn.report.facts import read_data
from grvsnn.report.page import Run, render_report
from grvsnn.run.job import run_job


def main(job) -> None:
    """Read what the page says of the run, and write it."""
    ranks = dict(zip(job.params.with_relatives, job.input.ranks, strict=True))
    data = [
        read_data(dataset, phenotypes, bim, ranks.get(dataset))
        for dataset, phenotypes, bim in zip(
            job.params.config["datasets"],
            job.input.phenotypes,
            job.input.bims,
            strict=True,
        )
    ]
    run = Run(
        config=job.params.config,
        results=job.input.results,
        data=data,
        fits=[read_json(path) for path in job.input.fits],
        scores=read_parquet(job.input.scores),
        comparisons=pd.concat(map(read_parquet, job.input.comparisons)),
    )
    captions = {Path(path).stem: path for path in job.input.captions}
    write_text(render_report(run, job.input.template, captions), job.output[0])


run_job(snakemake, main)
