"""Variants of a method: same draws, own scores; tables and figures of ablations."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.labels import method_label, rule_label
from grvsnn.report.figures.ablation import plot_ablation
from grvsnn.report.figures.curves import CURVE, additive_line, plot_curves, top_loci
from grvsnn.report.figures.style import look
from grvsnn.report.tables.ablation import ablation_table
from grvsnn.report.tables.pedigree import pedigree_table
from grvsnn.report.tables.selection import selection_table
from grvsnn.report.tables.unchanged import unchanged_runs
from grvsnn.scoring.ablation import METRICS, ablation_scores, epoch_scores
from grvsnn.scoring.comparisons import improvement
from grvsnn.scoring.variants import compare_with_base
from toy_tasks import change, make_population, make_tasks

from tests.shipped import load_method

SETTINGS = ["markers", "markers_pedigree"]
VARIANT = {"grvsnn-sigmoid": {"gate": "sigmoid"}}


def make_scores(methods, means, settings=SETTINGS):
    """Long scores of two traits and five runs; `means` by metric, plus small noise."""
    keys = {
        "dataset": ["mouse"],
        "setting": settings,
        "method": methods,
        "repeat": [1],
        "fold": [1, 2, 3, 4, 5],
        "trait": ["bmi", "fat"],
        "metric": list(means),
    }
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    noise = np.random.default_rng(0).normal(0, 0.001, len(table))
    table["value"] = table["metric"].map(means) + noise
    return table


def make_fits(methods, best_epochs, settings=SETTINGS):
    return [
        {
            "dataset": "mouse",
            "setting": setting,
            "method": method,
            "repeat": 1,
            "folds": [
                {"fold": fold, "best_epoch": [best, best + 2], "epochs": [best + 25]}
                for fold in range(1, 6)
            ],
        }
        for setting in settings
        for method, best in zip(methods, best_epochs, strict=True)
    ]


@pytest.fixture
def ablation():
    means = {"mse": 0.8, "r": 0.4, "n_selected": 50.0}
    scores = make_scores(["gblup", "grvsnn"], means)
    variants = make_scores(["grvsnn-sigmoid"], means | {"r": 0.3})
    fits = make_fits(["grvsnn", "grvsnn-sigmoid"], [70, 84])
    return ablation_scores(scores, variants, fits)


def test_variants_draw_what_their_method_draws():
    rng = np.random.default_rng(0)
    base = make_tasks(*make_population(rng), method="grvsnn")[0]
    variant = change(base, method="grvsnn-sigmoid")
    assert variant.seed_for("member", 0) == base.seed_for("member", 0)
    assert change(base, method="gblup").seed_for() != base.seed_for()
    assert load_method("grvsnn-sigmoid") is load_method("grvsnn")


def test_variants_are_labelled_and_look_like_their_method():
    assert method_label("grvsnn-sigmoid") == "GRVSNN, sigmoid"
    assert method_label("grvsnn_plus-one_scale") == "GRVSNN+, one scale"
    assert look("grvsnn-sigmoid") == look("grvsnn")
    assert rule_label("bayescpi", "pip") == "PIP ≥ 0.5"
    assert rule_label("lassonet", "own") == "kept by the path"


def test_epochs_are_means_over_members_and_equal_for_all_traits():
    scores = epoch_scores(make_fits(["grvsnn"], [70]), ["bmi", "fat"])
    best = scores[scores["metric"] == "best_epoch"]
    assert (best["value"] == 71).all()
    assert (scores.loc[scores["metric"] == "epochs", "value"] == 95).all()
    assert len(best) == 2 * 5 * 2
    silent = [{**make_fits(["gblup"], [1])[0], "folds": [{"fold": 1}]}]
    assert epoch_scores(silent, ["bmi"]).empty


def test_only_bases_of_variants_are_joined(ablation):
    assert set(ablation["method"]) == {"grvsnn", "grvsnn-sigmoid"}
    tests = compare_with_base(ablation, METRICS)
    assert set(tests["reference"]) == {"grvsnn"}
    assert set(tests["method"]) == {"grvsnn-sigmoid"}
    r = tests[tests["metric"] == "r"]
    np.testing.assert_allclose(r["difference"], -0.1, atol=0.005)
    epochs = tests[tests["metric"] == "best_epoch"]
    assert (epochs["difference"] == 14).all()


def test_ablation_table_marks_what_differs(ablation):
    table = ablation_table(ablation, VARIANT)
    assert table.cells.shape == (4, 8)
    assert "GRVSNN, sigmoid: gate = sigmoid" in table.note
    rows = [key[1] for key in table.cells.index]
    assert rows == ["GRVSNN", "GRVSNN, sigmoid"] * 2
    titles = table.column_titles[:4]
    assert titles == ["Epochs to best", "MSE", "r", "# features selected"]
    assert table.cells.iloc[0, 0] == "71 ± 0"
    assert table.best.iloc[1].tolist()[:4] == [True, False, True, False]
    assert not table.best.iloc[0].any()
    numbers = table.numbers[table.numbers["metric"] == "r"]
    assert numbers["difference"].notna().sum() == 4


def test_improvement_is_above_zero_where_the_second_is_better():
    assert improvement(0.2, 0.1, "mse") == pytest.approx(50)
    assert improvement(0.2, 0.3, "mse") == pytest.approx(-50)
    assert improvement(0.5, 0.6, "r") == pytest.approx(20)
    assert np.isnan(improvement(-0.1, 0.2, "r"))


def test_pedigree_table_holds_settings_against_each_other():
    before = make_scores(["gblup", "grvsnn"], {"mse": 1.0, "r": 0.4}, ["markers"])
    after = make_scores(["gblup", "grvsnn"], {"mse": 0.9, "r": 0.5}, [SETTINGS[1]])
    other = before.assign(dataset="pig", value=9.0)
    table = pedigree_table(pd.concat([before, after, other]), "mouse")
    numbers = table.numbers.set_index("metric")["improvement_percent"]
    np.testing.assert_allclose(numbers["mse"], 10, atol=0.5)
    np.testing.assert_allclose(numbers["r"], 25, atol=1)
    assert table.cells.shape == (4, 9)
    assert table.best.iloc[0].tolist() == [False, False, True, True] * 2 + [False]
    assert (table.cells["Runs", "Unchanged"] == "0 of 5").all()
    assert (table.numbers["n_runs"] == 5).all()


def make_unchanged():
    """Runs and fits of two settings: weight 0 in folds 1 to 4 of bmi, in all of fat."""
    methods = ["mean", "gblup", "grvsnn", "grvsnn_plus"]
    before = make_scores(methods, {"mse": 1.0, "r": 0.4}, ["markers"])
    before.loc[(before["method"] == "mean") & (before["metric"] == "r"), "value"] = (
        np.nan
    )
    after = before.assign(setting=SETTINGS[1])
    weighed = (after["method"] == "grvsnn_plus") & (after["trait"] == "bmi")
    changed = weighed & (after["fold"] == 5)
    changed |= after["method"].eq("gblup") & after["trait"].eq("fat")
    after.loc[changed, "value"] += 0.1
    # the end of an iteration, below what counts as a change
    after.loc[after["method"] == "gblup", "value"] += 1e-8
    fits = []
    for setting in SETTINGS:
        loadings = {"loadings": 0.0} if setting == SETTINGS[1] else {}
        some = {name: value + 0.1 for name, value in loadings.items()}
        traits = {
            "bmi": {"shares": {"markers": 0.3, **loadings}},
            "fat": {"shares": {"markers": 0.3, **some}},
        }
        plus = {"traits": ["fat", "bmi"], "layers": {k: traits["fat"] for k in traits}}
        for method in ("gblup", "grvsnn_plus"):
            folds = []
            for fold in range(1, 6):
                facts = {"traits": traits}
                if method == "grvsnn_plus":
                    weights = [[0.0, 1.0], [0.2 * (fold == 5), 0.8]]
                    facts = plus | {"weights": weights}
                folds.append({"fold": fold, **facts})
            names = {"dataset": "mouse", "setting": setting, "method": method}
            fits.append(names | {"repeat": 1, "folds": folds})
    return pd.concat([before, after]), fits


def test_pedigree_table_says_where_nothing_changed_and_why():
    scores, fits = make_unchanged()
    table = pedigree_table(scores, "mouse", fits)
    counts = table.cells["Runs", "Unchanged"]
    assert counts["BMI", "GRVSNN+"] == "4 of 5 (b)"
    assert counts["Fat", "GRVSNN+"] == "5 of 5 (b)"
    assert counts["BMI", "GBLUP"] == "5 of 5 (c)"
    assert counts["Fat", "GBLUP"] == "0 of 5"
    assert counts["BMI", "Training mean"] == "5 of 5 (a)"
    # equal for a reason that its fits do not tell
    assert counts["BMI", "GRVSNN"] == "5 of 5"
    for mark, text in (
        ("a", "the training mean reads no features"),
        ("b", "the mixed model of GRVSNN+, its one part that reads loadings, had"),
        ("c", "the variance of the loadings was estimated as 0"),
    ):
        assert f"({mark}) {text}" in table.note


def test_a_weight_of_0_in_one_setting_only_is_no_reason():
    scores, fits = make_unchanged()
    fits[1]["folds"][0]["weights"][0][0] = 0.5
    table = pedigree_table(scores, "mouse", fits)
    runs = unchanged_runs(scores, fits)
    first = runs.query("method == 'grvsnn_plus' and trait == 'fat' and fold == 1")
    assert first["unchanged"].item() and first["reason"].item() == ""
    assert table.cells["Runs", "Unchanged"]["Fat", "GRVSNN+"] == "5 of 5 (b)"


def test_settings_equal_up_to_rounding_are_printed_as_equal():
    """A method that ignores the loadings, whose fits differ in the last digit."""
    before = make_scores(["grvsnn_plus"], {"mse": 1.0, "r": 0.4}, ["markers"])
    value = before["value"] + 2.0**-52
    assert (value != before["value"]).all()
    after = before.assign(setting="markers_pedigree", value=value)
    table = pedigree_table(pd.concat([before, after]), "mouse")
    shown = table.cells.loc[:, [c for c in table.cells if c[1] in ("Improvement", "p")]]
    assert (shown == ["0.0 %", "1.000"] * 2).all(axis=None)
    assert not table.best.any(axis=None)
    assert (table.numbers["p"] == 1).all()


def make_rules():
    scores = make_scores(
        ["gblup", "bayescpi"], {"n_selected": 8.0, "precision_window": 0.5}
    )
    none = scores.assign(value=0.0, rule="bfdr")
    mine = scores["method"] == "bayescpi"
    raw = scores[mine].assign(method="grvsnn", rule="raw")
    scores = pd.concat([scores.assign(rule="own"), none, raw])
    stability = scores.drop_duplicates(["setting", "method", "trait", "rule"])
    columns = ["dataset", "setting", "method", "trait", "rule"]
    bounds = {"n_runs": 5, "stability": 0.4, "lower": 0.3, "upper": 0.5}
    return scores, stability[columns].assign(**bounds)


def test_selection_table_has_a_row_per_rule_of_selecting_methods():
    table = selection_table(*make_rules(), window="2 cM")
    assert [key[1:] for key in table.cells.index] == [
        ("GRVSNN", "z' ≥ 0.05, the paper's raw rule"),
        ("BayesCπ", "credible interval"),
        ("BayesCπ", "Bayesian FDR 5 %"),
    ] * 2
    titles = ["# features selected", "Stability [95 %]", "Precision"]
    assert table.column_titles == titles * 2
    assert table.cells.iloc[0, 1] == "0.400 [0.300, 0.500]"
    # a rule that selects nothing is the best at nothing
    assert table.best.iloc[1, 2] and not table.best.iloc[2].any()
    assert "2 cM" in table.note


def test_additive_line_weighs_genotypes_by_frequency():
    straight = np.array([-1.0, 0.0, 1.0])
    line = additive_line(straight, np.full(3, 1 / 3))
    np.testing.assert_allclose(line, straight, atol=1e-12)
    # overdominance at p = 1/2 in Hardy-Weinberg proportions has no additive part
    shares = np.array([0.25, 0.5, 0.25])
    np.testing.assert_allclose(
        additive_line(np.array([0.0, 2.0, 0.0]), shares), 1.0, atol=1e-12
    )
    # Falconer: alpha = a + d (q - p)
    p, a, d = 0.3, 1.0, 0.7
    shares = np.array([(1 - p) ** 2, 2 * p * (1 - p), p**2])
    line = additive_line(np.array([-a, d, a]), shares)
    np.testing.assert_allclose(np.diff(line), a + d * (1 - 2 * p))
    gap = additive_line(np.array([0.0, 1.0, np.nan]), np.array([0.9, 0.1, 0.0]))
    np.testing.assert_allclose(gap, [0.0, 1.0, np.nan], atol=1e-12)
    assert np.isnan(additive_line(np.array([0.0, np.nan, np.nan]), shares)).all()


def make_curves(n_markers=5):
    names = [f"m{i}" for i in range(n_markers)]
    keys = {
        "method": ["grvsnn", "grvsnn_plus"],
        "repeat": [1],
        "fold": [1, 2],
        "trait": ["bmi", "fat"],
        "feature": names,
    }
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    table["importance"] = table["feature"].map({n: i for i, n in enumerate(names)})
    for dosage, column in enumerate(CURVE):
        table[column] = 0.1 * dosage**2
    table.loc[table["feature"] == "m4", "curve_2"] = np.nan
    shares = pd.DataFrame([[0.5, 0.3, 0.2]] * n_markers, index=names, columns=CURVE)
    return table, shares


def test_curves_figure_shows_the_top_loci_and_true_qtl(tmp_path):
    features, shares = make_curves()
    assert top_loci(features[features["trait"] == "fat"], 2) == ["m4", "m3"]
    qtl = pd.DataFrame({"trait": ["fat"], "snp": ["m3"]})
    paths = [tmp_path / "curves.svg", tmp_path / "curves.png"]
    plot_curves(features, shares, paths, qtl=qtl, n_loci=8)
    text = paths[0].read_text()
    assert text.count("m3 *") >= 1 and "m0" in text and "GRVSNN+" in text
    assert paths[1].stat().st_size > 0
    plot_curves(features, shares, [tmp_path / "again.svg"], qtl=qtl)
    assert (tmp_path / "again.svg").read_bytes() == paths[0].read_bytes()


def test_ablation_figure_names_metrics_and_variants(ablation, tmp_path):
    plot_ablation(ablation, [tmp_path / "ablation.svg", tmp_path / "ablation.png"])
    text = (tmp_path / "ablation.svg").read_text()
    for name in ("Epochs to best", "GRVSNN, sigmoid", "MSE", "BMI"):
        assert name in text
