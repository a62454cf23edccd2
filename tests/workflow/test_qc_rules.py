"""Quality of the genotypes is checked everywhere, filtered where it is asked for."""

import pytest
from dry_runs import count, plan

METHODS = "methods: [gblup]\n"


def test_every_dataset_is_checked(snakemake, root, tmp_path):
    config = METHODS + "datasets: [embedded, mouse, pig]\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    for rule in ("check_genotypes", "write_genotype_quality"):
        assert count(text, rule) == 3
    assert not count(text, "keep_fractions")


def test_fractional_dosages_are_kept_and_handed_to_the_fits(snakemake, root, tmp_path):
    config = METHODS + "datasets: [pig]\nregistry: {pig: {dosage: fractional}}\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert count(text, "keep_fractions") == 1
    fits = text[text.index("rule fit_linear") :].split("\n\n")[0]
    assert "data/dosages.npy" in fits


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{drop: [mendel_trios]}", "'mendel_trios' is not one of"),
        ("{min_mafs: 0.1}", "Did you mean 'min_maf'?"),
        ("{min_maf: 5}", "5 is greater than the maximum"),
        ("{batch: chip}", "'chip' is no covariate of the datasets run"),
    ],
)
def test_mistakes_are_named(snakemake, root, tmp_path, section, message):
    config = METHODS + f"datasets: [mouse]\nqc: {section}\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status != 0
    assert message in text
    assert "Traceback" not in text
