"""Write a prepared dataset's dosages before rounding, laid out like its .bed file."""

from grvsnn.datasets.fractions import pick_fractions, read_fractions
from grvsnn.genotypes.plink import read_genotypes, write_dosages
from grvsnn.run.job import run_job


def main(job) -> None:
    """Read the raw genotypes again and lay them out like the .bed file."""
    _, sample_ids, marker_map = read_genotypes(job.input[0])
    calls = read_fractions(job.input.source, job.params.entry)
    dosages = pick_fractions(calls, sample_ids, marker_map["snp"].to_numpy(str))
    write_dosages(dosages, job.output.dosages)


run_job(snakemake, main)
