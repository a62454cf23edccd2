# Variants of methods for ablations: which there are, and their parameters and files.
VARIANTS = {
    name: changes
    for name, changes in config["ablations"].items()
    if name.split("-")[0] in config["methods"]
}
BASES = sorted({name.split("-")[0] for name in VARIANTS})


def check_variants():
    """Hold each variant's parameters to the schema of the method that it changes."""
    for name, changes in VARIANTS.items():
        base = name.split("-")[0]
        try:
            part = {**config, base: {**config[base], **changes}}
            validate(part, "../schemas/config.schema.yaml")
        except WorkflowError as error:
            text = CONFIG_CHECK.explain(error.__context__)
            raise WorkflowError(f"ablations, {name}: {text}") from None


check_variants()


def variants_of(base):
    """Pattern of the configured variants of a method."""
    names = [name for name in VARIANTS if name.split("-")[0] == base]
    return "|".join(names) or "no_variant_of_this_method"


def get_params(wildcards):
    """Parameters of a variant: its method's own, with the variant's changes."""
    base = wildcards.method.split("-")[0]
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
