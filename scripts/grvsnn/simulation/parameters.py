"""Settings of the population simulator, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from grvsnn.base.errors import InputError


@dataclass(frozen=True)
class SimulationParams:
    """Settings of the simulator; the defaults make about 600 x 2,000 in seconds.

    Parameters
    ----------
    n_generations : int
        Generations of progeny after the founders.
    n_genotyped_generations : int
        Youngest generations that are genotyped and phenotyped; the rest are ancestors
        known by name only.
    n_animals : int
        Size of the pedigree, of whose last generation only a part is born; 0 = all.
    n_genotyped : int
        Animals genotyped, drawn from the youngest generations; 0 = all of them.
    n_sires, dams_per_sire, litter_size : int
        Each generation's sires, the dams mated to each, and full sibs per dam.
    n_snps : int
        Markers over all chromosomes.
    n_chromosomes : int
        Chromosomes of equal length.
    chromosome_cm : float
        Genetic length of a chromosome (centimorgan; 1 cM = 1 Mb on the map).
    historical_size, historical_generations : int
        Animals per generation and generations of the historical population; smaller
        and longer make more linkage disequilibrium.
    min_maf : float
        Smallest minor allele frequency of a marker among the founders' haplotypes.
    n_traits : int
        Number of traits, named trait_1, trait_2, ...
    heritability : float or sequence of float
        Additive share of the variance around the fixed effects, per trait.
    dominance, epistasis : float or sequence of float
        Shares of dominance deviations and additive x additive pairs.
    dominance_direction : float
        Mean of the degrees of dominance (d over the size of the average effect) in
        their standard deviations; their size follows from `dominance`. 0 has no
        direction, above 0 gives heterosis and inbreeding depression.
    orthogonal : bool
        Make additive, dominance and epistatic values and the residuals uncorrelated
        among the genotyped, so that the shares add up exactly: average effects are
        then Fisher's regressions on the gene contents. Otherwise the textbook's
        values for Hardy-Weinberg and linkage equilibrium, uncorrelated on average.
    genetic_correlation, residual_correlation : float
        Between every two traits.
    n_qtl, n_large_qtl : int
        All QTL, and those of them with large effects.
    large_share : float
        Share of the additive variance that the large QTL hold (before traits are
        scaled jointly).
    n_epistatic_pairs : int
        Pairs of QTL that interact.
    effects : {"normal", "gamma"}
        Distribution of the polygenic effects; gamma (shape 0.4) has heavier tails.
    qtl_on_markers : bool
        QTL are among the markers (so that recall and precision are defined exactly), or
        hidden between them.
    sex_effect, group_sd : float
        Difference between the sexes and standard deviation of the contemporary
        groups' effects, in phenotypic standard deviations.
    n_groups : int
        Contemporary groups per generation.
    trait_mean, trait_sd : float
        Level and phenotypic standard deviation (fixed effects apart) of every trait.
    missing_genotypes, missing_phenotypes : float
        Shares of missing calls and records, at random.
    population : str
        Name that random draws derive from, the dataset's own when empty: datasets of
        one name share pedigree, genotypes, QTL and the pattern of effects.
    """

    n_generations: int = 5
    n_genotyped_generations: int = 3
    n_animals: int = 0
    n_genotyped: int = 0
    n_sires: int = 10
    dams_per_sire: int = 5
    litter_size: int = 4
    n_snps: int = 2000
    n_chromosomes: int = 10
    chromosome_cm: float = 100.0
    historical_size: int = 100
    historical_generations: int = 80
    min_maf: float = 0.05
    n_traits: int = 3
    heritability: float | Sequence[float] = 0.4
    dominance: float | Sequence[float] = 0.1
    epistasis: float | Sequence[float] = 0.0
    dominance_direction: float = 0.0
    orthogonal: bool = False
    genetic_correlation: float = 0.4
    residual_correlation: float = 0.1
    n_qtl: int = 100
    n_large_qtl: int = 5
    large_share: float = 0.4
    n_epistatic_pairs: int = 0
    effects: str = "gamma"
    qtl_on_markers: bool = True
    sex_effect: float = 0.5
    group_sd: float = 0.4
    n_groups: int = 3
    trait_mean: float = 100.0
    trait_sd: float = 10.0
    missing_genotypes: float = 0.01
    missing_phenotypes: float = 0.05
    population: str = ""

    @classmethod
    def from_mapping(cls, params: Mapping) -> "SimulationParams":
        """Check a config section; every error names its key."""
        known = {field.name for field in fields(cls)}
        for key in params:
            if key not in known:
                raise InputError(
                    f"simulate: unknown key {key!r}; known: {', '.join(sorted(known))}"
                )
        return cls(**params)

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            _check_number(name, getattr(self, name), low, high)
        for name in ("heritability", "dominance", "epistasis"):
            shares = np.atleast_1d(getattr(self, name))
            if len(shares) not in (1, self.n_traits):
                raise InputError(
                    f"simulate: {name} has {len(shares)} values for "
                    f"{self.n_traits} traits; give one, or one per trait"
                )
            for share in shares:
                _check_number(name, share, 0, 1)
        self._check_together()
        self._check_sizes()

    def _check_together(self) -> None:
        """Refuse settings that are impossible only in combination."""
        shares = self.variance_shares()
        # the correlation matrix must stay positive definite
        lowest = -1 / max(self.n_traits - 1, 1)
        n_pairs = self.n_qtl * (self.n_qtl - 1) // 2
        impossible = {
            "heritability": (
                shares.sum(axis=0).max() >= 1,
                "with dominance and epistasis must stay below 1",
            ),
            "n_epistatic_pairs": (
                self.n_epistatic_pairs > n_pairs
                or (shares[2].max() > 0 and self.n_epistatic_pairs == 0),
                f"must be at most {n_pairs}, and at least 1 where epistasis is above 0",
            ),
            "n_genotyped_generations": (
                self.n_genotyped_generations > self.n_generations,
                f"must be at most n_generations ({self.n_generations})",
            ),
            "n_large_qtl": (
                self.n_large_qtl >= self.n_qtl,
                f"must be below n_qtl ({self.n_qtl})",
            ),
            "n_qtl": (
                self.n_qtl < self.n_traits
                or (self.qtl_on_markers and self.n_qtl > self.n_snps),
                "must be at least n_traits and, on markers, at most n_snps",
            ),
            "genetic_correlation": (
                self.genetic_correlation <= lowest,
                f"must be above {lowest:.3g} for {self.n_traits} traits",
            ),
            "residual_correlation": (
                self.residual_correlation <= lowest,
                f"must be above {lowest:.3g} for {self.n_traits} traits",
            ),
            "n_snps": (
                self.n_snps < self.n_chromosomes,
                "must be at least n_chromosomes",
            ),
            **{
                name: (
                    not isinstance(getattr(self, name), bool),
                    f"must be true or false, got {getattr(self, name)!r}",
                )
                for name in ("qtl_on_markers", "orthogonal")
            },
            "population": (
                not isinstance(self.population, str),
                f"must be a name, got {self.population!r}",
            ),
            "effects": (
                self.effects not in ("normal", "gamma"),
                f"must be normal or gamma, got {self.effects!r}",
            ),
        }
        for name, (is_wrong, message) in impossible.items():
            if is_wrong:
                raise InputError(f"simulate: {name} {message}")

    def _check_sizes(self) -> None:
        """Refuse sizes that the generations cannot have."""
        *older, last = self.generation_sizes
        litters = self.n_sires * self.dams_per_sire * self.litter_size
        if not 0 < last <= litters:
            raise InputError(
                f"simulate: n_animals must be between {sum(older) + 1} and "
                f"{sum(older) + litters}, so that the pedigree ends within its "
                f"{self.n_generations} generations; got {self.n_animals}"
            )
        youngest = sum(self.generation_sizes[-self.n_genotyped_generations :])
        if self.n_genotyped > youngest:
            raise InputError(
                f"simulate: n_genotyped must be at most {youngest}, the animals of "
                f"n_genotyped_generations; got {self.n_genotyped}"
            )

    @property
    def generation_sizes(self) -> tuple[int, ...]:
        """Animals born in each generation, the founders first."""
        n_dams = self.n_sires * self.dams_per_sire
        older = [self.n_sires + n_dams]
        older += [n_dams * self.litter_size] * (self.n_generations - 1)
        last = n_dams * self.litter_size
        if self.n_animals:
            last = self.n_animals - sum(older)
        return (*older, last)

    def variance_shares(self) -> np.ndarray:
        """Additive, dominance and epistatic shares, shape (3, n_traits)."""
        return np.array(
            [
                np.broadcast_to(np.asarray(share, dtype=float), self.n_traits)
                for share in (self.heritability, self.dominance, self.epistasis)
            ]
        )

    @property
    def traits(self) -> tuple[str, ...]:
        """Trait names."""
        return tuple(f"trait_{number}" for number in range(1, self.n_traits + 1))


_RANGES = {
    "n_generations": (1, None),
    "n_genotyped_generations": (1, None),
    "n_animals": (0, None),
    "n_genotyped": (0, None),
    "n_sires": (1, None),
    "dams_per_sire": (1, None),
    "litter_size": (2, None),
    "n_snps": (1, None),
    "n_chromosomes": (1, None),
    "chromosome_cm": (0, None),
    "historical_size": (2, None),
    "historical_generations": (1, None),
    "min_maf": (0, 0.5),
    "n_traits": (1, None),
    "dominance_direction": (None, None),
    "genetic_correlation": (-0.99, 0.99),
    "residual_correlation": (-0.99, 0.99),
    "n_qtl": (1, None),
    "n_large_qtl": (0, None),
    "large_share": (0, 0.95),
    "n_epistatic_pairs": (0, None),
    "sex_effect": (None, None),
    "group_sd": (0, None),
    "n_groups": (1, None),
    "trait_mean": (None, None),
    "trait_sd": (1e-12, None),
    "missing_genotypes": (0, 0.9),
    "missing_phenotypes": (0, 0.9),
}


def _check_number(
    name: str, value: object, low: float | None, high: float | None
) -> None:
    kind = SimulationParams.__dataclass_fields__[name].type
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if not is_number or isinstance(value, bool) or not np.isfinite(value):
        raise InputError(f"simulate: {name} must be a number, got {value!r}")
    if kind is int and value != int(value):
        raise InputError(f"simulate: {name} must be a whole number, got {value!r}")
    if (low is not None and value < low) or (high is not None and value > high):
        allowed = f">= {low}" if high is None else f"between {low} and {high}"
        raise InputError(f"simulate: {name} must be {allowed}, got {value!r}")
