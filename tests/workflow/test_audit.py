"""The audit is planned where it makes sense, and the sentinel as asked for."""

import re

import pytest
from dry_runs import count, fits, plan

KINDS = {"part", "peeking", "published", "share30", "share60"}


def test_simulated_data_have_no_reported_values(snakemake, root, tmp_path):
    status, text = plan(snakemake, root, tmp_path, "methods: [mean, gblup]\n")
    assert status == 0, text
    assert not count(text, "write_reproduced")
    assert not count(text, "write_reported_figure")
    assert count(text, "write_plausibility") == 1
    # in both settings: the default config's control, and four shares
    assert fits(text, "gblup-") == 2 + 8
    assert count(text, "permute_targets") == count(text, "write_sentinel") == 1
    assert count(text, "write_learning_curve") == 1
    assert not count(text, "write_optimism")


def test_the_papers_data_are_put_beside_the_paper(snakemake, root, tmp_path):
    config = (
        "datasets: [mouse, pine_dbh]\nmethods: [gblup, brr, grvsnn]\n"
        "folds: {repeats: 3}\nsentinel: {methods: [brr, lassonet], repeats: 2}\n"
    )
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    assert count(text, "write_reproduced") == count(text, "write_reported_figure") == 1
    # two datasets, settings and repeats; lassonet is not run and is passed over
    assert fits(text, "brr-permuted") == 8
    assert not fits(text, "lassonet")
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
            "ablations, grvsnn-permuted: names that end in -permuted",
        ),
        (
            "ablations: {grvsnn-share3: {gate: sigmoid}}",
            "-held_<group> are taken",
        ),
        (
            "ablations: {grvsnn-whole: {gate: sigmoid}}",
            "ablations, grvsnn-whole: names that end in",
        ),
        ("learning_curve: {shares: [100]}", "100 is greater than the maximum"),
        ("learning_curve: {shares: [0.2]}", "0.2 is not of type 'integer'"),
        ("optimism: {methods: [bglr]}", "'bglr' is not one of"),
        (
            "protocol: published\noptimism: {methods: [gblup]}",
            "it compares the published protocol with the nested one",
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
    assert not count(text, "permute_targets") and not count(text, "write_sentinel")


def test_training_size_and_leakage_are_planned_beside_the_benchmark(
    snakemake, root, tmp_path
):
    config = (
        "methods: [gblup, lassonet, grvsnn, grvsnn_plus]\nfolds: {repeats: 3}\n"
        "grvsnn: {members: 5}\n"
        "ablations: {grvsnn-bottleneck: {architecture: bottleneck}}\n"
        "optimism: {methods: [gblup, lassonet, grvsnn, grvsnn_plus, grvsnn-bottleneck],"
        " repeats: 2}\n"
        "learning_curve: {methods: [grvsnn], shares: [30, 60]}\n"
    )
    status, text = plan(snakemake, root, tmp_path, config)
    assert status == 0, text
    # two settings: three more fits of each network in two repeats, two shares in one
    variants = fits(text, "grvsnn-bottleneck$")
    assert fits(text, "grvsnn-") - variants == 2 * (2 * 3 * 2 + 2)
    assert fits(text, "lassonet-") == 2 * 3 * 2
    # without a refit; and all at once, beside the control of the default config
    assert fits(text, "grvsnn_plus-") == 2 * 2 * 2
    assert fits(text, "gblup-") == 2 * (2 + 1)
    assert count(text, "make_published_targets") == 2
    assert count(text, "make_share_targets") == 2 and count(text, "take_shares") == 1
    assert count(text, "write_optimism") == 1
    jobs = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", text, re.M)
    published = "/published/training.parquet"
    seen = set()
    for name, body in jobs:
        method = re.search(r"method=([\w-]+)", body)
        kind = method.group(1).rpartition("-")[2] if method else ""
        if re.match(r"grvsnn-", method.group(1) if method else "") and kind in KINDS:
            seen.add(kind)
            assert (published in body) == (kind in ("published", "peeking"))
            # an honest fit of a part reads what the benchmark reads
            assert (f"/{kind}/training.parquet" in body) == (
                kind not in ("part", "peeking")
            )
            assert (f"learning_curve/{kind}/folds" in body) == kind.startswith("share")
        if name == "score_predictions":
            assert "grvsnn-part" not in body and "published" not in body
    assert seen == KINDS
