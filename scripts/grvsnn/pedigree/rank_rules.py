"""Rules that choose how many pedigree components to keep from a scree plot."""

from collections.abc import Callable, Mapping

import numpy as np

from grvsnn.base.errors import InputError

RULES = ("fixed", "plateau", "knee", "variance", "average")
FLOOR_TOLERANCE = 1e-6
"""Relative width within which eigenvalues belong to one run of ties."""
BAR = 0.8
"""Share of the average that an eigenvalue must exceed for ``average``. At 1 (Kaiser's)
pedigrees of many small families lose more than 5 % of the accuracy of a trait of high
heritability; at 0.7 (Jolliffe's) the 0.75 of animals with one known parent comes in,
components of single animals that take accuracy away."""
CAP = 1000
"""Most components that ``average`` keeps: a network's time grows with each of them."""


def choose_rank(
    eigenvalues: np.ndarray,
    rule: str,
    *,
    rank: int | None = None,
    share: float = 0.5,
    trace: float | None = None,
    average: float | None = None,
    cap: int = CAP,
) -> tuple[int, dict[str, object]]:
    """Choose how many leading components to keep, and say what that rests on.

    Parameters
    ----------
    eigenvalues : ndarray of float64, shape (k,)
        Descending; the whole spectrum, or only its top for ``fixed``.
    rule : {"fixed", "plateau", "knee", "variance", "average"}
        ``fixed``: `rank` components. ``plateau``: those strictly above the longest run
        of tied eigenvalues (the floor that Mendelian sampling within families makes).
        ``knee``: up to the point farthest below the chord from the first to the last
        eigenvalue. ``variance``: the fewest that hold `share` of the trace.
        ``average``: those above `BAR` times `average`, at most `cap` (the average root
        of Guttman 1954 and Kaiser 1960, with the lower bar of Jolliffe 2002, Principal
        Component Analysis, section 6.1.2).
    rank : int, optional
        For ``fixed``.
    share : float
        For ``variance``, in (0, 1].
    trace : float, optional
        Trace of the matrix where `eigenvalues` is only its top.
    average : float, optional
        For ``average``; the mean of `eigenvalues` if left out.
    cap : int
        For ``average``. Where it binds no run of ties is cut but one that is longer.

    Returns
    -------
    rank : int
        At least 1.
    evidence : dict
        JSON-able facts that a scree plot can show: the rule's own, last_kept,
        first_dropped and share (of the trace); where the cut falls within a run of
        ties, whose basis is arbitrary, ties: its first and last component (from 1);
        cap, where it kept components out.
    """
    if rule not in RULES:
        raise InputError(
            f"unknown rank rule {rule!r}; choose one of {', '.join(RULES)}"
        )
    if rule == "fixed":
        chosen, evidence = _fixed(eigenvalues, rank)
    elif rule == "variance":
        chosen, evidence = _variance(eigenvalues, share, trace)
    elif rule == "average":
        chosen, evidence = _average(eigenvalues, average, cap)
    else:
        pick: Callable = {"plateau": _plateau, "knee": _knee}[rule]
        chosen, evidence = pick(eigenvalues)
    total = float(eigenvalues.sum() if trace is None else trace)
    kept = float(eigenvalues[:chosen].sum())
    common = {"last_kept": float(eigenvalues[chosen - 1]), "share": kept / total}
    if chosen < len(eigenvalues):
        common["first_dropped"] = float(eigenvalues[chosen])
        common |= _find_ties(eigenvalues, chosen)
    return chosen, {**evidence, **common}


def describe_rank(rank: int, rule: str, evidence: Mapping[str, object]) -> str:
    """Say in one line how many loadings were kept, by which rule, and what they hold.

    Parameters
    ----------
    rank, rule, evidence
        Of `choose_rank`.
    """
    matrix = "A among the genotyped animals" if rule == "average" else "A"
    text = (
        f"{rank} loadings by rule '{rule}', {evidence['share']:.1%} of the trace of "
        f"{matrix}"
    )
    if "cap" in evidence:
        text += (
            f"; more eigenvalues lie above {BAR:g} of the average, and no more than "
            f"{evidence['cap']} are kept: 'value' sets another limit"
        )
    return text


def _find_ties(eigenvalues: np.ndarray, chosen: int) -> dict[str, tuple]:
    """First and last component of the run of ties that a cut falls into, if any."""
    value = eigenvalues[chosen - 1]
    width = FLOOR_TOLERANCE * abs(value) + 1e-12 * eigenvalues[0]
    tied = np.flatnonzero(np.abs(eigenvalues - value) <= width) + 1
    if tied[-1] == chosen:
        return {}
    return {"ties": (int(tied[0]), int(tied[-1]))}


def _fixed(eigenvalues: np.ndarray, rank: int | None) -> tuple[int, dict]:
    if rank is None or not 1 <= rank <= len(eigenvalues):
        raise InputError(
            f"rank rule 'fixed' needs a rank between 1 and {len(eigenvalues)}, "
            f"got {rank}"
        )
    return int(rank), {}


def _plateau(eigenvalues: np.ndarray) -> tuple[int, dict]:
    """Count what lies above the longest run of ties (the higher of equal runs)."""
    # ties are judged against the first value of the run, so that they cannot creep
    lower = eigenvalues * (1 - FLOOR_TOLERANCE) - 1e-12 * eigenvalues[0]
    stops = np.searchsorted(-eigenvalues, -lower, side="right")
    lengths = stops - np.arange(len(eigenvalues))
    start = int(np.argmax(lengths))
    if start == 0 or lengths[start] < 2:
        raise InputError(
            "rank rule 'plateau' found no floor of tied eigenvalues below larger "
            "ones; choose 'knee', 'variance' or 'fixed'"
        )
    floor = float(np.median(eigenvalues[start : stops[start]]))
    return start, {"floor": floor, "floor_length": int(lengths[start])}


def _knee(eigenvalues: np.ndarray) -> tuple[int, dict]:
    """Farthest point below the chord, both axes scaled to [0, 1]."""
    n = len(eigenvalues)
    drop = eigenvalues[0] - eigenvalues[-1]
    if n < 3 or drop <= 0:
        raise InputError("rank rule 'knee' needs at least 3 eigenvalues, not all equal")
    x = np.arange(n) / (n - 1)
    y = (eigenvalues - eigenvalues[-1]) / drop
    distance = (1 - x - y) / np.sqrt(2)
    at = int(np.argmax(distance))
    return at + 1, {"chord_distance": float(distance[at])}


def _variance(
    eigenvalues: np.ndarray, share: float, trace: float | None
) -> tuple[int, dict]:
    if not 0 < share <= 1:
        raise InputError(f"rank rule 'variance' needs a share in (0, 1], got {share}")
    total = eigenvalues.sum() if trace is None else trace
    cumulative = np.cumsum(eigenvalues) / total
    # rounding may leave the full sum a hair under 1
    reached = np.flatnonzero(cumulative >= share - 1e-12)
    if not len(reached):
        raise InputError(
            f"the {len(eigenvalues)} computed eigenvalues hold only "
            f"{cumulative[-1]:.1%} of the trace, less than the share {share:.1%}"
        )
    return int(reached[0]) + 1, {"wanted_share": share}


def _average(
    eigenvalues: np.ndarray, average: float | None, cap: int
) -> tuple[int, dict]:
    if cap < 1:
        raise InputError(f"rank rule 'average' needs a limit of at least 1, got {cap}")
    average = float(eigenvalues.mean() if average is None else average)
    above = int((eigenvalues > BAR * average).sum())
    facts = {"average": average, "bar": BAR}
    if above <= cap:
        return above, facts
    ties = _find_ties(eigenvalues, cap).get("ties", (cap + 1,))
    return (ties[0] - 1 or cap), {**facts, "cap": int(cap)}
