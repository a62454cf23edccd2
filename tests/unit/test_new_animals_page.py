"""The example of docs/new-animals.md runs, and configs have the controls."""

import re

import numpy as np
import pandas as pd
import predict_animals
import pytest
import yaml
from grvsnn.genotypes.plink import write_genotypes
from grvsnn.run.config_check import missing_controls

from tests.shipped import METHODS


@pytest.fixture
def example(root):
    """Python and shell code of the section."""
    section = (root / "docs/new-animals.md").read_text(encoding="utf-8")
    return {
        kind: code for kind, code in re.findall(r"```(\w+)\n(.*?)```", section, re.S)
    }


def test_the_example_runs_and_both_ways_agree(example, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    dosages = rng.integers(0, 3, (60, 30)).astype(np.int8)
    marker_map = pd.DataFrame(
        {
            "chromosome": "1",
            "snp": [f"s{i}" for i in range(30)],
            "cm": 0.0,
            "position": range(1, 31),
            "a1": "A",
            "a2": "G",
        }
    )
    ids = np.array([f"{i:03d}" for i in range(60)])
    for name, rows in (("herd", slice(0, 50)), ("calves", slice(50, 60))):
        write_genotypes(dosages[rows], ids[rows], marker_map, tmp_path / f"{name}.bed")
    traits = pd.DataFrame({"sample_id": ids[:50], "growth": rng.normal(size=50)})
    traits["fat"] = rng.normal(size=50)
    traits.loc[3, "fat"] = np.nan
    traits.to_csv(tmp_path / "phenotypes.csv", index=False)
    monkeypatch.chdir(tmp_path)

    exec(compile(example["python"], "new-animals.md", "exec"), {})
    assert "10 animals, 30 markers: 30 as in the model" in capsys.readouterr().out
    by_code = pd.read_csv("predictions.csv")
    assert by_code["trait"].unique().tolist() == ["growth", "fat"]
    assert len(by_code) == 20
    assert (by_code["lower"] < by_code["upper"]).all()

    program, *arguments = example["sh"].split("predict_animals.py ")
    assert program == ".venv/bin/python scripts/"
    predict_animals.main(arguments[0].split())
    pd.testing.assert_frame_equal(pd.read_csv("predictions.csv"), by_code)


def test_every_config_here_runs_both_controls(root):
    paths = [p for p in (root / "config").glob("*.yaml") if p.stem != "datasets"]
    configs = {path.stem: yaml.safe_load(path.read_text()) for path in paths}
    for name, config in configs.items():
        methods = config.get("methods", configs["config"]["methods"])
        assert missing_controls(methods, METHODS) == "", name


def test_a_control_that_is_left_out_is_named():
    text = missing_controls(["grvsnn", "gblup"], METHODS)
    assert text == "methods leaves out mean (the floor)"
    text = missing_controls(["brr"], METHODS)
    assert text.endswith("gblup (the field's workhorse) and mean (the floor)")
