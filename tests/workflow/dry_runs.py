"""Dry-runs of the workflow with one more config file, and what they say."""

import re


def plan(snakemake, root, folder, text):
    """Dry-run with one more config file; returns its exit status and all it says."""
    (folder / "config").symlink_to(root / "config")
    (folder / "user.yaml").write_text(text)
    result = snakemake("-n", "--cores", "1", "--configfile", "user.yaml", cwd=folder)
    return result.returncode, result.stdout + result.stderr


def count(text, rule):
    """Jobs of a rule in a dry-run's table."""
    found = re.search(rf"^{rule} +(\d+)$", text, re.M)
    return int(found.group(1)) if found else 0


def fits(text, name):
    """Fits of a dry-run whose method's name begins as a pattern says."""
    found = re.findall(
        r"^rule fit_\w+:\n(?: {4}.*\n)*? {4}wildcards: .*method=([\w-]+)", text, re.M
    )
    return sum(bool(re.match(name, method)) for method in found)
