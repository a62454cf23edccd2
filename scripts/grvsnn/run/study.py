"""What a config asks for: its methods, their variants, and their companions.

A variant is a method with some parameters changed (``<method>-<name>``, an ablation). A
companion is a method or variant fitted once more to other training rows or phenotypes
(``<method>-<companion>``), by the rule and from the seeds of its method. The workflow
loads this file by its path, so it needs only the standard library.
"""

from collections.abc import Iterable, Mapping

HERD_FORMATS = ("plink", "vcf", "raw", "hapmap", "csv")
"""Formats of a user's own files; those of the registry name their own."""
PAPER = ("pine", "mouse", "pig")
"""Datasets of the paper."""
FITS_ALL = {"part": False, "whole": True, "peeking": False, "published": True}
"""Whether a companion is fitted to all training animals, or to the inner fit rows."""
LEAKY = {"peeking", "published"}
"""Companions, and protocols of theirs, that tune and stop on the test animals."""


class Study:
    """One config and the registry of methods.

    Parameters
    ----------
    config : mapping
        The whole config, with its defaults.
    registry : mapping
        Entries of workflow/methods.yaml by method.

    Attributes
    ----------
    methods : list of str
        The config's.
    variants : dict of str to mapping
        Variants of these methods, with the parameters that they change.
    companions : dict of str to list of str
        Names of the companions by family: sentinel, optimism, learning_curve, and
        held_<group> for each group that `held_out` names.
    repeats : range
        From 1.
    """

    def __init__(self, config: Mapping, registry: Mapping[str, Mapping]) -> None:
        self.config = config
        self.registry = registry
        self.methods = list(config["methods"])
        self.variants = {
            name: changes
            for name, changes in config["ablations"].items()
            if self.base(name) in self.methods
        }
        self.repeats = range(1, config["folds"]["repeats"] + 1)
        self.shares = config["learning_curve"]["shares"]
        self.held = [f"held_{group}" for group in config["held_out"]["groups"]]
        self.companions = {
            family: self._companions_of(family)
            for family in ("sentinel", "optimism", "learning_curve", *self.held)
        }

    def _section(self, family: str) -> Mapping:
        """Return the section of the config that asks for a family of companions."""
        return self.config["held_out" if family in self.held else family]

    def _companions_of(self, family: str) -> list[str]:
        return [
            f"{method}-{name}"
            for method in self._section(family)["methods"]
            if method in self.methods or method in self.variants
            for name in self._suffixes(family, method)
        ]

    def _suffixes(self, family: str, method: str) -> list[str]:
        """Names of a method's companions in a family."""
        if family == "sentinel":
            return ["permuted"]
        if family in self.held:
            return [family]
        if family == "learning_curve":
            return [f"share{share}" for share in self.shares]
        # what the method is not itself of training size x leakage
        params = self._own_params(method)
        if "refit" in params:
            return ["part" if params["refit"] else "whole", "peeking", "published"]
        by_parts = self.gives(method, "inner_fits")
        return ["peeking", "published"] if by_parts else ["published"]

    @staticmethod
    def base(name: str) -> str:
        """Return the method that a variant or companion is named after."""
        return name.partition("-")[0]

    @staticmethod
    def suffix(name: str) -> str:
        """Return the last part of a name, which says which companion it is."""
        return name.rpartition("-")[2]

    def is_companion(self, name: str) -> bool:
        """Tell a companion from a method or a variant."""
        return any(name in names for names in self.companions.values())

    def entry(self, name: str) -> Mapping:
        """Return the registry's entry of a fit's method."""
        return self.registry[self.base(name)]

    def module(self, name: str) -> str:
        """Return the module that fits a name, in scripts/grvsnn/methods."""
        return self.entry(name).get("module", self.base(name))

    def params(self, name: str) -> dict:
        """Return the parameters of a method, a variant, or a companion of either."""
        if not self.is_companion(name):
            return self._own_params(name)
        params = self._own_params(name.rpartition("-")[0])
        if "refit" in params:
            params["refit"] = FITS_ALL.get(self.suffix(name), params["refit"])
        return params

    def _own_params(self, name: str) -> dict:
        """Return the parameters of a method or variant."""
        section = self.entry(name).get("section", self.base(name))
        return {**self.config.get(section, {}), **self.variants.get(name, {})}

    def protocol(self, name: str) -> str:
        """Return the protocol of a fit; leaky companions have their own."""
        leaky = self.is_companion(name) and self.suffix(name) in LEAKY
        return self.suffix(name) if leaky else self.config["protocol"]

    def targets(self, name: str) -> str:
        """Return the folder of a fit's training phenotypes, in that of its repeat."""
        if not self.is_companion(name):
            return ""
        suffix = self.suffix(name)
        shared = {"part": "", "whole": "", "peeking": "published/"}
        return shared.get(suffix, f"{suffix}/")

    def share(self, name: str) -> str:
        """Per cent of the training animals that a companion has; empty for all."""
        return self.suffix(name).partition("share")[2] * self.is_companion(name)

    def group_held(self, name: str) -> str:
        """Return the folder of a companion that holds groups out; empty for others."""
        suffix = self.suffix(name)
        return suffix if self.is_companion(name) and suffix in self.held else ""

    def settings_of(self, name: str) -> list[str]:
        """Return the settings in which a method, variant or companion is fitted."""
        possible = self.entry(name).get("settings", self.config["settings"])
        return [name for name in self.config["settings"] if name in possible]

    def reads(self, name: str, what: str) -> bool:
        """Tell whether a fit reads a file beside genotypes and loadings."""
        return what in self.entry(name).get("reads", ())

    @property
    def fits(self) -> list[str]:
        """Methods, variants and companions: everything that is fitted."""
        others = (name for names in self.companions.values() for name in names)
        return [*self.methods, *self.variants, *others]

    def of_stack(self, stack: str) -> str:
        """Pattern of all fits of a software stack, for a rule's constraint."""
        names = (name for name in self.fits if self.entry(name)["stack"] == stack)
        return "|".join(dict.fromkeys(names)) or "no_method_of_this_stack"

    def gives(self, name: str, what: str) -> bool:
        """Tell whether a fit gives something beside predictions."""
        return what in self.entry(name).get("gives", ())

    def giving(self, what: str, *, variants: bool = False) -> list[str]:
        """Methods, and variants if wished, that give something beside predictions."""
        names = [*self.methods, *(self.variants if variants else ())]
        return [name for name in names if self.gives(name, what)]

    @property
    def selecting(self) -> list[str]:
        """Methods that select features."""
        return [name for name in self.methods if "selects" in self.entry(name)]

    def curved(self, dataset: str = "") -> list[str]:
        """Methods with a curve for each locus, of one dataset's dosages or of any."""
        dosage = self.config["registry"][dataset].get("dosage") if dataset else "hard"
        what = "fractional_curves" if dosage == "fractional" else "curves"
        return [
            name
            for name in self.giving(what)
            # the released network weighs hidden units, not loci
            if self.params(name).get("architecture", "feature") == "feature"
        ]

    @property
    def with_markers(self) -> list[str]:
        """Settings that have markers."""
        return [name for name in self.config["settings"] if name != "pedigree"]

    @property
    def with_relatives(self) -> list[str]:
        """Datasets with a pedigree or a relationship matrix; a herd may have none."""
        registry = self.config["registry"]
        return [
            name
            for name in self.config["datasets"]
            if registry[name]["format"] not in HERD_FORMATS
            or {"pedigree", "relationship"} & set(registry[name]["files"])
        ]

    @property
    def reported(self) -> list[str]:
        """Datasets of this run that the paper reports."""
        return [name for name in self.config["datasets"] if name in PAPER]

    def is_simulated(self, dataset: str) -> bool:
        """Tell whether a dataset's true values are known."""
        return self.config["registry"][dataset]["format"] == "simulated"

    def repeats_of(self, name: str) -> list[int]:
        """Repeats that a fit runs; companions may run the first ones only."""
        for family, names in self.companions.items():
            if name in names:
                return list(self.repeats)[: self._section(family)["repeats"]]
        return list(self.repeats)

    def holds(self, conditions: Iterable[str], dataset: str = "") -> bool:
        """Tell whether a dataset's run meets a result's conditions.

        Parameters
        ----------
        conditions : iterable of str
            ``simulated``, ``relatives``, ``reported``, ``selection``, ``variants``,
            ``both_settings``, ``markers``, a family of companions, or what a method
            (``giving intervals``) or one of its variants gives.
        dataset : str
            Empty for results of all datasets.
        """
        return all(self._holds(condition, dataset) for condition in conditions)

    def _holds(self, condition: str, dataset: str) -> bool:
        settings = set(self.config["settings"])
        known = {
            "simulated": lambda: self.is_simulated(dataset),
            "relatives": lambda: self.with_relatives,
            "reported": lambda: dataset in self.reported if dataset else self.reported,
            "selection": lambda: self.selecting,
            "variants": lambda: self.variants,
            "both_settings": lambda: {"markers", "markers_pedigree"} <= settings,
            "markers": lambda: self.with_markers,
            "curves": lambda: self.curved(dataset),
        }
        if condition == "held_out":
            return any(self.companions[family] for family in self.held)
        if condition in self.companions:
            return bool(self.companions[condition])
        if condition in known:
            return bool(known[condition]())
        return bool(self.giving(condition))
