"""Names of fits: methods, their variants and companions; needs no package."""

LEAKY = ("peeking", "published")
"""Companions, and protocols of theirs, that tune and stop on the test animals."""


def base_method(name: str) -> str:
    """Return the method that a name stands for: a variant is ``<method>-<name>``."""
    return name.partition("-")[0]


def fitted_as(name: str) -> str:
    """Return the method or variant that a name's last part was added to.

    Examples
    --------
    ``gblup-share20`` -> ``gblup``, ``grvsnn-bottleneck-whole`` -> ``grvsnn-bottleneck``
    """
    return name.rpartition("-")[0] or name


def is_leaky(name: str) -> bool:
    """Tell whether a companion is tuned and stopped on the test animals."""
    return name.rpartition("-")[2] in LEAKY
