"""Seeds derived from what a draw is for, never from when it happens."""

import hashlib

import numpy as np


def derive_seed(*keys: object) -> int:
    """Hash any sequence of keys into a 63-bit seed.

    The same keys give the same seed on every machine and in any order of jobs.

    Parameters
    ----------
    *keys : object
        Strings and integers that name the draw, e.g. the config's seed, dataset,
        method, repeat, fold, trait.

    Returns
    -------
    int
        A seed in [0, 2**63).
    """
    text = "\x1f".join(str(key) for key in keys)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derive_rng(*keys: object) -> np.random.Generator:
    """Return a numpy generator seeded by `derive_seed`."""
    return np.random.default_rng(derive_seed(*keys))
