"""The audit is planned where it makes sense, and the sentinel as asked for."""

import re

import pytest
from dry_runs import count, plan


def test_simulated_data_have_no_reported_values(snakemake, root, tmp_path):
    status, text = plan(snakemake, root, tmp_path, "methods: [mean, gblup]\n")
    assert status == 0, text
    assert not count(text, "tabulate_reproduced") and not count(text, "plot_reported")
    assert count(text, "tabulate_feasibility") == count(text, "tabulate_handed") == 1
    # the default config's control, in both settings
    assert count(text, "fit_linear_control") == 2
    assert count(text, "permute_targets") == count(text, "tabulate_sentinel") == 1


def test_the_papers_data_are_put_beside_the_paper(snakemake, root, tmp_path):
    config = (
        "datasets: [mouse, pine_dbh]\nmethods: [gblup, brr, grvsnn]\n"
        "folds: {repeats: 3}\nsentinel: {methods: [brr, lassonet], repeats: 2}\n"
    )
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert count(text, "tabulate_reproduced") == count(text, "plot_reported") == 1
    # two datasets, settings and repeats; lassonet is not run and is passed over
    assert count(text, "fit_bayes_control") == 8
    assert not count(text, "fit_lassonet_control")
    score = re.search(r"rule score_predictions:\n(?:    .*\n)+", text).group()
    assert "/brr/" in score and "permuted" not in score


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("sentinel: {method: [gblup]}", "'method' was unexpected"),
        ("sentinel: {methods: [xgboost]}", "'xgboost' is not one of"),
        ("sentinel: {repeats: 0}", "0 is less than the minimum"),
        (
            "ablations: {grvsnn-permuted: {gate: sigmoid}}",
            "this name is taken by the sentinel's control",
        ),
    ],
)
def test_mistakes_are_named(snakemake, root, tmp_path, config, message):
    status, text = plan(snakemake, root, tmp_path, f"{config}\n")
    assert status != 0
    assert message in text
    assert "Traceback" not in text


def test_the_sentinel_can_be_switched_off(snakemake, root, tmp_path):
    config = "methods: [gblup]\nsentinel: {methods: []}\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert not count(text, "permute_targets") and not count(text, "tabulate_sentinel")
    assert count(text, "tabulate_handed") == 1
