# Variants of methods for ablations: which there are, and their parameters and files.
def base_of(name):
    """Method that a variant, ``<method>-<name>``, changes."""
    return name.split("-")[0]


VARIANTS = {
    name: changes
    for name, changes in config["ablations"].items()
    if base_of(name) in config["methods"]
}
BASES = sorted({base_of(name) for name in VARIANTS})


def variants_of(*bases):
    """Pattern of the configured variants of some methods."""
    names = [name for name in VARIANTS if base_of(name) in bases]
    return "|".join(names) or "no_variant_of_this_method"


def get_method_params(name):
    """Parameters of a method, or of a variant: its method's own, with the changes."""
    section = config.get(CONFIG_CHECK.section_of(name), {})
    return {**section, **VARIANTS.get(name, {})}


def get_params(wildcards):
    """Parameters of a variant."""
    return get_method_params(wildcards.method)


def get_ablation_jobs(name, methods):
    """Input function for one output file of every fit of the given methods."""

    def inner(wildcards):
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=methods,
            repeat=REPEATS,
        )

    return inner


def get_histories(wildcards):
    """Facts of the fits that keep how they trained, of variants too."""
    variants = [name for name in VARIANTS if base_of(name) in WITH_HISTORY]
    return get_ablation_jobs("fits.json", [*WITH_HISTORY, *variants])(wildcards)


def get_sampled_fits(wildcards):
    """Facts of the Bayesian fits, of variants too."""
    names = [*config["methods"], *VARIANTS]
    sampled = [name for name in names if base_of(name) in BAYESIAN]
    return get_ablation_jobs("fits.json", sampled)(wildcards)


# of all datasets, for tables of the summary
FACTS = collect("<results>/{dataset}/facts.parquet", dataset=config["datasets"])


def get_facts(*others):
    """Input function for what tables say of a dataset's fits.

    Those of variants (``ablation``) and of families of companions are kept apart.
    """

    def inner(wildcards):
        there = {"ablation": VARIANTS, **COMPANIONS}
        folders = ["", *(f"{name}/" for name in others if there[name])]
        return [f"<results>/{wildcards.dataset}/{f}facts.parquet" for f in folders]

    return inner
