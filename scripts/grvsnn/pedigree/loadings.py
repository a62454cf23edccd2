"""Pedigree loadings L = Q sqrt(Lambda) from the eigendecomposition of A."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.pedigree.block_lanczos import leading_eigenpairs
from grvsnn.pedigree.eigenbasis import (
    TIE,
    canonical_basis,
    dense_eigenpairs,
    refuse_indefinite,
)
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import BAR, CAP, choose_rank
from grvsnn.pedigree.related_block import RelatedBlock
from grvsnn.pedigree.relationship import RelationshipOperator, relationship_matrix
from grvsnn.pedigree.sib_groups import LitterOperator

logger = logging.getLogger(__name__)

DENSE_LIMIT = 8000
"""Largest pedigree whose A is built and decomposed whole (0.5 GB, about a minute)."""


@dataclass(frozen=True, eq=False)
class Loadings:
    """Leading components of A, or of A among the genotyped, on the genotyped animals.

    Parameters
    ----------
    eigenvalues : ndarray of float64, shape (k,)
        Descending: the whole spectrum, or the computed top of a large pedigree's.
    loadings : ndarray of float64, shape (n_genotyped, rank)
        Rows of Q sqrt(Lambda) in the order asked for.
    rank : int
        Number of components kept.
    rule : str
        Rank rule that chose it.
    evidence : mapping
        JSON-able facts: the rule's own, trace, solver and number of animals in the
        decomposed matrix.
    """

    eigenvalues: np.ndarray
    loadings: np.ndarray
    rank: int
    rule: str
    evidence: Mapping[str, object]


def eigen_loadings(
    relationship: np.ndarray | Pedigree,
    genotyped: np.ndarray,
    rule: str,
    *,
    rank: int | None = None,
    share: float = 0.5,
    cap: int = CAP,
    dense_limit: int = DENSE_LIMIT,
    tolerance: float = 1e-9,
) -> Loadings:
    """Decompose A = Q Lambda Q' and keep L = Q sqrt(Lambda) of the genotyped animals.

    A covers all animals, the test rows of every fold among them: the loadings are
    transductive. They use who is related to whom, and no phenotype of anybody.

    Rule ``average`` decomposes A among the genotyped animals, since components of the
    whole A are spent on ancestors too. Animals related to no other genotyped one are
    left out and have loadings of 0: each would take a component of its own that says
    nothing of anybody else. It keeps the eigenvalues above
    `grvsnn.pedigree.rank_rules.BAR` of the average variance of the others around their
    mean, tr(P A P) / (n - 1) with P = I - 11'/n: the mean of 1 + F less the mean
    relationship.

    Parameters
    ----------
    relationship : ndarray of float64, shape (n_animals, n_animals), or Pedigree
        A itself, decomposed densely; or a pedigree, whose A is built only up to
        `dense_limit` animals.
    genotyped : ndarray of int, shape (n_genotyped,)
        Row numbers of the genotyped animals in `relationship`.
    rule : {"fixed", "plateau", "knee", "variance", "average"}
        See `grvsnn.pedigree.rank_rules.choose_rank`. Beyond `dense_limit` animals only
        ``fixed`` and ``average``, since the other rules need the whole spectrum.
    rank : int, optional
        Number of components for ``fixed``.
    share : float
        Share of the trace for ``variance``.
    cap : int
        Most components for ``average``.
    dense_limit : int
        Largest pedigree (for ``average``: number of genotyped animals) that is
        decomposed densely.
    tolerance : float
        Bound of ||A q - lambda q|| / lambda for the iterative solver.

    Raises
    ------
    InputError
        A that is not symmetric or not positive semi-definite, a rule that cannot be
        applied, or a rank out of range.
    """
    if not isinstance(relationship, Pedigree):
        relationship = check_relationship(relationship)
    if rule == "average":
        return _among(relationship, genotyped, cap, dense_limit, tolerance)
    if not isinstance(relationship, Pedigree):
        return _dense(relationship, genotyped, rule, rank, share)
    if len(relationship) > dense_limit:
        return _iterative(relationship, genotyped, rule, rank, tolerance)
    return _dense(relationship_matrix(relationship), genotyped, rule, rank, share)


def loadings_by(
    settings: Mapping[str, object], relationship: np.ndarray | Pedigree, rows
) -> Loadings:
    """`eigen_loadings` as a registry entry's ``loadings`` says.

    Parameters
    ----------
    settings : mapping
        ``rule`` and, by rule, ``value``: rank, share of the trace or cap.
    relationship, rows
        See `eigen_loadings`.
    """
    rule, value = settings["rule"], settings.get("value")
    key = {"fixed": "rank", "variance": "share", "average": "cap"}.get(rule)
    options = {key: value} if key and value is not None else {}
    return eigen_loadings(relationship, rows, rule, **options)


def sort_by_id(ids: np.ndarray, A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Animals of a given A and A itself, by id.

    The basis of a tied eigenspace depends on the order of the animals, and a file may
    list them by phenotype. Cut through a tie, its loadings would then tell the test
    phenotypes' ranks. A pedigree is sorted for the same reason.
    """
    order = np.argsort(ids, kind="stable")
    if (order[1:] > order[:-1]).all():
        return ids, A
    return ids[order], A[np.ix_(order, order)]


def check_relationship(A: np.ndarray) -> np.ndarray:
    """Return A as float64 after refusing one that is not square, finite, symmetric."""
    A = np.asarray(A, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise InputError(f"the relationship matrix is not square: shape {A.shape}")
    if not np.isfinite(A).all():
        row, column = np.argwhere(~np.isfinite(A))[0] + 1
        raise InputError(
            f"the relationship matrix has a missing or infinite entry in row {row}, "
            f"column {column}"
        )
    gap = np.abs(A - A.T)
    if gap.max() > 1e-8 * np.abs(A).max():
        row, column = np.unravel_index(gap.argmax(), A.shape)
        raise InputError(
            f"the relationship matrix is not symmetric: row {row + 1}, column "
            f"{column + 1} is {A[row, column]:g}, its mirror {A[column, row]:g}"
        )
    return A


def _dense(
    A: np.ndarray, genotyped: np.ndarray, rule: str, rank: int | None, share: float
) -> Loadings:
    trace = float(np.trace(A))
    logger.info("decomposing a relationship matrix of %d animals", len(A))
    values, vectors = dense_eigenpairs(A)
    refuse_indefinite(values)
    chosen, evidence = choose_rank(values, rule, rank=rank, share=share, trace=trace)
    Q = vectors(chosen)
    facts = {"solver": "dense", "n_animals": len(A), "trace": trace, **evidence}
    return _assemble(values, Q[genotyped], chosen, rule, facts)


def _among(
    relationship: np.ndarray | Pedigree,
    genotyped: np.ndarray,
    cap: int,
    dense_limit: int,
    tolerance: float,
) -> Loadings:
    # in the order of the animals, not of the asking: ties must not depend on it
    rows, place = np.unique(genotyped, return_inverse=True)
    block = RelatedBlock(relationship, rows, dense_limit)
    logger.info("decomposing A among %d genotyped animals", len(block.members))
    values, vectors = block.eigenpairs(BAR * block.average, cap, tolerance)
    chosen, evidence = choose_rank(
        values, "average", trace=block.trace, average=block.average, cap=cap
    )
    Q = np.zeros((len(rows), chosen))
    Q[block.members] = vectors(chosen)
    return _assemble(values, Q[place], chosen, "average", block.facts | evidence)


def _iterative(
    pedigree: Pedigree,
    genotyped: np.ndarray,
    rule: str,
    rank: int | None,
    tolerance: float,
) -> Loadings:
    if rule != "fixed":
        raise InputError(
            f"rank rule {rule!r} needs the whole spectrum, which is not computed for a "
            f"pedigree of {len(pedigree)} animals; choose rule 'average', or 'fixed' "
            "with a rank"
        )
    if rank is None or not 1 <= rank < len(pedigree):
        raise InputError(
            f"rank rule 'fixed' needs a rank between 1 and {len(pedigree) - 1}, "
            f"got {rank}"
        )
    logger.info("%d eigenpairs of a pedigree of %d animals", rank, len(pedigree))
    values, Q, trace = pedigree_eigenpairs(pedigree, genotyped, rank, tolerance)
    chosen, evidence = choose_rank(values, rule, rank=rank, trace=trace)
    facts = {"solver": "iterative", "n_animals": len(pedigree), "trace": trace}
    facts |= {"tolerance": tolerance, **evidence}
    return _assemble(values, Q, chosen, rule, facts)


def pedigree_eigenpairs(
    pedigree: Pedigree, animals: np.ndarray, rank: int, tolerance: float = 1e-9
) -> tuple[np.ndarray, np.ndarray, float]:
    """Leading eigenpairs of a pedigree's A, which is never built.

    Parameters
    ----------
    pedigree : Pedigree
        n animals, all of them in A.
    animals : ndarray of int, shape (n_wanted,)
        Rows of the eigenvectors to return.
    rank : int
        Number of eigenpairs.
    tolerance : float
        Bound of ||A q - lambda q|| / lambda.

    Returns
    -------
    values : ndarray of float64, shape (rank,)
        Descending.
    vectors : ndarray of float64, shape (n_wanted, rank)
        The wanted rows of the orthonormal eigenvectors, in the basis of
        `grvsnn.pedigree.eigenbasis.canonical_basis`.
    trace : float
        Trace of A.
    """
    litters = LitterOperator(pedigree)
    if rank <= litters.shape[0]:
        values, Q = leading_eigenpairs(litters, rank, tolerance)
        # contrasts within litters, which nodes leave out, must all come later
        if values[-1] > litters.contrast * (1 + TIE):
            litters.to_animals(Q)
            canonical_basis(values, Q)
            return values, Q[litters.node[animals]], litters.trace
    values, Q = leading_eigenpairs(RelationshipOperator(pedigree), rank, tolerance)
    canonical_basis(values, Q)
    return values, Q[animals], litters.trace


def _assemble(
    values: np.ndarray,
    Q: np.ndarray,
    rank: int,
    rule: str,
    evidence: Mapping[str, object],
) -> Loadings:
    scale = np.sqrt(np.maximum(values[:rank], 0.0))
    return Loadings(values, Q[:, :rank] * scale, rank, rule, evidence)
