"""The SLURM profile's groups cover the workflow, and the README's table is its plan."""

import re

import pytest
import yaml
from grvsnn.planning.dry_run import local_rules
from rule_files import read_rules
from write_budget import BLOCK, make_block

# minutes to hours, or memory by the dataset's size; and the report, when all is there
ALONE = {
    "prepare_mouse",
    "prepare_pine",
    "prepare_pig",
    "prepare_herd",
    "prepare_herd_pedigree",
    "prepare_herd_relationship",
    "keep_fractions",
    "simulate_population",
    "compute_loadings",
    "fit_bayes",
    "fit_bayes_variant",
    "fit_bayes_companion",
    "fit_lassonet",
    "fit_lassonet_companion",
    "fit_grvsnn",
    "fit_grvsnn_variant",
    "fit_grvsnn_companion",
    "fit_grvsnn_plus",
    "fit_grvsnn_plus_variant",
    "fit_grvsnn_plus_companion",
    "score_predictions",
    "score_variants",
    "score_companions",
    "score_selection",
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
    for rule, group in profile["groups"].items():
        if group != "summary":
            assert group.endswith("-{dataset}"), rule
            assert "{dataset}" in rules[rule][1], rule
    assert set(profile["group-components"]) <= set(profile["groups"].values())


def test_every_rule_that_asks_for_a_card_can_be_told_not_to(root, profile):
    asking = {
        name for name, (_, body) in read_rules(root).items() if asks_for_a_card(body)
    }
    assert asking == {"fit_grvsnn", "fit_grvsnn_variant", "fit_grvsnn_companion"}
    assert set(profile["set-resources"]) == asking


def asks_for_a_card(body):
    """Whether the last `gpu=` of a rule, its own before its base's, is not 0."""
    return body.count("gpu=") > 0 and not body.rpartition("gpu=")[2].startswith("0")


def test_the_readme_has_the_budget_of_today(root, monkeypatch):
    monkeypatch.chdir(root)
    found = BLOCK.search((root / "README.md").read_text(encoding="utf-8"))
    block = found[0].removeprefix(found[1]).removesuffix(found[2])
    assert block == make_block(), "renew it: python scripts/write_budget.py"


def test_the_readme_counts_jobs_in_the_budget_only(root):
    text = BLOCK.sub("", (root / "README.md").read_text(encoding="utf-8"))
    assert not re.findall(r"\d{2,} jobs", text)
