"""Conventions that every rule keeps, read from the rule files."""

import re
import subprocess
import sys

import pytest
import yaml
from rule_files import read_rules

from tests.shipped import METHODS, read_shipped_schemas


@pytest.fixture(scope="module")
def rules(root):
    return read_rules(root)


def test_every_rule_logs_and_has_an_environment(rules):
    assert len(rules) > 15
    for name, (directives, _) in rules.items():
        if name != "all":
            assert {"log", "conda", "script", "output"} <= directives, name


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_what_a_rule_does_not_ask_for_stands_in_the_profiles(root, profile):
    text = (root / f"workflow/profiles/{profile}/profile.yaml").read_text()
    defaults = yaml.safe_load(text)["default-resources"]
    # memory and time grow with each attempt
    assert "attempt" in defaults["mem_mb"] and "attempt" in defaults["runtime"]
    assert defaults["gpu"] == 0


def test_every_fit_writes_what_it_used(rules):
    fits = {name for name in rules if name.startswith("fit_")}
    assert fits == {f"fit_{entry['stack']}" for entry in METHODS.values()}
    for name in fits:
        assert 'usage="<benchmarks>/' in rules[name][1], name


def test_scripts_and_environments_exist_and_none_is_left_over(root, rules):
    text = "".join(body for _, body in rules.values())
    for folder, pattern in (
        ("scripts", r"scripts/(\w+\.py)"),
        ("envs", r"envs/(\w+\.yaml)"),
    ):
        named = set(re.findall(pattern, text))
        there = {path.name for path in (root / folder).glob("*.*")}
        assert named <= there
        if folder == "envs":
            assert {name for name in there if name.endswith(".yaml")} == named


def test_environments_are_pinned(root):
    for path in (root / "envs").glob("*.yaml"):
        env = yaml.safe_load(path.read_text())
        assert "nodefaults" in env["channels"]
        for package in env["dependencies"]:
            if isinstance(package, str):
                assert re.fullmatch(r"[\w-]+ =\d+(\.\d+)?", package), package


def test_config_readme_explains_every_key(root):
    schema = read_shipped_schemas(root)["config"]
    text = (root / "config/README.md").read_text()
    for name, value in schema["properties"].items():
        keys = [name, *value.get("properties", {})]
        for key in keys:
            assert f"`{key}`" in text, f"config/README.md does not explain {key}"


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "workflow"],
        ["snakemake", "--lint"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_linters_are_content(root, command):
    name, *arguments = command
    result = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
