"""Jobs that a dry-run lists: what they ask for, and how many a cluster sees of them."""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from grvsnn.base.errors import InputError

EVENT = re.compile(
    r"Group job (?P<group>\S+) \(|^(?P<indent> *)(?:local)?rule (?P<rule>\w+):\n"
    r"(?P<body>(?:(?P=indent)    .*\n)+)",
    re.M,
)
FIELD = re.compile(r"^ +(\w+): (.*)$", re.M)
PAIR = re.compile(r"(\w+)=([^,\n]+)")
LOCAL = re.compile(r"^rule (\w+):\n(?:(?:    .*)?\n)*?    localrule: True$", re.M)
ASKED = ("mem_mb", "runtime", "gpu")
USAGE = re.compile(r"\S*benchmarks/\S+\.json")
COLUMNS = ("rule", "dataset", "usage", *ASKED, "group", "sent_as")


def dry_run(*arguments: str) -> str:
    """Return what ``snakemake --dry-run`` prints; raises InputError where it fails."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    plan = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False
    )
    if plan.returncode:
        raise InputError((plan.stderr or plan.stdout).strip())
    return plan.stdout + plan.stderr


def plan_from_start(configfile: str, profile: Path) -> pd.DataFrame:
    """Jobs of a config through a profile, as if nothing was done yet."""
    chosen = ("--configfile", configfile, "--workflow-profile", str(profile))
    return planned_jobs(dry_run("--forceall", *chosen))


def planned_jobs(text: str) -> pd.DataFrame:
    """Jobs of a dry-run.

    Parameters
    ----------
    text : str
        What `dry_run` returns.

    Returns
    -------
    DataFrame
        rule, dataset (none for jobs of all datasets), usage (path or none), mem_mb,
        runtime (minutes), gpu, group (none where a job is sent alone), sent_as
        (number of what is sent; jobs of a group have the same).
    """
    jobs, group, sent_as = [], None, 0
    for event in EVENT.finditer(text):
        if event["group"] or not event["indent"]:
            group, sent_as = event["group"], sent_as + 1
        if event["rule"]:
            job = _read(event["rule"], dict(FIELD.findall(event["body"])))
            jobs.append({**job, "group": group, "sent_as": sent_as})
    return pd.DataFrame(jobs, columns=list(COLUMNS))


def _read(rule: str, fields: dict[str, str]) -> dict:
    wildcards = dict(PAIR.findall(fields.get("wildcards", "")))
    resources = dict(PAIR.findall(fields.get("resources", "")))
    usage = USAGE.search(fields.get("output", ""))
    return {
        "rule": rule,
        "dataset": wildcards.get("dataset"),
        "usage": usage[0] if usage else None,
        **{name: int(resources.get(name, 0)) for name in ASKED},
    }


def local_rules(workflow: Path) -> set[str]:
    """Rules of a workflow folder that run where Snakemake runs."""
    files = [workflow / "Snakefile", *workflow.glob("rules/*.smk")]
    return {name for path in files for name in LOCAL.findall(path.read_text("utf-8"))}


def count_sent(jobs: pd.DataFrame, local: Collection[str]) -> pd.Series:
    """How many jobs a cluster sees, when small ones share one.

    Parameters
    ----------
    jobs : DataFrame
        From `planned_jobs`.
    local : collection of str
        Rules that are not sent.

    Returns
    -------
    Series
        Number by dataset; what is of several datasets under an empty name.
    """
    sent = jobs[~jobs["rule"].isin(local)].fillna({"dataset": ""})
    owners = sent.groupby("sent_as")["dataset"].agg(["first", "nunique"])
    return owners["first"].where(owners["nunique"] == 1, "").value_counts()


def rules_text(jobs: pd.DataFrame, local: Collection[str]) -> str:
    """Say by rule how many jobs there are and what each asks for at its first try."""
    head = ("rule", "jobs", "memory (MB)", "time (min)", "GPUs")
    lines = [_line(*head, "shares")]
    for rule, mine in jobs.groupby("rule", sort=False):
        asked = (_span(mine[name]) for name in ASKED)
        groups = sorted(set(mine["group"].dropna()))
        shares = "(local)" if rule in local else ", ".join(groups)
        lines.append(_line(rule, len(mine), *asked, shares))
    total = count_sent(jobs, local).sum()
    return "\n".join([*lines, "", f"{len(jobs)} jobs; a cluster sees {total}"])


def _line(rule: str, jobs: object, *rest: str) -> str:
    memory, time, cards, group = rest
    return f"{rule:<26}{jobs:>5}{memory:>14}{time:>12}{cards:>7}  {group}".rstrip()


def _span(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return str(low) if low == high else f"{low}-{high}"
