"""A budget is made of planned jobs and measured ones of the same kind and settings."""

import copy

import pandas as pd
import pytest
from grvsnn.base.files import write_csv, write_json
from grvsnn.base.usage import Usage, write_usage
from grvsnn.planning.budget import budget_frame, budget_table, price_jobs
from grvsnn.planning.costs import (
    hash_settings,
    job_kind,
    measured_costs,
    of_own_settings,
    read_costs,
    renew_costs,
)
from grvsnn.planning.dry_run import count_sent, planned_jobs, rules_text

CONFIG = {
    "datasets": ["mouse", "pig"],
    "methods": ["gblup", "brr", "grvsnn"],
    "protocol": "nested",
    "adjust": "covariates",
    "qc": {},
    "folds": {"repeats": 10, "folds": 5},
    "bayes": {"n_iter": 6000},
    "grvsnn": {"n_trials": 8},
    "ablations": {"grvsnn-sigmoid": {"gate": "sigmoid"}},
    "registry": {"mouse": {"samples": 1814}, "pig": {"samples": 3534}},
}
NO_CARDS = "resources: tmpdir=/tmp, mem_mb=1000, mem=1 GB, runtime=10, gpu=0"
DRY_RUN = f"""
[Sun Nov 22 23:44:38 2026]
rule fetch_file:
    output: resources/pig/x.txt
    wildcards: folder=pig, file=x.txt
    {NO_CARDS}
[Sun Nov 22 23:44:38 2026] Group job linear-mouse (jobs in lexicogr. order):

    [Sun Nov 22 23:44:38 2026]
    rule fit_linear:
        input: results/mouse/data/genotypes.bed
        output: a.json, results/benchmarks/mouse/markers/gblup/repeat-1.json
        wildcards: dataset=mouse, setting=markers, method=gblup, repeat=1
        {NO_CARDS}
    [Sun Nov 22 23:44:38 2026]
    rule fit_linear:
        output: a.json, results/benchmarks/mouse/markers/gblup/repeat-2.json
        wildcards: dataset=mouse, setting=markers, method=gblup, repeat=2
        {NO_CARDS.replace("1000", "2000")}

[Sun Nov 22 23:44:38 2026]
rule fit_grvsnn:
    output: a.json, results/benchmarks/mouse/markers/grvsnn/repeat-1.json
    wildcards: dataset=mouse, setting=markers, method=grvsnn, repeat=1
    resources: tmpdir=/tmp, mem_mb=3501, disk_mb=<TBD>, runtime=143, gpu=1
[Sun Nov 22 23:44:38 2026]
rule fit_grvsnn_variant:
    output: a.json, results/benchmarks/mouse/markers/grvsnn-sigmoid/repeat-1.json
    wildcards: dataset=mouse, setting=markers, method=grvsnn-sigmoid, repeat=1
    resources: tmpdir=/tmp, mem_mb=3501, disk_mb=<TBD>, runtime=143, gpu=1
[Sun Nov 22 23:44:38 2026]
rule make_folds:
    output: a.json, results/benchmarks/pig/folds.json
    wildcards: dataset=pig
    {NO_CARDS}
"""


def write_job(results, kind, seconds, cpu, memory=100.0, fit_seconds=None, device=None):
    """One job's usage file, and where it is a fit its facts."""
    write_usage(Usage(seconds, cpu, memory), results / f"benchmarks/{kind}.json")
    if fit_seconds is not None:
        fold = {"device": device} if device else {}
        facts = {"seconds": fit_seconds, "folds": [fold]}
        write_json(facts, results / kind / "fits.json")


@pytest.fixture
def results(tmp_path):
    write_job(tmp_path, "mouse/prepare", 4, 3)
    write_job(tmp_path, "mouse/targets/repeat-1-share40", 2, 1)
    write_job(tmp_path, "mouse/markers/gblup/repeat-1", 100, 1800, 300, 90)
    write_job(tmp_path, "mouse/markers/gblup/repeat-2", 300, 5400, 200, 90)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("results/benchmarks/pig/prepare.json", ("pig", "all", "prepare")),
        ("/benchmarks/r/benchmarks/pig/folds.json", ("pig", "all", "folds")),
        ("r/benchmarks/pig/targets/repeat-10.json", ("pig", "all", "targets")),
        (
            "benchmarks/pig/targets/repeat-1-share40.json",
            ("pig", "all", "targets-share40"),
        ),
        ("/a/benchmarks/pig/scores_optimism.json", ("pig", "all", "scores_optimism")),
        (
            "benchmarks/mouse/markers_pedigree/grvsnn-sigmoid/repeat-2.json",
            ("mouse", "markers_pedigree", "grvsnn-sigmoid"),
        ),
    ],
)
def test_a_usage_file_names_its_kind(path, kind):
    assert job_kind(path) == kind


def test_jobs_are_averaged_by_kind(results):
    costs = measured_costs(results, CONFIG, "2 cores").set_index("method")
    assert costs.loc["gblup", "n_jobs"] == 2
    assert costs.loc["gblup", "seconds"] == 200
    assert costs.loc["gblup", "cpu_seconds"] == 3600
    assert costs.loc["gblup", "longest_seconds"] == 300
    assert costs.loc["gblup", "peak_mb"] == 300
    assert costs.loc["prepare", "peak_mb"] == 100
    assert set(costs["device"]) == {"cpu"} and set(costs["machine"]) == {"2 cores"}


def test_jobs_of_other_runs_in_the_folder_are_not_of_this_config(results):
    costs = measured_costs(results, {**CONFIG, "datasets": ["pig"]}, "2 cores")
    assert "mouse" not in set(costs["dataset"])


def test_costs_survive_the_file_and_are_renewed_kind_by_kind(results, tmp_path):
    path = tmp_path / "costs.csv"
    assert read_costs(path).empty
    costs = renew_costs(read_costs(path), measured_costs(results, CONFIG, "2 cores"))
    other = costs.iloc[:1].assign(dataset="pig", settings="00000012")
    write_csv(pd.concat([costs, other]), path)
    back = read_costs(path)
    assert back["settings"].iloc[-1] == "00000012"
    renewed = renew_costs(back, costs.assign(seconds=1.0))
    assert renewed["dataset"].tolist() == [*["mouse"] * 3, "pig"]
    assert renewed["seconds"].tolist()[:3] == [1.0] * 3
    assert renewed["seconds"].iloc[3] == other["seconds"].iloc[0]


def test_a_run_of_other_settings_leaves_what_is_known(results):
    costs = measured_costs(results, CONFIG, "2 cores")
    unadjusted = measured_costs(results, {**CONFIG, "adjust": "none"}, "2 cores")
    both = renew_costs(costs, unadjusted)
    assert len(both) == 2 * len(costs)
    again = renew_costs(both, costs)
    assert again.equals(both)
    for config, own in ((CONFIG, costs), ({**CONFIG, "adjust": "none"}, unadjusted)):
        first = of_own_settings(both, config)
        assert set(first["settings"]) == set(own["settings"])
        assert len(first) == len(own)


def test_settings_are_what_a_job_of_a_method_depends_on():
    def differ(method, *path, value):
        config = copy.deepcopy(CONFIG)
        inner = config
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        before = hash_settings(CONFIG, "mouse", method)
        return hash_settings(config, "mouse", method) != before

    assert differ("brr", "bayes", "n_iter", value=3000)
    assert differ("grvsnn-sigmoid", "grvsnn", "n_trials", value=4)
    assert differ("grvsnn-sigmoid", "ablations", "grvsnn-sigmoid", value={})
    assert differ("gblup", "folds", "folds", value=10)
    assert differ("folds", "folds", "folds", value=10)
    assert not differ("gblup", "bayes", "n_iter", value=3000)
    assert not differ("grvsnn", "ablations", "grvsnn-sigmoid", value={})
    for method in ("gblup", "folds"):
        assert not differ(method, "folds", "repeats", value=1)
    assert not differ("gblup", "registry", "pig", value={})


def test_a_dry_run_says_what_is_sent_and_what_is_asked_for():
    jobs = planned_jobs(DRY_RUN)
    assert jobs["rule"].tolist() == [
        *("fetch_file", "fit_linear", "fit_linear"),
        *("fit_grvsnn", "fit_grvsnn_variant", "make_folds"),
    ]
    assert jobs["gpu"].tolist() == [0, 0, 0, 1, 1, 0]
    assert jobs["mem_mb"].tolist() == [1000, 1000, 2000, 3501, 3501, 1000]
    assert count_sent(jobs, {"fetch_file"}).to_dict() == {"mouse": 3, "pig": 1}
    assert count_sent(jobs, set())[""] == 1
    text = rules_text(jobs, {"fetch_file"})
    assert "     2     1000-2000          10      0  linear-mouse" in text
    assert text.endswith("6 jobs; a cluster sees 4")


def test_a_budget_counts_only_what_was_measured(results):
    jobs = planned_jobs(DRY_RUN)
    costs = measured_costs(results, CONFIG, "2 cores")
    priced = price_jobs(jobs, costs, CONFIG)
    frame = budget_frame(jobs, priced, {"fetch_file"}).set_index("dataset")
    mouse = frame.loc["mouse"]
    assert mouse[["jobs", "sent", "n_measured", "n_known"]].tolist() == [4, 3, 4, 2]
    assert mouse["cpu_hours"] == 2 and mouse["longest_minutes"] == 5
    assert mouse["n_card"] == 2 and mouse["n_card_known"] == 0
    table = budget_table(jobs, costs, CONFIG, {"fetch_file"})
    assert table.cells.loc[("Mouse",)].to_list() == [
        *("4", "3", "2.0 for 2 of 4 jobs", "2", "not measured", "not measured"),
        *("5.0", "300"),
    ]
    assert table.cells.loc[("Pig",), "CPU hours"] == "not measured"
    assert table.cells.loc[("Sum",), "Jobs"] == "6"
    assert (
        "2 jobs measured on 2 cores; not measured: GRVSNN (2 of 2 jobs)" in table.note
    )
    assert table.note.endswith("Pig: nothing measured.")


def test_other_settings_are_not_taken_for_measured(results):
    other = {**CONFIG, "folds": {"repeats": 1, "folds": 2}}
    costs = measured_costs(results, other, "2 cores")
    table = budget_table(planned_jobs(DRY_RUN), costs, CONFIG, set())
    assert table.cells.loc[("Mouse",), "CPU hours"] == "not measured"


def test_hours_on_a_card_are_apart_from_those_on_the_cpu(results):
    write_job(results, "mouse/markers/grvsnn/repeat-1", 7200, 7300, 100, 7000, "cuda:0")
    write_job(results, "mouse/markers/grvsnn/repeat-2", 9000, 18000, 100, 8000, "cpu")
    costs = measured_costs(results, CONFIG, "2 cores")
    table = budget_table(planned_jobs(DRY_RUN), costs, CONFIG, set())
    row = table.cells.loc[("Mouse",)]
    assert row["GPU hours"] == "2.0 for 1 of 2 jobs"
    assert row["CPU hours without it"] == "5.0 for 1 of 2 jobs"
    assert row["CPU hours"] == "7.0 for 3 of 4 jobs"
    assert "3 jobs measured" in table.note and "GRVSNN (1 of 2 jobs)" in table.note


def test_a_kind_run_on_cards_only_is_measured(results):
    write_job(results, "mouse/markers/grvsnn/repeat-1", 7200, 7300, 100, 7000, "cuda:0")
    costs = measured_costs(results, CONFIG, "2 cores")
    table = budget_table(planned_jobs(DRY_RUN), costs, CONFIG, set())
    row = table.cells.loc[("Mouse",)]
    assert row["GPU hours"] == "2.0 for 1 of 2 jobs"
    assert row["CPU hours without it"] == "not measured"
    assert row["Longest (min)"] == "120.0"
    assert "GRVSNN (1 of 2 jobs)" in table.note
