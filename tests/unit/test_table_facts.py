"""Tables name who made their numbers, and mark what unconverged chains select."""

import pandas as pd
import pytest
from grvsnn.base.files import write_parquet
from grvsnn.report.tables.comparisons import comparison_table
from grvsnn.report.tables.facts import with_facts
from grvsnn.report.tables.layout import make_table
from grvsnn.report.tables.scores import dcor_table, performance_table
from grvsnn.report.tables.write import write_table
from grvsnn.scoring.comparisons import compare_methods
from grvsnn.scoring.fits import fit_facts

from tests.unit.test_tables import make_scores

GOOD = {"mean": 0.5, "ess": 400.0, "rhat": 1.01}
SLOW = {"mean": 0.5, "ess": 3.0, "rhat": 1.01}
APART = {"mean": 0.5, "ess": 400.0, "rhat": 2.27}
SHORT = {"mean": 0.5, "ess": float("nan"), "rhat": float("nan")}
METHODS = ["mean", "gblup", "brr", "bayescpi", "grvsnn"]


def make_fit(method, chains=(), setting="markers", repeat=1, **backend):
    """One repeat; `chains` has the monitored quantities of each fold, by trait."""
    folds = [{"variances": one, **backend} for one in chains] or [dict(backend)]
    return {
        "dataset": "pig",
        "setting": setting,
        "method": method,
        "repeat": repeat,
        "versions": {"grvsnn": "0.1.0"},
        "folds": [{"fold": i, **fold} for i, fold in enumerate(folds, start=1)],
    }


BGLR = {"backend": "bglr", "version": "1.1.5"}
NATIVE = {"backend": "native", "version": "0.1.0"}


@pytest.fixture
def facts():
    """BRR converges for trait t1; in setting markers, trait t2 does not in one fold."""
    good, bad = {"varE": GOOD, "varB": GOOD}, {"varE": GOOD, "varB": APART}
    fits = [make_fit(name, setting=s) for name in ("gblup", "grvsnn") for s in SETTINGS]
    fits += [
        make_fit("brr", [{"t1": good, "t2": good}, {"t1": good, "t2": bad}], **BGLR),
        make_fit("brr", [{"t1": good, "t2": good}], SETTINGS[1], **BGLR),
    ]
    slow = {"varE": GOOD, "pi": SLOW, "varB": GOOD}
    fits += [
        make_fit("bayescpi", [{"t1": slow, "t2": slow}], setting, **NATIVE)
        for setting in SETTINGS
    ]
    return fit_facts(fits)


SETTINGS = ["markers", "markers_pedigree"]


def test_only_what_decides_on_selection_has_to_converge():
    cases = {
        "converged": ({"varE": SLOW, "varB": GOOD}, 0),
        "one term of two": ({"varE": GOOD, "varB_1": GOOD, "varB_2": APART}, 1),
        "inclusion": ({"varE": GOOD, "pi": SLOW, "varB": GOOD}, 1),
        "too short to tell": ({"varE": GOOD, "lambda": SHORT}, 1),
        "exact": ({"varE": {"mean": 1.0, "sd": 0.1}, "varB": {"mean": 1.0}}, 0),
    }
    for name, (traced, expected) in cases.items():
        frame = fit_facts([make_fit("brr", [{"t1": traced}], **NATIVE)])
        assert frame["n_unconverged"].tolist() == [expected], name


def test_runs_and_backends_of_a_method_are_joined():
    bad = {"t1": {"pi": SLOW}}
    fits = [
        make_fit("bayescpi", [bad, {"t1": {"pi": GOOD}}], repeat=1, **BGLR),
        make_fit("bayescpi", [bad, bad], repeat=2, **NATIVE),
        make_fit("gblup"),
    ]
    frame = fit_facts(fits).set_index("method")
    assert frame.loc["bayescpi", "n_unconverged"] == 3
    assert frame.loc["bayescpi", "backend"] == "bglr 1.1.5; native 0.1.0"
    assert frame.loc["gblup", "backend"] == "grvsnn 0.1.0"


def test_tables_name_the_backend_of_every_row(facts):
    scores = make_scores(methods=METHODS)
    made = {
        "performance": performance_table(scores, "pig"),
        "dcor": dcor_table(scores),
        "comparison": comparison_table(compare_methods(scores), "pig"),
    }
    for name, table in made.items():
        found = with_facts(table, facts)
        by_method = found.numbers.groupby("method")["backend"].unique()
        assert by_method["brr"].tolist() == ["bglr 1.1.5"], name
        assert by_method["bayescpi"].tolist() == ["native 0.1.0"], name
        assert by_method["grvsnn"].tolist() == ["grvsnn 0.1.0"], name
        expected = "Backend: bglr 1.1.5 (BRR), native 0.1.0 (BayesCπ)."
        assert expected in found.note, name
        # nothing else has changed
        pd.testing.assert_frame_equal(
            found.numbers[table.numbers.columns], table.numbers
        )


def test_tables_without_bayesian_methods_have_no_note(facts):
    scores = make_scores(methods=["gblup", "grvsnn"])
    table = performance_table(scores, "pig")
    found = with_facts(table, facts)
    assert found.note == table.note
    assert set(found.numbers["backend"]) == {"grvsnn 0.1.0"}
    plain = make_table(pd.DataFrame({"n": [1]}), [("a",)], ["A"], ["B"], [["1"]])
    assert with_facts(plain, facts) is plain


def test_reported_numbers_have_no_backend(facts):
    numbers = pd.DataFrame(
        {"source": ["Reported", "Ours"], "dataset": "pig", "setting": "markers"}
    ).assign(method="brr")
    cells = [["1"], ["2"]]
    table = make_table(numbers, [("a",), ("b",)], ["A"], ["B"], cells)
    found = with_facts(table, facts)
    assert found.numbers["backend"].tolist() == ["", "bglr 1.1.5"]
    assert found.note == "Backend: bglr 1.1.5 (BRR)."


def test_counts_of_unconverged_chains_are_marked(facts):
    scores = make_scores(methods=METHODS)
    table = performance_table(scores, "pig")
    found = with_facts(table, facts)
    for (trait, model), row in found.cells.iterrows():
        for (setting, metric), text in row.items():
            counted = metric.startswith("# features selected")
            bad = model == "BayesCπ" or (
                (model, trait, setting) == ("BRR", "T2", "Genomic markers")
            )
            assert text.endswith("†") == (counted and bad), (model, trait, metric)
    assert "†: in some runs the chains have not converged" in found.note
    counts = found.numbers.set_index(["metric", "setting", "method", "trait"])
    runs = counts["n_unconverged"]
    assert runs["n_selected", "markers", "brr", "t2"] == 1
    assert runs["n_selected_markers", "markers", "bayescpi", "t1"] == 1
    assert runs["n_selected", "markers", "brr", "t1"] == 0
    assert runs["mse"].isna().all()


def test_the_files_of_a_table_name_backend_and_mark(facts, tmp_path):
    write_parquet(facts, tmp_path / "facts.parquet")
    table = performance_table(make_scores(methods=METHODS), "pig")
    paths = [tmp_path / f"t.{suffix}" for suffix in ("csv", "tex", "html", "md")]
    write_table(table, paths, "Title", "t", tmp_path / "facts.parquet")
    texts = {path.suffix: path.read_text(encoding="utf-8") for path in paths}
    head = texts[".csv"].splitlines()[0].split(",")
    assert head[-2:] == ["backend", "n_unconverged"]
    assert "bglr 1.1.5 (BRR)" in texts[".tex"] and r"$\dagger$" in texts[".tex"]
    for suffix in (".html", ".md"):
        assert "bglr 1.1.5 (BRR)" in texts[suffix] and "†" in texts[suffix]
