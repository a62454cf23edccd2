"""Functions of results.yaml get what their parameters name, as their types ask for."""

from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter, signature

import pandas as pd
import pytest
from grvsnn.base.files import write_json, write_parquet
from grvsnn.base.registry import read_registry
from grvsnn.report.given import Given, by_result, find_function


@pytest.fixture
def given(tmp_path):
    for k in (1, 2):
        write_parquet(pd.DataFrame({"x": [k]}), tmp_path / f"{k}.parquet")
        write_json({"k": k}, tmp_path / f"{k}.json")
    (tmp_path / "t.csv").write_text("y\n7\n")
    inputs = {
        "scores": str(tmp_path / "1.parquet"),
        "parts": [str(tmp_path / f"{k}.parquet") for k in (1, 2)],
        "fits": [str(tmp_path / f"{k}.json") for k in (1, 2)],
        "rank": str(tmp_path / "1.json"),
        "table": str(tmp_path / "t.csv"),
        "bed": "genotypes.bed",
        "absent": [],
    }
    return Given(inputs, {"rope": 0.02, "dataset": "pig"})


def test_inputs_are_read_by_type_and_values_passed_by_name(given):
    def function(
        scores: pd.DataFrame,
        parts: pd.DataFrame,
        fits: Iterable[Mapping],
        rank: Mapping,
        table: pd.DataFrame,
        bed: str,
        rope: float,
        paths: Sequence[str],
        absent: pd.DataFrame | None = None,
        metric: str = "r",
        label: str = "",
    ):
        return locals()

    more = {"metric": "mse", "label": "{rope:g} of {dataset}"}
    found = given.call(function, more, ["a.svg"])
    assert found["scores"]["x"].tolist() == [1]
    assert found["parts"]["x"].tolist() == [1, 2]
    assert found["fits"] == [{"k": 1}, {"k": 2}] and found["rank"] == {"k": 1}
    assert found["table"]["y"].tolist() == [7]
    assert (found["bed"], found["rope"], found["paths"]) == (
        "genotypes.bed",
        0.02,
        ["a.svg"],
    )
    assert found["absent"] is None
    assert (found["metric"], found["label"]) == ("mse", "0.02 of pig")


def test_one_result_cannot_change_what_the_next_one_reads(given):
    def spoil(scores: pd.DataFrame):
        scores["x"] = -1
        scores["z"] = 0

    def look(scores: pd.DataFrame):
        return scores

    given.call(spoil, {}, [])
    assert given.call(look, {}, []).to_dict("list") == {"x": [1]}


def test_a_parameter_that_nothing_gives_is_named(given):
    def function(window: str):
        return window

    with pytest.raises(TypeError, match="needs 'window'"):
        given.call(function, {}, [])


def test_files_are_grouped_by_result():
    paths = ["r/pig/tables/qc.csv", "r/pig/figures/qc.png", "r/pig/tables/qc.tex"]
    assert by_result(paths) == {
        "tables/qc": [paths[0], paths[2]],
        "figures/qc": [paths[1]],
    }


def test_every_result_finds_its_arguments_among_the_needs_of_its_job():
    """No entry of the registry can fail for want of an input."""
    registry = read_registry("results")
    for key, entry in registry["results"].items():
        job = registry["jobs"][entry["job"]]
        there = {*job["needs"], *job.get("params", ()), *entry.get("with", ())}
        parameters = signature(find_function(entry["by"])).parameters.values()
        needed = {p.name for p in parameters if p.default is Parameter.empty}
        assert needed <= there | {"paths", "dataset"}, key
