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


def check_variants():
    """Hold each variant's parameters to the schema of the method that it changes."""
    for name, changes in VARIANTS.items():
        base = base_of(name)
        try:
            part = {**config, base: {**config[base], **changes}}
            validate(part, "../schemas/config.schema.yaml")
        except WorkflowError as error:
            text = CONFIG_CHECK.explain(error.__context__)
            raise WorkflowError(f"ablations, {name}: {text}") from None


check_variants()


def variants_of(base):
    """Pattern of the configured variants of a method."""
    names = [name for name in VARIANTS if base_of(name) == base]
    return "|".join(names) or "no_variant_of_this_method"


def get_params(wildcards):
    """Parameters of a variant: its method's own, with the variant's changes."""
    base = base_of(wildcards.method)
    return {**config[base], **VARIANTS[wildcards.method]}


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
