import html
import re
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.report.tables import latex, write
from grvsnn.report.tables.comparisons import comparison_table, stability_table
from grvsnn.report.tables.intervals import intervals_table
from grvsnn.report.tables.layout import mean_sd, number
from grvsnn.report.tables.parts import parts_table
from grvsnn.report.tables.runs import (
    convergence_frame,
    convergence_table,
    minutes_table,
)
from grvsnn.report.tables.scores import (
    calibration_table,
    counts_text,
    dcor_table,
    performance_table,
    truth_table,
)
from grvsnn.report.tables.summary import best_of
from grvsnn.report.tables.text import summary_text
from grvsnn.report.tables.write import write_table
from grvsnn.scoring.comparisons import compare_methods
from grvsnn.scoring.fits import runtime_frame
from grvsnn.scoring.interval_coverage import wilson
from grvsnn.scoring.selection import stability_scores

METHODS = ["mean", "gblup", "brr", "grvsnn"]
LABELS = ["GRVSNN", "BRR", "GBLUP", "Training mean"]
SETTINGS = ["markers", "markers_pedigree"]
METRICS = [
    "mse",
    "r",
    "dcor",
    "slope",
    "intercept",
    "spearman",
    "top10",
    "accuracy_genetic",
    "accuracy_breeding",
    "precision_window",
    "recall_window",
    "fdr_window",
]


def make_scores(datasets=("pig",), traits=("t1", "t2"), methods=METHODS, seed=0):
    """Long scores of 2 repeats x 5 folds; r of the training mean is NaN."""
    rng = np.random.default_rng(seed)
    keys = ["dataset", "setting", "method", "trait", "repeat", "fold", "metric"]
    levels = [datasets, SETTINGS, methods, traits, [1, 2], range(1, 6), METRICS]
    table = pd.MultiIndex.from_product(levels, names=keys).to_frame(index=False)
    table["value"] = rng.random(len(table))
    constant = (table["method"] == "mean") & ~table["metric"].isin(["mse", "top10"])
    table.loc[constant, "value"] = np.nan
    counts = table[table["metric"] == "mse"]
    parts = []
    for name in ("markers", "loadings"):
        part = counts.assign(metric=f"n_selected_{name}")
        part["value"] = rng.integers(0, 60, len(part)).astype(float)
        parts.append(part)
    total = parts[0].assign(metric="n_selected")
    total["value"] = parts[0]["value"].to_numpy() + parts[1]["value"].to_numpy()
    return pd.concat([table, *parts, total], ignore_index=True)


class Cells(HTMLParser):
    """Rows of a page as lists of (text, is bold), with rowspans counted."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.open, self.bold, self.spans = [], None, False, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.open = ["", False]
            self.spans.append(int(dict(attrs).get("rowspan", 1)))
        elif tag == "b" and self.open:
            self.open[1] = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(tuple(self.open))
            self.open = None

    def handle_data(self, data):
        if self.open:
            self.open[0] += data


def test_performance_cells_are_the_means_and_sds():
    scores = make_scores()
    table = performance_table(scores, "pig")
    runs = scores.query(
        "setting == 'markers' and method == 'brr' and trait == 't2' and metric == 'r'"
    )["value"]
    cell = table.cells.loc[("T2", "BRR"), ("Genomic markers", "r")]
    assert cell == f"{runs.mean():.3f} ± {runs.std(ddof=1):.3f}"
    row = table.numbers.query(
        "setting == 'markers' and method == 'brr' and trait == 't2' and metric == 'r'"
    ).iloc[0]
    assert (row["mean"], row["sd"], row["n"]) == (runs.mean(), runs.std(ddof=1), 10)
    assert "10 runs (2 repeats of 5-fold cross-validation)" in table.note


def test_bold_is_the_lowest_mse_and_highest_r_of_each_trait_and_setting():
    scores = make_scores()
    table = performance_table(scores, "pig")
    for (setting, metric), flags in table.best.items():
        column = table.cells[setting, metric]
        for trait in ("T1", "T2"):
            if not metric.startswith(("MSE", "r")):
                assert not flags[trait].any()
                continue
            column_of = column[trait]
            means = column_of[column_of != "–"].map(lambda text: float(text.split()[0]))
            best = means.idxmin() if metric == "MSE" else means.idxmax()
            assert flags[trait].idxmax() == best
            assert flags[trait].sum() == 1


def test_methods_come_in_display_order_and_gaps_are_marked():
    table = performance_table(make_scores(), "pig")
    assert list(table.cells.loc["T1"].index) == LABELS
    mean = table.cells.loc[("T1", "Training mean")]
    assert mean["Genomic markers", "r"] == "–"
    assert mean["Genomic markers", "# features selected"] == "–"
    assert mean["Genomic markers", "MSE"] != "–"


def test_a_missing_method_leaves_gaps_not_an_error():
    scores = make_scores()
    lost = (scores["method"] == "grvsnn") & (scores["setting"] == "markers")
    table = performance_table(scores[~lost], "pig")
    row = table.cells.loc[("T1", "GRVSNN")]
    assert (row["Genomic markers"] == "–").all()
    assert (row["Genomic markers and pedigree loadings"] != "–").all()


def test_printed_counts_add_up():
    table = performance_table(make_scores(seed=3), "pig")
    joint = "Genomic markers and pedigree loadings"
    for text in table.cells[joint, "# features selected (markers/loadings)"]:
        if text != "–":
            total, markers, loadings = map(float, re.findall(r"[\d.]+", text))
            assert total == pytest.approx(markers + loadings)
    assert counts_text(55.5 + 42.5, 55.5, 42.5, parts=True) == "98 (56/42)"
    assert counts_text(0.5, 0.2, 0.3, parts=True) == "0.5 (0.2/0.3)"
    assert counts_text(127.4, 127.4, 0, parts=False) == "127"


def make_incomplete():
    """Scores in which GRVSNN has r in one run of trait 1 only, and is ahead there."""
    scores = make_scores()
    r = (scores["method"] == "grvsnn") & (scores["metric"] == "r")
    r &= (scores["trait"] == "t1") & (scores["setting"] == "markers")
    last = (scores["repeat"] == 2) & (scores["fold"] == 5)
    scores.loc[r, "value"] = np.where(last[r], 0.999, np.nan)
    return scores


def test_a_mean_of_fewer_runs_is_marked_and_never_the_best():
    scores = make_incomplete()
    table = performance_table(scores, "pig")
    column = ("Genomic markers", "r")
    assert table.cells.loc[("T1", "GRVSNN"), column] == "0.999 (n = 1)"
    assert table.best.loc["T1", column].sum() == 1
    assert not table.best.loc[("T1", "GRVSNN"), column]
    assert "(n = …)" in table.note
    assert sum("(n =" in text for text in table.cells.to_numpy().ravel()) == 1
    dcor = scores.assign(metric=scores["metric"].replace({"r": "dcor", "dcor": "x"}))
    table = dcor_table(dcor)
    row = ("Pig", "Genomic markers", "T1")
    assert table.cells.loc[row, "GRVSNN"] == "0.999 (n = 1)"
    assert table.best.loc[row].sum() == 1 and not table.best.loc[row, "GRVSNN"]
    assert "(n = …)" not in performance_table(make_scores(), "pig").note


def test_the_terminal_never_stars_a_mean_of_fewer_runs():
    text = summary_text(make_incomplete())
    (line,) = [x for x in text.splitlines() if x.startswith("GRVSNN")]
    assert re.search(r"0\.999 \(n = 1\)", line) and "0.999*" not in line
    # one star a column, and one in the heading
    assert text.count("*") == 2 * 2 + 1
    lines = text.splitlines()
    assert lines[1].startswith("(n = …)") and lines[2].startswith("–: not defined")


def test_tests_over_fewer_runs_are_marked_and_not_bold():
    scores = make_incomplete()
    hit = (scores["method"] == "grvsnn") & (scores["metric"] == "r")
    scores.loc[hit & (scores["fold"] == 1), "value"] = 9.0 + scores["repeat"] / 100
    comparisons = compare_methods(scores)
    places = comparisons.set_index(["setting", "trait", "metric", "method"])
    assert places.loc[("markers", "t1", "r", "grvsnn"), "n"] == 3
    table = comparison_table(comparisons, "pig")
    cell = ("T1", "GRVSNN"), ("Genomic markers", "Δ r [95 %]")
    assert table.cells.loc[cell].endswith(" (n = 3)")
    assert not table.best.loc[cell]
    assert "(n = …)" in table.note


def test_methods_that_differ_by_rounding_are_both_the_best():
    assert best_of({"a": 0.1 + 0.2, "b": 0.3, "c": 0.29}, "r") == {"a", "b"}


def test_best_follows_the_direction_of_the_metric():
    means = {"a": 0.7, "b": 1.2, "c": -0.1, "d": float("nan")}
    assert best_of(means, "mse") == {"c"}
    assert best_of(means, "r") == {"b"}
    assert best_of(means, "slope") == {"b"}
    assert best_of(means, "intercept") == {"c"}
    assert best_of(means, "n_selected") == set()
    assert best_of({"a": 0.5, "b": 0.5}, "r") == {"a", "b"}


def test_dcor_table_has_a_row_per_dataset_setting_and_trait():
    table = dcor_table(make_scores(datasets=("pig", "mouse")))
    assert table.cells.shape == (8, 5)
    assert list(table.cells.columns) == [*LABELS, "Chance level"]
    assert list(table.cells.index[0]) == ["Mouse", "Genomic markers", "T1"]
    assert (table.best.sum(axis=1) == 1).all()


def test_dcor_table_prints_the_chance_level_of_each_row():
    scores = make_scores(datasets=("pig", "mouse"))
    chance = scores[scores["metric"] == "dcor"].assign(metric="dcor_chance")
    chance["value"] = np.where(chance["dataset"] == "pig", 0.07, 0.095)
    table = dcor_table(pd.concat([scores, chance]))
    levels = table.cells["Chance level"]
    assert set(levels["Pig"]) == {"0.070"} and set(levels["Mouse"]) == {"0.095"}
    assert not table.best["Chance level"].any()
    assert (table.numbers["metric"] == "dcor_chance").any()


def test_numbers_print_with_true_minus_and_without_minus_zero():
    assert number(-0.0001) == "0.000"
    assert number(-1.5, 1) == "−1.5"
    assert mean_sd(0.25, float("nan")) == "0.250"
    assert mean_sd(float("nan"), 0.1) == "–"


@cache
def every_table():
    scores = make_scores(datasets=("pig", "mouse"))
    fits = make_fits()
    features = pd.DataFrame(
        {
            "dataset": "pig",
            "setting": "markers",
            "method": "brr",
            "repeat": 1,
            "fold": np.repeat([1, 2, 3], 4),
            "trait": "t1",
            "feature": ["a", "b", "c", "d"] * 3,
            "selected": [True, False] * 6,
        }
    )
    return {
        "performance": performance_table(scores, "pig"),
        "calibration": calibration_table(scores, "pig"),
        "truth": truth_table(scores, "pig", window="2 cM"),
        "dcor": dcor_table(scores),
        "minutes": minutes_table(runtime_frame(fits)),
        "convergence": convergence_table(fits),
        "no convergence": convergence_table([]),
        "comparison": comparison_table(compare_methods(scores), "pig"),
        "no comparison": comparison_table(
            compare_methods(scores.query("method == 'brr'")), "pig"
        ),
        "stability": stability_table(stability_scores(features)),
        "parts": parts_table(make_plus_fits()),
        "no parts": parts_table([]),
        "intervals": intervals_table(make_intervals(), "pig"),
        "no intervals": intervals_table(scores, "pig"),
    }


def test_binary_traits_add_a_column_of_auc():
    scores = make_scores(datasets=("pig", "mouse"))
    auc = scores.query("dataset == 'mouse' and metric == 'r'").assign(metric="auc")
    both = pd.concat([scores, auc])
    plain, table = (calibration_table(both, name) for name in ("pig", "mouse"))
    assert "AUC" not in str(plain.cells.columns) and "AUC" not in plain.note
    assert "AUC" in str(table.cells.columns.tolist()) and "0.5 by chance" in table.note


def make_intervals():
    """Scores of two methods with intervals and one without; 80 animals a fold."""
    scores = make_scores().query("method != 'gblup'")
    first = scores[scores["metric"] == "mse"]
    parts = [scores, first.assign(metric="n_observed", value=80.0)]
    having = first[first["method"] != "mean"]
    share = np.where(having["fold"] == 1, 0.8, 0.95)
    parts += [
        having.assign(metric="coverage", value=share),
        having.assign(metric="interval_width", value=3.0 + 0.1 * having["fold"]),
    ]
    return pd.concat(parts, ignore_index=True)


def make_fits():
    def chain():
        return {"residual": {"mean": 0.5, "ess": 420.0, "rhat": 1.004}}

    return [
        {
            "dataset": "pig",
            "setting": "markers",
            "method": method,
            "repeat": repeat,
            "seconds": 60.0 * repeat,
            "n_threads": 2,
            "peak_memory_mb": 300.0 + repeat,
            "folds": [
                {"fold": fold, "backend": "native"}
                | ({"variances": {"t1": chain()}} if method == "brr" else {})
                for fold in (1, 2)
            ],
        }
        for method in ("gblup", "brr")
        for repeat in (1, 2)
    ]


def make_plus_fits():
    """Facts of grvsnn_plus over three folds; the second trait is that of one part."""
    shares = {"markers": 0.2, "relatives": 0.1}
    more = {"markers": [], "markers_pedigree": ["loadings"]}
    return [
        {
            "dataset": "pig",
            "setting": setting,
            "method": "grvsnn_plus",
            "repeat": 1,
            "folds": [
                {
                    "fold": fold,
                    "traits": ["t2", "t1"],
                    "parts": ["reml", "additive 0.01", "additive + dominance 0.03"],
                    "weights": [[0.0, 1.0, 0.0], [0.5 * (fold > 1), 0.1 * fold, 0.2]],
                    # kernels stand by trait, in an order of their own
                    "layers": {
                        trait: {"shares": {**shares, **dict.fromkeys(more[setting], 0)}}
                        for trait in ("t1", "t2")
                    },
                }
                for fold in (1, 2, 3)
            ],
        }
        for setting in SETTINGS
    ]


TABLES = [
    "performance",
    "calibration",
    "truth",
    "dcor",
    "minutes",
    "convergence",
    "no convergence",
    "comparison",
    "no comparison",
    "stability",
    "parts",
    "no parts",
    "intervals",
    "no intervals",
]


@pytest.mark.parametrize("name", TABLES)
def test_the_three_files_agree(name, tmp_path):
    table = every_table()[name]
    paths = [tmp_path / f"t{suffix}" for suffix in (".csv", ".tex", ".html")]
    write_table(table, paths, "A caption", "tab:x")
    csv, tex, page = (path.read_text(encoding="utf-8") for path in paths)

    again = pd.read_csv(paths[0])
    assert list(again) == list(table.numbers)
    assert len(again) == len(table.numbers)
    if "mean" in again:
        np.testing.assert_array_equal(again["mean"], table.numbers["mean"])

    body = [line for line in tex.splitlines() if line.endswith(r"\\")]
    columns = len(table.headings) + table.cells.shape[1]
    heads = 1 + bool(table.spans())
    assert len(body) == len(table.cells) + heads
    widths = {len(re.split(r"(?<!\\)&", line)) for line in body[heads - 1 :]}
    assert widths == {columns}
    assert tex.count("{") == tex.count("}")
    assert tex.count(r"\textbf") == int(table.best.to_numpy().sum())

    parsed = Cells(page)
    drawn = parsed.rows[heads:]
    shown = [row[-table.cells.shape[1] :] for row in drawn]
    texts = [[text for text, _ in row] for row in shown]
    bold = [[flag for _, flag in row] for row in shown]
    assert texts == table.cells.to_numpy().tolist()
    assert bold == table.best.to_numpy().tolist()
    assert "prefers-color-scheme: dark" in page
    assert "<script" not in page
    assert csv.endswith("\n")


def test_row_headings_span_all_rows():
    page = Cells(write.html.render(every_table()["dcor"], "x"))
    body = page.spans[3 + 5 :]
    heads = 3
    rows = len(page.rows) - 1
    cells = sum(size for size in body)
    assert cells == rows * (heads + 5)


HOSTILE = r"a&b_50%<i>#1$~^\{x}"


def test_latex_and_html_escape_names(tmp_path):
    scores = make_scores(traits=(HOSTILE,), methods=["brr", HOSTILE])
    scores["dataset"] = HOSTILE
    table = dcor_table(scores)
    paths = [tmp_path / "t.tex", tmp_path / "t.html"]
    write_table(table, paths, HOSTILE)
    tex, page = (path.read_text(encoding="utf-8") for path in paths)
    assert "<i>" not in page
    assert html.escape("a&b_50%<i>") in page
    parsed = Cells(page)
    assert HOSTILE in [text for text, _ in parsed.rows[0]]
    for line in tex.splitlines()[2:]:
        plain = re.sub(r"\\[&%$#_{}\\]|\$[<>]\$", "", line)
        assert not re.search(r"[#%~^<>]", plain)


def test_latex_escapes_by_hand():
    assert latex.escape("5 % & a_b < 1 ± −2 π") == (
        r"5 \% \& a\_b $<$ 1 $\pm$ $-$2 $\pi$"
    )
    assert latex.escape("\\{") == r"\textbackslash{}\{"


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.csv, \.tex, \.html or \.md"):
        write_table(every_table()["dcor"], [tmp_path / "t.docx"], "x")


def test_minutes_are_per_cross_validation():
    table = every_table()["minutes"]
    # 60 s and 120 s for the two repeats
    assert table.cells.loc[("Pig", "Genomic markers"), "GBLUP"] == "1.50 ± 0.71"
    assert table.numbers["peak_memory_mb"].tolist() == [302.0, 302.0]
    single = runtime_frame(make_fits()[:1])
    assert minutes_table(single).cells.iloc[0, 0] == "1.00"
    quick = minutes_table(single.assign(minutes=1e-4))
    assert quick.cells.iloc[0, 0] == "< 0.01"


def test_convergence_takes_the_worst_and_passes_over_methods_without_it():
    fits = make_fits()
    fits[3]["folds"][1]["variances"]["t1"]["residual"] = {"ess": 90.0, "rhat": 1.2}
    # reported without R-hat: one chain too short to split
    fits[2]["folds"][0]["variances"]["t2"] = {"residual": {"ess": 500.0}}
    frame = convergence_frame(fits)
    assert set(frame["method"]) == {"brr"}
    assert set(frame["quantity"]) == {"variances/t1/residual", "variances/t2/residual"}
    row = convergence_table(fits).cells.loc[("Pig", "Genomic markers", "BRR")]
    assert row.tolist() == ["5", "90", "420", "1.200"]


def test_intervals_count_the_animals_of_one_repeat():
    table = intervals_table(make_intervals(), "pig")
    assert list(table.cells.index.get_level_values("Model").unique()) == [
        "GRVSNN",
        "BRR",
    ]
    row = table.numbers.iloc[0]
    # five folds of 80 animals, twice; 0.8 of one fold and 0.95 of the others
    assert row["n_animals"] == 400
    assert row["n_runs"] == 10
    assert row["coverage"] == pytest.approx(0.92)
    assert (row["lower"], row["upper"]) == pytest.approx(wilson(0.92, 400))
    assert table.cells.iloc[0, 0] == "0.920 ± 0.063"
    assert table.cells.iloc[0, 1] == "0.920 [0.889, 0.943]"
    assert table.cells.iloc[0, 2] == "3.300 ± 0.149"


def test_infinite_intervals_are_printed_as_such():
    scores = make_intervals()
    scores.loc[scores["metric"] == "interval_width", "value"] = np.inf
    assert intervals_table(scores, "pig").cells.iloc[0, 2] == "∞"


def test_comparison_marks_the_reference_and_significance():
    scores = make_scores()
    hit = (scores["method"] == "grvsnn") & (scores["metric"] == "r")
    scores.loc[hit, "value"] += 5.0
    table = comparison_table(compare_methods(scores), "pig")
    column = ("Genomic markers", "Δ r [95 %]")
    assert table.cells.loc[("T1", "GRVSNN"), column] == "reference"
    assert table.cells.loc[("T1", "BRR"), column].startswith("−")
    assert table.cells.loc[("T1", "BRR"), ("Genomic markers", "p (Holm)")] == "< 0.001"
    assert table.best.loc[("T1", "BRR"), column]
    assert not table.best.loc[("T1", "GRVSNN")].any()


def test_summary_text_prints_every_mean_and_stars_the_best():
    scores = make_scores(datasets=("pig", "mouse"))
    text = summary_text(scores)
    means = scores.query("metric == 'r'").groupby(
        ["dataset", "setting", "method", "trait"]
    )["value"]
    assert text.count("*") == 2 * 2 * 2 + 1
    for value in means.mean().dropna():
        assert f"{value:.3f}" in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 88
    grvsnn = next(line for line in lines if line.startswith("GRVSNN"))
    assert len(re.findall(r"\d\.\d{3}", grvsnn)) == 4


def test_summary_text_stacks_settings_where_traits_are_many():
    traits = [f"trait_{i}" for i in range(6)]
    text = summary_text(make_scores(traits=traits))
    assert max(map(len, text.splitlines())) <= 88
    assert text.count("GRVSNN") == 2


def test_parts_are_mean_weights_and_shares_and_count_the_zeros():
    table = parts_table(make_plus_fits())
    assert list(table.cells.loc["T1"].index) == [
        "Mixed model (REML)",
        "Its kernel of markers",
        "Its kernel of loadings",
        "Its kernel of relatives",
        "Its residual",
        "Trained, additive 0.01",
        "Trained, additive + dominance 0.03",
    ]
    alone, both = "Genomic markers", "Genomic markers and pedigree loadings"
    rows = table.cells
    # weights 0, 0.5, 0.5; by the names of the traits, not by their order
    mixed = rows.loc[("T1", "Mixed model (REML)"), alone]
    assert mixed.tolist() == ["0.333 ± 0.289", "–", "1 of 3"]
    assert rows.loc[("T2", "Mixed model (REML)"), (alone, "Runs at 0")] == "3 of 3"
    assert rows.loc[("T1", "Trained, additive 0.01"), (both, "Weight")] == (
        "0.200 ± 0.100"
    )
    loadings = rows.loc[("T1", "Its kernel of loadings")]
    assert loadings[alone].tolist() == ["–"] * 3
    assert loadings[both].tolist() == ["–", "0.000 ± 0.000", "3 of 3"]
    residual = rows.loc[("T1", "Its residual"), (alone, "Variance share")]
    assert residual == "0.700 ± 0.000"
    shares = table.numbers.query("quantity == 'variance share'")
    sums = shares.groupby(["setting", "trait"])["mean"].sum()
    np.testing.assert_allclose(sums, 1)


def test_fits_that_do_not_name_their_parts_are_refused():
    fits = make_plus_fits()
    del fits[1]["folds"][0]["parts"]
    with pytest.raises(InputError, match="markers_pedigree/grvsnn_plus/1: fits"):
        parts_table(fits)


def test_the_best_is_said_to_be_chosen_on_the_same_runs():
    scores = make_scores()
    assert "chosen on these same runs" in summary_text(scores).splitlines()[0]
    note = comparison_table(compare_methods(scores), "pig").note
    assert "chosen on these same runs" in note
