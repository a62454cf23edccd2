"""A finished run is written up, and its times are found again by the estimate."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.base.files import write_json, write_parquet
from grvsnn.base.usage import Usage, write_usage
from grvsnn.planning.costs import measured_costs
from grvsnn.planning.dry_run import planned_jobs
from grvsnn.planning.estimate import (
    duration,
    estimate_fits,
    estimate_text,
    planned_fits,
)
from grvsnn.planning.results_page import machine_class, read_fits, reference_page
from grvsnn.report.tables.layout import make_table
from grvsnn.report.tables.write import write_table
from grvsnn.scoring.comparisons import compare_methods

CONFIG = {
    "datasets": ["mouse"],
    "settings": ["markers", "markers_pedigree"],
    "methods": ["gblup", "brr"],
    "protocol": "nested",
    "adjust": "covariates",
    "seed": 1,
    "folds": {"scheme": "stratified", "repeats": 2, "folds": 5, "inner_folds": 5},
    "evaluation": {"rope": 0.01},
    "held_out": {"groups": ["family"]},
}


def make_scores(methods, repeats):
    keys = {
        "dataset": ["mouse"],
        "setting": CONFIG["settings"],
        "method": methods,
        "repeat": range(1, repeats + 1),
        "fold": range(1, 6),
        "trait": ["bmi"],
        "metric": ["mse", "r", "n_selected", "n_selected_markers"],
    }
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    return table.assign(value=np.random.default_rng(0).uniform(0.3, 0.5, len(table)))


def make_fit(setting, method, repeat):
    sampler = {"ess": 400.0, "rhat": 1.01} if method == "brr" else {}
    backend = {"backend": "native", "version": "0.1.0"} if method == "brr" else {}
    return {
        "dataset": "mouse",
        "setting": setting,
        "method": method,
        "repeat": repeat,
        "seconds": 30.0 * repeat,
        "n_threads": 1,
        "peak_memory_mb": 100.0,
        "versions": {"numpy": "2.1", "grvsnn": "0.1.0"},
        "folds": [{"fold": f, "bmi": sampler, **backend} for f in range(1, 6)],
    }


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    for setting in CONFIG["settings"]:
        for method in CONFIG["methods"]:
            for repeat in (1, 2):
                path = folder / f"mouse/{setting}/{method}/repeat-{repeat}/fits.json"
                write_json(make_fit(setting, method, repeat), path)
    scores = make_scores(CONFIG["methods"], 2)
    write_parquet(scores, folder / "mouse/scores.parquet")
    write_parquet(scores, folder / "summary/scores.parquet")
    write_parquet(compare_methods(scores), folder / "mouse/comparisons.parquet")
    provenance = {
        "sources": [{"name": "mice.RData", "url": "https://x.org/m", "sha256": "5aec"}],
        "steps": [{"step": "read", "n_samples": 1814, "n_markers": 10346}],
    }
    write_json(provenance, folder / "mouse/data/provenance.json")
    return folder


def test_the_page_holds_what_a_reader_needs(results):
    page = reference_page(results, CONFIG, "mouse_paper.yaml", "2 cores, x86-64")
    scores = pd.read_parquet(results / "mouse/scores.parquet")
    r = scores.query("method == 'brr' and setting == 'markers' and metric == 'r'")
    for text in (
        "# Results of `mouse_paper.yaml`",
        "on 2 cores, x86-64.",
        "numpy 2.1",
        "BRR by native 0.1.0",
        "sha256 `5aec`, https://x.org/m",
        "1814 animals, 10346 markers",
        f"{r['value'].mean():.3f} ± {r['value'].std():.3f}",
        "2 repeats of 5-fold",
        "Convergence of the samplers",
        "Minutes for one cross-validation",
        "0.75 ± 0.35",
    ):
        assert text in page, text
    assert "optimistic" not in page
    assert not [line for line in page.splitlines() if line.startswith("| nan")]


def test_a_method_is_missed_only_where_it_can_be_fitted(results):
    """ABLUP has no fit from markers alone."""
    config = CONFIG | {"methods": ["gblup", "ablup"]}
    with pytest.raises(InputError, match=r"2 of 6 fits are missing.*markers_pedigree"):
        read_fits(results, config)


def test_companions_are_written_up_where_there_are_any(results):
    published = make_scores(["gblup-published"], 1)
    write_parquet(published, results / "mouse/optimism/scores.parquet")
    roles = {"role": ["train", "train", "test"], "inner_fold": [1, 2, 0]}
    write_parquet(pd.DataFrame(roles), results / "mouse/folds.parquet")
    page = reference_page(results, CONFIG, "mouse.yaml", "a machine")
    assert "Training size and leakage under the two protocols" in page
    assert "(optimistic)" in page
    assert "held out" not in page
    held = make_scores(["gblup-held_family"], 1)
    write_parquet(held, results / "mouse/held_family/scores.parquet")
    page = reference_page(results, CONFIG, "mouse.yaml", "a machine")
    assert "Families and environments held out" in page
    assert "Full-sib families held out" in page


def test_parts_and_variants_are_written_up_where_there_are_any(results):
    fold = {
        "traits": ["bmi"],
        "parts": ["reml", "additive 0.01"],
        "weights": [[1.0, 0.0]],
        "layers": {"bmi": {"shares": {"markers": 0.25}}},
    }
    for setting in CONFIG["settings"]:
        for repeat in (1, 2):
            fit = make_fit(setting, "grvsnn_plus", repeat)
            fit["folds"] = [{"fold": f, **fold} for f in range(1, 6)]
            path = f"mouse/{setting}/grvsnn_plus/repeat-{repeat}/fits.json"
            write_json(fit, results / path)
    variants = make_scores(["grvsnn_plus-untrained"], 2)
    write_parquet(variants, results / "mouse/variants/scores.parquet")
    config = CONFIG | {"methods": [*CONFIG["methods"], "grvsnn_plus"]}
    config["ablations"] = {
        "grvsnn_plus-untrained": {"start_scales": []},
        "grvsnn-sigmoid": {"gate": "sigmoid"},
    }
    page = reference_page(results, config, "mouse.yaml", "a machine")
    assert "**Parts of GRVSNN+**" in page
    assert "|  | Trained, additive 0.01 | 0.000 ± 0.000 | – | 10 of 10 |" in page
    assert "GRVSNN+, untrained: start_scales = []" in page
    # a variant that is configured and was not fitted
    assert "sigmoid" not in page


def test_an_unfinished_run_is_refused(results):
    (results / "mouse/markers/brr/repeat-2/fits.json").unlink()
    with pytest.raises(InputError, match=r"1 of 8 fits are missing, e\.g\. .*brr/re"):
        reference_page(results, CONFIG, "mouse.yaml", "a machine")


def test_machine_class_names_cores():
    assert " core" in machine_class()


def test_markdown_tables_keep_their_shape(tmp_path):
    table = make_table(
        pd.DataFrame(),
        rows=[("x", "a|b"), ("x", "c")],
        headings=["Trait", "Model"],
        columns=[("Markers", "r"), ("Markers", "MSE")],
        cells=[["1", "2"], ["3", "4"]],
        best=[[True, False], [False, False]],
        note="Note.",
    )
    write_table(table, [tmp_path / "t.md"], "Caption")
    assert (tmp_path / "t.md").read_text().splitlines() == [
        "**Caption**",
        "",
        "| Trait | Model | Markers: r | Markers: MSE |",
        "| --- | --- | ---: | ---: |",
        "| x | a\\|b | **1** | 2 |",
        "|  | c | 3 | 4 |",
        "",
        "Note.",
    ]


DRY_RUN = """
rule make_folds:
    output: results/mouse/folds.parquet

rule compute_loadings:
    output: a.json, results/benchmarks/mouse/loadings.json

localrule fit_grvsnn:
    output: a.json, results/benchmarks/mouse/markers/grvsnn/repeat-1.json
    wildcards: dataset=mouse

rule fit_grvsnn:
    output: a.json, results/benchmarks/mouse/markers/grvsnn/repeat-10.json

rule fit_grvsnn_companion:
    output: a.json, results/benchmarks/mouse/markers/grvsnn-share40/repeat-1.json

rule make_targets:
    output: a.json, results/benchmarks/mouse/targets/repeat-1.json

rule fit_linear:
    output: a.json, results/benchmarks/mouse/markers/gblup/repeat-1.json
"""


def test_the_estimate_takes_what_was_measured_and_says_what_was_not(tmp_path):
    fits, n_others = planned_fits(planned_jobs(DRY_RUN))
    assert len(fits) == 4 and n_others == 3
    for repeat, seconds in ((2, 100.0), (3, 300.0)):
        path = tmp_path / f"benchmarks/mouse/markers/grvsnn/repeat-{repeat}.json"
        write_usage(Usage(seconds, cpu_seconds=50.0, peak_mb=100.0), path)
    here = measured_costs(tmp_path)
    assert here[["seconds", "n_jobs"]].to_numpy().tolist() == [[200.0, 2]]
    elsewhere = here.assign(seconds=9.0, machine="2 cores")
    table = estimate_fits(fits, [here, elsewhere]).set_index("method")
    assert table["seconds"].iloc[:2].tolist() == [200.0, 200.0]
    assert table["like"].tolist() == ["grvsnn", "grvsnn", ""]
    text = estimate_text(table.reset_index(), n_others, cores=2)
    assert "2 x 3 min      (mean of 2 jobs here)" in text
    assert "(as GRVSNN, mean of 2 jobs here)" in text
    assert "1 x unknown" in text
    # 600 s of known work on two cores
    assert "In all: about 5 min on 2 cores, and 1 fit of unknown length" in text
    assert "3 short jobs are not counted" in text


def test_the_estimate_falls_back_and_never_guesses():
    fits, n_others = planned_fits(planned_jobs(DRY_RUN))
    columns = ["dataset", "setting", "method", "seconds", "n_jobs", "machine"]
    nothing = pd.DataFrame(columns=columns)
    text = estimate_text(estimate_fits(fits, [nothing]), n_others, 1)
    assert "In all: unknown on 1 core;" in text and text.count("unknown") == 4
    far = pd.DataFrame([["mouse", "markers", "gblup", 8.0, 5, "4 cores"]])
    table = estimate_fits(fits, [nothing, far.set_axis(columns, axis=1)])
    assert "(mean of 5 jobs on 4 cores)" in estimate_text(table, n_others, 1)
    assert estimate_text(table.iloc[:0], 3, 1) == "no fit is left to be made"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.2, "8 s"), (130, "2 min"), (5999, "1 h 40 min"), (18000, "5 h 0 min")],
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text
