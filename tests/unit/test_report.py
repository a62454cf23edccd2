"""The report: complete, self-contained, true to its config, and sound in a browser."""

import re
from base64 import b64decode
from html import unescape

import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.errors import InputError
from grvsnn.report.catalogue import RESULTS, find_entries
from grvsnn.report.facts import (
    Data,
    bayes_sentences,
    data_table,
    protocol_sentence,
    read_data,
    software_table,
)
from grvsnn.report.figures.style import new_figure, save_figure
from grvsnn.report.images import embed_image
from grvsnn.report.page import Run, render_report
from grvsnn.report.tables.html import read_figure
from grvsnn.report.tables.layout import make_table
from grvsnn.report.tables.write import write_table
from grvsnn.report.verdicts import best_table, read_guards
from grvsnn.scoring.comparisons import compare_methods

from tests.browser import demand_sound, open_page
from tests.unit.test_tables import make_scores

METHODS = ["gblup", "brr", "grvsnn"]
VERSIONS = {"grvsnn": "0.1.0", "numpy": "2.4.6"}
DATA = [
    Data("mouse", 1814, 10346, 169, {"t1": 1700, "t2": 1650}),
    Data("embedded", 600, 2000, None, {"t1": 600, "t2": 600}),
]


def make_fit(method, dataset="mouse", **versions):
    backend = {"backend": "bglr", "version": "1.1.4"} if method == "brr" else {}
    return {
        "dataset": dataset,
        "method": method,
        "params": {"n_iter": 77, "burn_in": 11, "thin": 2, "n_chains": 1},
        "folds": [backend],
        "versions": VERSIONS | versions,
    }


def write_results(folder):
    """A few tables and figures, among them one that no catalogue lists."""
    table = make_table(
        pd.DataFrame({"method": METHODS, "value": [1.0, 2.0, 3.0]}),
        rows=[("Trait 1", name) for name in METHODS],
        headings=["Trait", "Model"],
        columns=[("Markers", f"Long heading {i}") for i in range(12)],
        cells=[["0.123 ± 0.045"] * 12] * 3,
        note="What it is, with <angles> & an ampersand.",
    )
    figure = new_figure(12, 3)
    figure.subplots(1, 4)[0].plot([0, 1], [0, 1])
    stems = [f"{d.dataset}/tables/{n}" for d in DATA for n in ("performance", "novel")]
    for stem in [*stems, "summary/tables/dcor"]:
        paths = [folder / f"{stem}.{suffix}" for suffix in ("csv", "tex", "html")]
        write_table(table, paths, f"Title of {stem}")
    for stem in ("mouse/figures/accuracy", "embedded/figures/accuracy_breeding"):
        paths = [folder / f"{stem}.{suffix}" for suffix in ("png", "svg")]
        save_figure(figure, paths)
    return sorted(folder.rglob("*.*"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def captions(root):
    return {path.stem: path for path in (root / "workflow/report").glob("*.rst")}


@pytest.fixture(scope="module")
def render(root, results, captions):
    """Render the page of a run whose config has some keys changed."""
    scores = make_scores([d.dataset for d in DATA], methods=METHODS)
    comparisons = compare_methods(scores)

    def run(**changes):
        config = yaml.safe_load((root / "config/config.yaml").read_text())
        names = [d.dataset for d in DATA]
        empty = {"ablations": {}, "qc": {"drop": []}, "optimism": {"methods": []}}
        empty |= {"held_out": {"methods": [], "groups": ["family"]}}
        curve = {"learning_curve": {"methods": ["gblup"], "shares": [25, 50]}}
        config |= empty | curve | {"datasets": names} | changes
        fits = [make_fit(m, d.dataset) for d in DATA for m in METHODS]
        run = Run(config, results, DATA, fits, scores, comparisons)
        return render_report(run, root / "workflow/report/page.html", captions)

    return run


@pytest.fixture(scope="module")
def page(render):
    return render()


def articles(page):
    """Id -> text of every table and figure of a page."""
    return dict(re.findall(r'<article id="([\w-]+)">(.*?)</article>', page, re.S))


def test_every_result_is_in_the_page_with_its_files(page, results):
    shown = articles(page)
    entries = find_entries(results)
    assert list(shown) == [entry.anchor for entry in entries]
    assert len(shown) == 7
    for entry in entries:
        inside = re.findall('="data:[^,"]+;base64,([^"]+)"', shown[entry.anchor])
        held = {b64decode(text) for text in inside}
        files = {suffix: path.read_bytes() for suffix, path in entry.files.items()}
        if entry.is_table:
            assert held == {files["csv"], files["tex"]}
        else:
            assert held == {min(files.values(), key=len)}


def test_the_page_needs_no_other_file(page):
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert len(links) > 20
    assert {link[:5] for link in links if link[0] != "#"} == {"data:"}
    assert "@import" not in page
    assert "url(" not in page


def test_every_caption_states_size_runs_protocol_and_software(page):
    for anchor, text in articles(page).items():
        facts = re.search(r'<p class="facts">(.*?)</p>', text, re.S).group(1)
        assert "5 runs (1 x 5 stratified folds); protocol nested" in facts
        assert "bglr 1.1.4 (BRR), grvsnn 0.1.0 (GRVSNN, GBLUP)" in facts
        mouse = "n = 1814 animals (1650 to 1700 with a phenotype), P = 10346 markers"
        own = "n = 600 animals (600 with a phenotype), P = 2000 markers;"
        assert (f"{mouse} + 169 loadings" in facts) == (anchor[:8] != "embedded")
        assert (own in facts) == (anchor[:5] != "mouse")


def test_results_are_reached_by_dataset_and_by_table_of_the_paper(page):
    menu = re.search("<nav.*?</nav>", page, re.S).group(0)
    paper, datasets = menu.split("By dataset")
    linked = re.findall('href="#([^"]+)"', datasets)
    assert linked == list(articles(page))
    by_place = re.findall(r"<li>(\w+ [\w ]+)<ul>\s*<li><a href=\"#([^\"]+)", paper)
    assert by_place == [
        ("Table 2", "mouse-tables-performance"),
        ("Tables 1 to 3", "embedded-tables-performance"),
        ("Table 4", "summary-tables-dcor"),
    ]


def test_an_unlisted_result_follows_under_its_own_name(results):
    entries = [entry for entry in find_entries(results) if entry.scope == "mouse"]
    assert [entry.name for entry in entries] == ["accuracy", "performance", "novel"]
    assert entries[-1].result.topic == "Further results"
    assert entries[-1].result.title == "Novel"


def test_the_catalogue_keeps_topics_together():
    topics = [result.topic for result in RESULTS.values()]
    turns = [topic for i, topic in enumerate(topics) if topics[i - 1] != topic]
    assert len(turns) == len(set(topics))


def page_captions():
    """Names of the captions that the page fills in."""
    return {"workflow"} | {
        result.caption for key, result in RESULTS.items() if key.startswith("figures/")
    }


def test_every_result_has_its_caption(root):
    for result in RESULTS.values():
        assert (root / f"workflow/report/{result.caption}.rst").exists(), result.title


def test_captions_and_methods_are_plain_text(root, captions):
    for name in page_captions():
        text = captions[name].read_text()
        assert not re.search(r"\*\*|``|:\w+:`|^\.\. ", text, re.M), name


def methods_of(page):
    section = page.split('id="methods"')[1].split("<article>")[0]
    return " ".join(unescape(re.sub("<[^>]+>", " ", section)).split())


def test_methods_are_those_of_the_config(render):
    text = methods_of(render())
    assert "BRR: 77 iterations by the R package BGLR (bglr 1.1.4), of which" in text
    assert "the first 11 were discarded and one draw in 2 was kept" in text
    assert "GBLUP was also fitted to phenotypes that were permuted" in text
    assert "GRVSNN took 8 tuning trials" in text
    assert "GBLUP was fitted to shares of the training animals (25, 50 %)" in text
    assert "Pedigree loadings come from" in text
    lean = render(
        methods=["gblup", "brr"],
        settings=["markers"],
        sentinel={"methods": ["lassonet"], "repeats": 1},
        adjust="none",
        optimism={"methods": ["brr"]},
        qc={"drop": ["marker_call_rate", "duplicate_samples"]},
    )
    text = methods_of(lean)
    assert "Phenotypes are not adjusted" in text
    assert "(marker call rate, duplicate samples)" in text
    assert "Bayesian ridge regression (BRR) was fitted under it as well" in text
    for absent in ("permuted", "GRVSNN took", "Pedigree loadings", "LassoNet"):
        assert absent not in text


def test_a_run_without_the_controls_says_so(render):
    assert "Not run, and so" not in methods_of(render())
    text = methods_of(render(methods=["grvsnn"]))
    assert "not there to be beaten: the training mean and GBLUP." in text
    text = methods_of(render(methods=["gblup", "brr"]))
    assert "not there to be beaten: the training mean." in text


def test_what_grvsnn_plus_is_stands_in_the_methods(render):
    text = methods_of(render(methods=["mean", "gblup", "grvsnn_plus"]))
    assert "GRVSNN+ is no gated network but a weighted sum of a mixed model" in text
    assert "GRVSNN+ is no gated" not in methods_of(render(methods=["mean", "gblup"]))


def test_the_published_protocol_is_called_optimistic_everywhere(render):
    assert "ptimistic" not in render()
    page = render(protocol="published")
    assert "Optimistic: the protocol is the one of the paper's" in methods_of(page)
    assert "Optimistic: protocol published" in page.split("</header>")[0]
    for text in articles(page).values():
        assert "protocol published (optimistic)" in text


def test_the_two_protocols_beside_one_another_are_both_named():
    both = protocol_sentence("nested", "optimism")
    assert both == "protocols nested and published (optimistic)"
    assert protocol_sentence("nested", "accuracy") == "protocol nested"


def test_best_methods_and_those_not_told_from_them():
    """GRVSNN leads trait 1 by 0.3 in every run; trait 2 is noise."""
    scores = make_scores(["mouse"], methods=METHODS, seed=3)
    lead = (scores["trait"] == "t1") & (scores["metric"] == "r")
    scores.loc[lead, "value"] = 0.3 + scores["fold"] / 100
    wins = lead & (scores["method"] == "grvsnn")
    scores.loc[wins, "value"] += 0.3 + scores["repeat"] / 1000
    cells = best_table(scores, compare_methods(scores)).cells
    assert (cells.loc[("Mouse", "T1"), "Best"] == "GRVSNN").all()
    assert (cells.loc[("Mouse", "T1"), "Not told apart from it"] == "none").all()
    assert cells.loc[("Mouse", "T1"), "r [95 %]"].str.startswith("0.63").all()
    assert (
        cells.loc[("Mouse", "T2"), "Not told apart from it"] == "all 2 others"
    ).all()


def test_a_method_without_r_in_every_run_is_not_the_best():
    scores = make_scores(["mouse"], methods=METHODS, seed=3)
    r = scores["metric"] == "r"
    ahead = r & (scores["method"] == "grvsnn")
    scores.loc[ahead, "value"] = np.where(scores.loc[ahead, "fold"] == 1, 9, np.nan)
    none = r & (scores["trait"] == "t2") & (scores["fold"] == 5)
    scores.loc[none, "value"] = np.nan
    cells = best_table(scores, compare_methods(scores)).cells
    assert cells.loc[("Mouse", "T1"), "Best"].isin(["GBLUP", "BRR"]).all()
    assert (cells.loc[("Mouse", "T2")] == ["none", "–", "–"]).all(axis=None)


def test_guards_pass_or_ask_to_be_seen(tmp_path):
    tables = {
        "pig/tables/sentinel.csv": "inside\nTrue\nFalse\n",
        "pine/tables/sentinel.csv": "inside\nTrue\nTrue\n",
        "summary/tables/feasibility.csv": "source,checked,findings\nOurs,9,0\n"
        "Reported,5,4\nOurs,2,1\n",
    }
    for name, text in tables.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    guards = read_guards(find_entries(tmp_path / name for name in tables))
    assert [(g.text.split(": ")[-1][:9], g.state) for g in guards] == [
        ("1 of 2 me", "see"),
        ("2 of 2 me", "passed"),
        ("1 finding", "see"),
    ]
    assert guards[-1].anchor == "summary-tables-feasibility"


def test_sizes_are_read_off_the_files(tmp_path):
    frame = {
        "sample_id": ["a", "b", "c"],
        "t1": [1.0, None, 2.0],
        "t2": [1.0, 2.0, 3.0],
    }
    pd.DataFrame(frame).to_parquet(tmp_path / "phenotypes.parquet")
    (tmp_path / "genotypes.bim").write_text("1 s1 0 1 A G\n1 s2 0 2 A G\n")
    (tmp_path / "rank.json").write_text(
        '{"rank": 2, "rule": "average", "evidence": {"share": 0.625}}'
    )
    paths = [tmp_path / n for n in ("phenotypes.parquet", "genotypes.bim", "rank.json")]
    data = read_data("herd", *paths)
    assert data == Data("herd", 3, 2, 2, {"t1": 2, "t2": 3}, "average", 0.625)
    assert read_data("herd", *paths[:2], None).n_loadings is None


def test_methods_say_how_each_bayesian_method_was_fitted():
    """By the fits, not by the config: three ways in one run."""
    exact = make_fit("brr-exact")
    exact["folds"] = [{"backend": "native", "version": "0.1.0", "kernel": "exact"}]
    long = make_fit("bayescpi")
    long["params"] = {"n_iter": 30000, "burn_in": 10000, "thin": 5, "n_chains": 4}
    long["folds"] = [{"backend": "native", "version": "0.1.0"}]
    by_bglr = make_fit("brr")
    by_bglr["folds"][0]["versions"] = {"R": "4.2.2", "rpy2": "3.6.4", "BGLR": "1.1.4"}
    text = bayes_sentences([make_fit("gblup"), by_bglr, by_bglr, exact, long])
    assert text.split(". ") == [
        "BRR: 77 iterations by the R package BGLR (R 4.2.2, rpy2 3.6.4, BGLR 1.1.4), "
        "of which the first 11 were discarded and one draw in 2 was kept",
        "BRR, exact: the exact posterior, without sampling, by this project's "
        "own implementation (native 0.1.0)",
        "BayesCπ: 30000 iterations in each of 4 chains by this project's "
        "own implementation (native 0.1.0), of which the first 10000 were "
        "discarded and one draw in 5 was kept.",
    ]


def test_software_explains_only_backends_that_ran():
    note = software_table([make_fit("brr")]).note
    assert "bglr: the R package BGLR." in note
    assert "native" not in note
    assert "bglr" not in software_table([make_fit("gblup")]).note


def test_data_table_names_the_rank_rule_and_its_share():
    with_rule = Data("herd", 3, 2, 2, {"t1": 2}, "average", 0.625)
    table = data_table([with_rule, Data("mine", 3, 2, None, {"t1": 2})])
    assert table.cells.to_numpy()[:, -3:].tolist() == [
        ["2", "average", "62.5"],
        ["–", "–", "–"],
    ]


def test_software_names_every_backend_and_set_of_packages():
    fits = [make_fit("brr"), make_fit("gblup"), make_fit("gblup")]
    table = software_table(fits)
    assert table.cells.loc["BRR"].to_numpy().tolist() == [["bglr 1.1.4", "1"]]
    assert table.cells.loc["GBLUP"].to_numpy().tolist() == [["grvsnn 0.1.0", "2"]]
    assert "Packages: grvsnn 0.1.0, numpy 2.4.6." in table.note
    note = software_table([*fits, make_fit("grvsnn", torch="2.13.0")]).note
    assert "Packages of GRVSNN: grvsnn 0.1.0, numpy 2.4.6, torch 2.13.0." in note


def test_a_figure_is_embedded_in_its_smaller_form_at_its_own_size(tmp_path):
    figure = new_figure(5, 2.5)
    paths = {suffix: tmp_path / f"a.{suffix}" for suffix in ("png", "svg")}
    save_figure(figure, paths.values())
    for suffix in paths:
        image = embed_image({suffix: paths[suffix]})
        assert (image.suffix, image.width, image.height) == (suffix, 480, 240)
    paths["svg"].write_text(paths["svg"].read_text() + "<!-- -->" * 100_000)
    assert embed_image(paths).suffix == "png"
    paths["svg"].write_text("no figure")
    with pytest.raises(InputError, match="neither a PNG nor an SVG"):
        embed_image(paths)


def test_a_page_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "x.html").write_text("<p>no table</p>")
    with pytest.raises(InputError, match=r"x\.html: not a table's page"):
        read_figure(tmp_path / "x.html")


@pytest.fixture
def page_file(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def test_links_images_console_and_width_in_a_browser(page_file, tmp_path):
    demand_sound(page_file, tmp_path)


def test_the_page_is_dark_where_the_reader_is(page_file, tmp_path):
    frames, errors = open_page(page_file, tmp_path, dark=True)
    assert errors == []
    assert shade(frames[0]["background"]) < 40
    assert shade(frames[0]["text"]) > 200


def shade(colour):
    """Mean of a CSS colour's red, green and blue."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_the_browser_check_sees_what_is_wrong(tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        '<a href="#no">a</a><a href="b.csv">b</a><img src="c.png" alt="c">'
        '<div style="width: 500px">d</div><script>throw new Error("e")</script>'
    )
    frames, errors = open_page(path, tmp_path)
    assert frames[0]["broken"] == ["#no"]
    assert frames[0]["outside"] == ["b.csv"]
    assert frames[0]["lost"] == ["c"]
    assert frames[0]["content"] > frames[0]["room"]
    assert "Error: e" in errors[0]
