"""Registries of methods and results: what is known of them without importing any."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml


@cache
def read_registry(name: str) -> Mapping[str, Mapping]:
    """Read workflow/<name>.yaml, ``methods`` or ``results``, by its entries' names.

    The package has links to them, so that an installed one brings them along.
    """
    path = Path(__file__).with_name(f"{name}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))
