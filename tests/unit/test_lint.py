"""Each rule finds a hand-made impossible row and passes a possible one."""

import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.protocol.folds import make_folds
from grvsnn.scoring.metrics import agreement, dcor
from grvsnn.scoring.plausibility import (
    KEYS,
    RULES,
    Assumptions,
    count_findings,
    lint_results,
    lintable,
    normal_dcor,
)
from grvsnn.scoring.reported import read_results

SIZES = pd.DataFrame(
    {
        "dataset": ["herd"],
        "n_samples": [1000],
        "n_markers": [500],
        "n_loadings": [20],
        "n_folds": [5],
        "n_repeats": [10],
    }
)
# possible: 200 test animals, r 0.5, a calibrated predictor of unit-variance traits
GOOD = {
    "mse": (0.76, 0.07),
    "r": (0.5, 0.05),
    "dcor": (0.47, 0.05),
    "n_selected": (30.0, 4.0),
    "n_selected_markers": (25.0, 4.0),
    "n_selected_loadings": (5.0, 2.0),
}


def row(values, **place):
    keys = {"dataset": "herd", "trait": "t", "setting": "markers_pedigree"}
    keys |= {"method": "grvsnn"} | place
    return pd.DataFrame(
        [keys | {"metric": m, "mean": v, "sd": s} for m, (v, s) in values.items()]
    )


def findings(results, **given):
    checks = lint_results(results, SIZES, replace(Assumptions(), **given))
    return checks[checks["fails"]]


def test_a_possible_row_passes_every_rule_that_can_be_applied():
    checks = lint_results(row(GOOD), SIZES)
    assert not checks["fails"].any()
    assert set(checks["rule"]) == set(RULES) - {"alike_counts"}


@pytest.mark.parametrize(
    ("rule", "metric", "value"),
    [
        ("range", "r", (1.01, 0.0)),
        ("range", "mse", (-0.1, 0.0)),
        ("range", "dcor", (-0.01, 0.05)),
        ("range", "n_selected", (-1.0, 4.0)),
        ("largest_sd", "r", (0.5, 0.9)),
        ("largest_sd", "mse", (0.76, 6.0)),
        ("largest_sd", "mse", (0.76, -0.1)),
        ("mse_given_r", "mse", (0.70, 0.07)),
        ("dcor_given_r", "dcor", (0.60, 0.05)),
        ("dcor_given_r", "dcor", (0.35, 0.05)),
        ("selected", "n_selected", (521.0, 4.0)),
        ("selected", "n_selected_markers", (501.0, 4.0)),
        ("selected", "n_selected_loadings", (21.0, 4.0)),
        ("parts", "n_selected", (31.0, 4.0)),
        ("sampling_sd", "r", (0.5, 0.02)),
        ("sampling_sd", "r", (0.5, 0.3)),
        ("sampling_sd", "mse", (0.76, 0.01)),
        ("sampling_sd", "mse", (0.76, 0.4)),
    ],
)
def test_each_rule_finds_an_impossible_value(rule, metric, value):
    found = findings(row(GOOD | {metric: value}))
    assert rule in set(found["rule"])
    hit = found[found["rule"] == rule].iloc[0]
    assert value[hit["quantity"] == "sd"] == hit["value"]
    assert not hit["lower"] <= hit["value"] <= hit["upper"]


def test_cells_alike_are_found_in_one_dataset_and_metric_only():
    other = row(GOOD | {"mse": (0.77, 0.07), "dcor": (0.46, 0.05)}, method="brr")
    found = findings(pd.concat([row(GOOD), other]))
    assert set(found["rule"]) == {"alike"}
    assert found["metric"].tolist() == ["r", "r"]
    far = other.assign(dataset="flock")
    assert "alike" not in set(findings(pd.concat([row(GOOD), far]))["rule"])


UNUSED = {"n_selected": (25.0, 4.0), "n_selected_loadings": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("change", "place", "found"),
    [
        # loadings were there and not used: one row, twice
        ({}, {}, 0),
        # the same numbers in spite of loadings that are used
        ({"n_selected": (30.0, 4.0), "n_selected_loadings": (5.0, 2.0)}, {}, 6),
        ({"n_selected_loadings": (0.02, 0.1)}, {}, 6),
        # predictions differ, some of their metrics do not
        ({"mse": (0.77, 0.07)}, {}, 4),
        ({"n_selected": (26.0, 4.0)}, {}, 6),
        # another method, another trait, settings that do not nest
        ({}, {"method": "brr"}, 6),
        ({}, {"trait": "u"}, 6),
        ({}, {"setting": "pedigree"}, 6),
    ],
)
def test_only_a_whole_row_without_loadings_may_stand_in_two_settings(
    change, place, found
):
    first = row(GOOD | UNUSED, setting="markers")
    second = row(GOOD | UNUSED | change, **place)
    alike = findings(pd.concat([first, second])).query("rule == 'alike'")
    assert len(alike) == found


def test_a_repeated_row_does_not_hide_a_third_one():
    rows = [row(GOOD | UNUSED, setting=s) for s in ("markers", "markers_pedigree")]
    third = row(GOOD | {"mse": (0.77, 0.07), "dcor": (0.46, 0.05)}, method="brr")
    alike = findings(pd.concat([*rows, third])).query("rule == 'alike'")
    assert alike["metric"].tolist() == ["r"] * 3
    assert alike.set_index("method")["value"].to_dict() == {"grvsnn": 1, "brr": 2}


@pytest.mark.parametrize(("changed", "expected"), [(0, 6), (1, 0)])
def test_counts_alike_in_two_settings_are_found_when_all_are(changed, expected):
    cells = [
        row(
            {
                "n_selected": (
                    40.0 + i + (changed if s == "markers" and i == 0 else 0),
                    np.nan,
                )
            },
            method=m,
            setting=s,
        )
        for i, m in enumerate(["grvsnn", "brr", "blasso"])
        for s in ("markers", "markers_pedigree")
    ]
    found = findings(pd.concat(cells))
    assert len(found) == expected
    assert set(found["rule"]) <= {"alike_counts"}


def test_rounding_is_allowed_for():
    total = row(GOOD | {"n_selected": (31.0, 4.0)})
    assert not len(findings(total.assign(mean_rounding=0.5)).query("rule == 'parts'"))
    # 1 - 0.8660^2 = 0.25: the printed 0.87 and 0.25 are the same numbers
    exact = {"mse": (0.25, np.nan), "r": (0.87, np.nan)}
    tight = row(exact, setting="markers")
    assert not len(findings(tight.assign(mean_rounding=0.005), variance_slack=0.0))


def test_the_bound_moves_with_the_variance_of_the_phenotypes():
    half = row(GOOD | {"mse": (0.4, 0.04)})
    assert "mse_given_r" in set(findings(half)["rule"])
    assert "mse_given_r" not in set(findings(half, variance=0.5)["rule"])


def test_normal_dcor_has_its_limits_and_agrees_with_samples():
    assert normal_dcor([0.0, 1.0]) == pytest.approx([0, 1], abs=1e-7)
    assert normal_dcor([1e-4])[0] / 1e-4 == pytest.approx(0.8907, abs=1e-3)
    rng = np.random.default_rng(1)
    x, e = rng.normal(size=(2, 2000))
    for rho in (0.3, -0.7):
        sample = dcor(x, rho * x + np.sqrt(1 - rho**2) * e)
        assert sample == pytest.approx(normal_dcor(rho), abs=0.03)


def simulate(rho, seed, n_samples=600, n_repeats=10):
    """Scores of a calibrated predictor, in stratified folds of several repeats."""
    rng = np.random.default_rng(seed)
    ids = [f"a{i:03d}" for i in range(n_samples)]
    y = pd.Series(rng.normal(size=n_samples), ids)
    y = (y - y.mean()) / y.std(ddof=0)
    p = rho**2 * y + rho * np.sqrt(1 - rho**2) * rng.normal(size=n_samples)
    folds = make_folds(y.to_frame("y"), "stratified", n_repeats, 5, 0, seed, "herd")
    test = folds[folds["role"] == "test"]
    rows = []
    for (repeat, fold), part in test.groupby(["repeat", "fold"]):
        ids = part["sample_id"]
        place = ("herd", "markers", f"m{seed}", repeat, fold, "t")
        rows += [(*place, m, v) for m, v in agreement(y[ids], p[ids]).items()]
    columns = ["dataset", "setting", "method", "repeat", "fold", "trait"]
    return pd.DataFrame(rows, columns=[*columns, "metric", "value"])


def test_consistent_results_are_clean():
    scores = [simulate(rho, seed) for seed, rho in enumerate([0.1, 0.4, 0.7, 0.9])]
    results = lintable(pd.concat(scores))
    counts = count_findings(lint_results(results, SIZES)).set_index("rule")
    assert counts["findings"].sum() == 0
    assert counts.loc[["mse_given_r", "dcor_given_r"], "checked"].tolist() == [4, 4]
    assert counts.loc["sampling_sd", "checked"] == 8


def test_an_sd_between_repeats_is_told_from_one_between_runs():
    scores = simulate(0.5, 9)
    by = ["dataset", "setting", "method", "repeat", "trait", "metric"]
    repeats = scores.groupby(by, as_index=False)["value"].mean()
    results = lintable(scores)
    r = results["metric"] == "r"
    results.loc[r, "sd"] = repeats.loc[repeats["metric"] == "r", "value"].std()
    found = lint_results(results, SIZES).query("fails")
    assert found[["rule", "metric"]].to_numpy().tolist() == [["sampling_sd", "r"]]


def test_constant_predictions_are_left_out():
    scores = simulate(0.5, 2, n_repeats=1)
    constant = scores.assign(method="mean")
    constant.loc[constant["metric"] == "r", "value"] = np.nan
    assert set(lintable(pd.concat([scores, constant]))["method"]) == {"m2"}


def test_reported_values_are_flagged(root):
    folder = root / "workflow/resources"
    sizes = pd.read_csv(folder / "reported_sizes.csv", comment="#")
    checks = lint_results(read_results(folder / "reported.csv"), sizes)
    counts = count_findings(checks).set_index("rule")
    assert counts["findings"].to_dict() == {
        "range": 0,
        "largest_sd": 0,
        "mse_given_r": 90,
        "dcor_given_r": 90,
        "selected": 0,
        "parts": 3,
        "sampling_sd": 93,
        "alike": 2,
        "alike_counts": 20,
    }
    parts = checks[checks["fails"] & (checks["rule"] == "parts")]
    assert sorted(parts["value"]) == [132, 151, 195]


@pytest.fixture
def command(root):
    path = root / "scripts/lint_results.py"
    spec = importlib.util.spec_from_file_location("lint_results", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_the_command_reads_any_csv(command, tmp_path, capsys):
    path, out = tmp_path / "results.csv", tmp_path / "findings.csv"
    text = "# mine\n" + row(GOOD).to_csv(index=False)
    path.write_text(text)
    assert command([str(path)]) == 0
    assert "Could not be reconciled" not in capsys.readouterr().out
    path.write_text(text.replace("mse,0.76", "mse,0.16"))
    assert command([str(path), "--out", str(out)]) == 1
    assert "Could not be reconciled" in capsys.readouterr().out
    assert pd.read_csv(out)["rule"].tolist() == ["mse_given_r"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset,trait\nherd,t\n", "no column 'setting'"),
        (
            ",".join([*KEYS, "metric", "mean"]) + "\nherd,t,markers,brr,r,high\n",
            "'high' in column 'mean' is no number",
        ),
    ],
)
def test_other_files_are_refused(command, tmp_path, text, message):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_results(path)
    with pytest.raises(SystemExit, match="lint_results: "):
        command([str(path)])
