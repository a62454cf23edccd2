"""The SLURM profile's groups cover the workflow, and the table of costs is its plan."""

import re

import pytest
import yaml
from grvsnn.base.registry import read_registry
from grvsnn.planning.dry_run import local_rules
from rule_files import read_rules
from write_budget import BLOCK, make_block

from tests.shipped import METHODS

# minutes to hours, or memory by the dataset's size; and the report, when all is there
ALONE = {
    "prepare_dataset",
    "prepare_dataset_pedigree",
    "prepare_dataset_relationship",
    "keep_fractions",
    "simulate_population",
    "compute_loadings",
    "compute_relationship",
    "fit_bayes",
    "fit_lassonet",
    "fit_network",
    "fit_trees",
    "score_predictions",
    "score_others",
    "write_report",
}


@pytest.fixture(scope="module")
def profile(root):
    return yaml.safe_load((root / "workflow/profiles/slurm/profile.yaml").read_text())


def test_every_rule_shares_a_job_or_has_a_reason_not_to(root, profile):
    rules = set(read_rules(root))
    local = local_rules(root / "workflow")
    assert {"all", "fetch_file"} <= local
    grouped = set(profile["groups"])
    assert grouped | local | ALONE == rules
    assert not grouped & ALONE and not grouped & local and not local & ALONE


def test_only_a_dataset_of_its_own_is_waited_for(root, profile):
    rules = read_rules(root)
    jobs = read_registry("results")["jobs"]
    for rule, group in profile["groups"].items():
        if group != "summary":
            assert group.endswith("-{dataset}"), rule
            of_all = jobs.get(rule.removeprefix("write_"), {}).get("of") == "all"
            assert "{dataset}" in rules[rule][1] and not of_all, rule
    assert set(profile["group-components"]) <= set(profile["groups"].values())


def test_gpus_are_asked_for_by_the_registry_alone(root):
    asking = {name for name, (_, body) in read_rules(root).items() if "gpu=" in body}
    assert asking == {name for name in read_rules(root) if name.startswith("fit_")}
    assert {name for name, entry in METHODS.items() if entry.get("gpu")} == {"grvsnn"}


def test_the_budget_is_todays(root, monkeypatch):
    monkeypatch.chdir(root)
    found = BLOCK.search((root / "docs/running.md").read_text(encoding="utf-8"))
    block = found[0].removeprefix(found[1]).removesuffix(found[2])
    assert block == make_block(), "renew it: python scripts/write_budget.py"


def test_jobs_are_counted_in_the_budget_only(root):
    for name in ("README.md", "docs/running.md"):
        text = BLOCK.sub("", (root / name).read_text(encoding="utf-8"))
        assert not re.findall(r"\d{2,} jobs", text)
