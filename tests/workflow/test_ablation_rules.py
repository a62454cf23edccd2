"""Ablations are planned where they are asked for, and nowhere else."""

import re

import pytest
from dry_runs import count, fits, plan

SIGMOID = "ablations: {grvsnn-sigmoid: {gate: sigmoid}}\n"


def test_no_variant_is_fitted_unless_asked_for(snakemake, root, tmp_path):
    status, text = plan(snakemake, root, tmp_path, "datasets: [embedded]\n")
    assert status == 0, text
    assert not fits(text, "grvsnn-") and "tables/ablation" not in text
    # the third ablation needs no fit
    assert count(text, "write_pedigree") == 1


def test_variants_are_fitted_like_their_method_and_kept_apart(
    snakemake, root, tmp_path
):
    config = SIGMOID + "methods: [gblup, grvsnn]\nfolds: {repeats: 2}\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert fits(text, "grvsnn$") == fits(text, "grvsnn-sigmoid$") == 4
    training = re.search(r"rule write_fits:\n(?:    .*\n)+", text).group()
    assert "/grvsnn/" in training and "/grvsnn-sigmoid/" in training
    assert "/gblup/" not in training
    assert count(text, "write_variants") == 1
    assert "results/embedded/variants/scores.parquet" in text
    score = re.search(r"rule score_predictions:\n(?:    .*\n)+", text).group()
    assert "/grvsnn/" in score and "grvsnn-sigmoid" not in score


def test_bayesian_methods_have_variants_too(snakemake, root, tmp_path):
    config = (
        "methods: [gblup, brr]\nablations:\n  brr-exact: {route: exact}\n"
        "  brr-long: {n_iter: 9000, n_chains: 4}\n"
    )
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert (fits(text, "brr$"), fits(text, "brr-")) == (2, 4)
    # their chains are judged beside the method's own
    rule = re.search(r"rule write_fits:\n(?:    .*\n)+", text).group()
    for name in ("brr", "brr-exact", "brr-long"):
        assert f"/{name}/repeat-1/fits.json" in rule
    performance = re.search(r"rule write_accuracy:\n(?:    .*\n)+", text).group()
    assert "facts.parquet" in performance and "variants" not in performance


def test_variants_of_methods_that_are_not_run_are_passed_over(
    snakemake, root, tmp_path
):
    status, text = plan(snakemake, root, tmp_path, SIGMOID + "methods: [gblup]\n")
    assert status == 0, text
    assert "grvsnn-sigmoid" not in text
    # no method of these keeps how it trained
    assert "figures/training" not in text


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ("{gblup-fast: {gate: sigmoid}}", "'gblup-fast' does not match"),
        ("{grvsnn: {gate: sigmoid}}", "'grvsnn' does not match"),
        ("{grvsnn-same: {}}", "ablations"),
        ("{grvsnn-soft: {gat: sigmoid}}", "ablations, grvsnn-soft"),
        ("{grvsnn-soft: {gat: sigmoid}}", "Did you mean 'gate'?"),
        ("{grvsnn-soft: {gate: soft}}", "'soft' is not one of"),
        ("{grvsnn_plus-soft: {gate: sigmoid}}", "ablations, grvsnn_plus-soft"),
        ("{brr-exact: {route: precise}}", "'precise' is not one of"),
    ],
)
def test_mistakes_in_variants_are_named(snakemake, root, tmp_path, variants, message):
    status, text = plan(snakemake, root, tmp_path, f"ablations: {variants}\n")
    assert status != 0
    assert message in text
    assert "Traceback" not in text


def test_the_non_additive_populations_are_planned(snakemake, root, tmp_path):
    config = (root / "config/nonadditive.yaml").read_text()
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert count(text, "simulate_population") == count(text, "write_curves") == 2


def test_the_released_network_has_no_curves(snakemake, root, tmp_path):
    config = "methods: [grvsnn]\ngrvsnn: {architecture: bottleneck}\n"
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert fits(text, "grvsnn$") == 2
    assert count(text, "write_curves") == 0
