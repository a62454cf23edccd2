"""Conventions that every rule keeps, read from the rule files."""

import re
import subprocess
import sys

import pytest
import yaml
from rule_files import read_rules


@pytest.fixture(scope="module")
def rules(root):
    return read_rules(root)


def test_every_rule_logs_declares_resources_and_an_environment(rules):
    assert len(rules) > 15
    for name, (directives, body) in rules.items():
        if name == "all":
            continue
        assert {"log", "conda", "resources", "script", "output"} <= directives, name
        for resource in ("mem_mb", "runtime", "gpu"):
            assert f"{resource}=" in body, f"{name} declares no {resource}"


def test_every_fit_writes_what_it_used(rules):
    fits = {name for name in rules if name.startswith("fit_")}
    assert {"fit_linear", "fit_bayes", "fit_lassonet", "fit_grvsnn"} <= fits
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


def test_captions_exist(root, rules):
    text = "".join(body for _, body in rules.values())
    for caption in re.findall(r'caption="\.\./report/([\w.]+)"', text):
        assert (root / "workflow/report" / caption).exists(), caption


def test_environments_are_pinned(root):
    for path in (root / "envs").glob("*.yaml"):
        env = yaml.safe_load(path.read_text())
        assert "nodefaults" in env["channels"]
        for package in env["dependencies"]:
            if isinstance(package, str):
                assert re.fullmatch(r"[\w-]+ =\d+(\.\d+)?", package), package


def test_config_readme_explains_every_key(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
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
