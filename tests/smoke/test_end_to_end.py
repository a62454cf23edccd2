"""The whole workflow on a tiny population, twice, and its report."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from grvsnn import __version__

from tests.browser import demand_sound
from tests.quick import prepare, tables_of

HERE = Path(__file__).parent


def run_in(folder, snakemake, root, cores):
    """Run the tiny config in a folder of its own; returns the folder."""
    prepare(folder, root, HERE / "config/config.yaml")
    profile = ["--workflow-profile", str(root / "workflow/profiles/default")]
    result = snakemake("--cores", str(cores), *profile, cwd=folder)
    assert result.returncode == 0, result.stderr[-5000:]
    return folder


@pytest.fixture(scope="module")
def one_core(tmp_path_factory, snakemake, root):
    return run_in(tmp_path_factory.mktemp("one") / "run", snakemake, root, 1)


@pytest.fixture(scope="module")
def two_cores(tmp_path_factory, snakemake, root):
    return run_in(tmp_path_factory.mktemp("two") / "run", snakemake, root, 2)


def test_every_table_and_figure_is_there(one_core):
    results = one_core / "results"
    for table in (
        "performance",
        "calibration",
        "comparison",
        "stability",
        "truth",
        "convergence",
        "intervals",
        "selection",
        "pedigree",
        "parts",
        "ablation",
        "held_out",
        "sentinel",
        "optimism",
        "learning_curve",
    ):
        for suffix in ("csv", "tex", "html"):
            assert (results / f"tiny/tables/{table}.{suffix}").stat().st_size > 0
    for table in ("dcor", "minutes", "resources", "feasibility", "findings"):
        for suffix in ("csv", "tex", "html"):
            assert (results / f"summary/tables/{table}.{suffix}").stat().st_size > 0
    figures = {path.name for path in results.rglob("figures/*")}
    for figure in (
        "scree",
        "true_vs_predicted",
        "intervals",
        "curves",
        "training",
        "ablation",
        "optimism",
        "learning_curve",
    ):
        assert {f"{figure}.png", f"{figure}.svg"} <= figures


def test_all_methods_are_scored_in_all_settings(one_core):
    config = yaml.safe_load((HERE / "config/config.yaml").read_text())
    scores = pd.read_parquet(one_core / "results/summary/scores.parquet")
    mse = scores[scores["metric"] == "mse"]
    assert set(mse["method"]) == set(config["methods"])
    assert set(mse["setting"]) == set(config["settings"])
    counts = mse.groupby(["setting", "method"]).size()
    # 2 folds x 2 traits each
    assert (counts == 4).all()
    assert mse["value"].notna().all()
    # at heritability 0.6 every method must beat the training mean
    means = mse.groupby("method")["value"].mean()
    assert (means.drop("mean") < means["mean"]).all()


def test_only_methods_with_intervals_have_their_coverage_scored(one_core):
    scores = pd.read_parquet(one_core / "results/tiny/scores.parquet")
    wide = scores.pivot_table("value", ["setting", "method", "fold", "trait"], "metric")
    scored = wide["coverage"].notna().groupby("method").agg(["all", "any"])
    assert scored.loc["grvsnn", "all"]
    assert not scored.loc[["mean", "gblup", "lassonet"], "any"].any()
    assert wide["coverage"].dropna().between(0.6, 1).all()


def test_variants_stay_out_of_the_benchmark(one_core):
    ablation = pd.read_csv(one_core / "results/tiny/tables/ablation.csv")
    # BRR has no epochs
    counts = {"grvsnn": 5, "grvsnn-sigmoid": 5, "brr": 3, "brr-exact": 3}
    assert ablation.groupby("method")["metric"].nunique().to_dict() == counts
    for path, text in tables_of(one_core).items():
        for name in ("grvsnn-sigmoid", "brr-exact"):
            assert (name in text) == (path.stem == "ablation")


def test_same_config_gives_identical_tables_on_one_or_two_cores(one_core, two_cores):
    assert tables_of(one_core) == tables_of(two_cores)
    assert len(tables_of(one_core)) == 19


def test_the_guard_against_leakage_passes(one_core):
    null = pd.read_csv(one_core / "results/tiny/tables/sentinel.csv")
    assert null["inside"].all()
    findings = pd.read_csv(one_core / "results/summary/tables/feasibility.csv")
    assert set(findings["source"]) == {"Ours"}


def test_nothing_partial_is_left(one_core):
    left = [
        *(one_core / "results").rglob(".*"),
        *(one_core / "results").rglob("checkpoint-*"),
    ]
    assert not left


def test_every_fit_names_its_backend_and_versions(one_core):
    for path in (one_core / "results").rglob("fits.json"):
        facts = yaml.safe_load(path.read_text())
        assert facts["versions"]["numpy"]
        if facts["method"] in ("brr", "blasso", "bayescpi"):
            assert all(fold["backend"] == "native" for fold in facts["folds"])


def test_every_table_names_the_backend(one_core):
    folder = one_core / "results"
    named = 0
    for path in folder.rglob("tables/*.csv"):
        table = pd.read_csv(path)
        methods = set(table.get("method", [])) | set(table.get("stage", []))
        if path.stem == "findings" or not methods:
            continue
        column = "method" if "method" in table else "stage"
        bayesian = table[column].str.startswith(("brr", "blasso", "bayescpi"))
        assert (table.loc[bayesian, "backend"] == f"native {__version__}").all(), path
        for suffix in (".tex", ".html") if bayesian.any() else ():
            text = path.with_suffix(suffix).read_text()
            assert f"Backend: native {__version__} (" in text, path
            named += 1
    assert named > 20


def test_second_run_has_nothing_to_do(one_core, snakemake):
    result = snakemake("--cores", "1", "-n", cwd=one_core)
    assert "Nothing to be done" in result.stdout + result.stderr


def test_a_lost_fit_is_redone_with_the_same_result(one_core, snakemake):
    before = tables_of(one_core)
    name = "results/tiny/markers/gblup/repeat-1/predictions.parquet"
    content = (one_core / name).read_bytes()
    (one_core / name).unlink()
    for targets in ([name], []):
        result = snakemake("--cores", "2", *targets, cwd=one_core)
        assert result.returncode == 0, result.stderr[-3000:]
    assert (one_core / name).read_bytes() == content
    assert tables_of(one_core) == before


def test_report_holds_every_result_and_is_sound_in_a_browser(one_core, tmp_path):
    report = one_core / "results/report.html"
    text = report.read_text()
    results = [
        *(one_core / "results").glob("*/tables/*.html"),
        *(one_core / "results").glob("*/figures/*.svg"),
    ]
    for path in results:
        anchor = f"{path.parts[-3]}-{path.parts[-2]}-{path.stem}"
        assert text.count(f'id="{anchor}"') == 1, anchor
    assert text.count("<article id=") == len(results) > 25
    # each has its place in the catalogue
    assert "Further results" not in text
    assert "n = 96 animals" in text
    demand_sound(report, tmp_path)


def test_snakemake_can_report_the_provenance(one_core, snakemake):
    result = snakemake("--cores", "1", "--report", "provenance.html", cwd=one_core)
    assert result.returncode == 0, result.stderr[-3000:]
    text = (one_core / "provenance.html").read_text()
    for name in ("performance.html", "dcor.html", "scree.svg", "true_vs_predicted.svg"):
        assert name in text
