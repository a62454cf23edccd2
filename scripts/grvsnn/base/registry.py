"""Registries of methods and results: what is known of them without importing any."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FILES = {"methods": "base/methods.yaml", "results": "base/results.yaml"}
"""In the package, where they are links to those of the workflow."""


@cache
def read_registry(name: str) -> Mapping[str, Mapping]:
    """Read workflow/<name>.yaml, ``methods`` or ``results``."""
    path = Path(__file__).parents[1] / FILES[name]
    return yaml.safe_load(path.read_text(encoding="utf-8"))
