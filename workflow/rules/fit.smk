# One rule for each software stack fits methods, their variants and companions: script,
# inputs and parameters of all are alike, and the study says what is different.
def get_fit_input(wildcards):
    """Training phenotypes and folds of a fit, loadings and fractions where they are."""
    name, dataset = wildcards.method, wildcards.dataset
    targets = f"<results>/{dataset}/targets/repeat-{wildcards.repeat}"
    files = {
        "training": f"{targets}/{STUDY.targets(name)}training.parquet",
        "folds": f"<results>/{dataset}/folds.parquet",
    }
    if share := STUDY.share(name):
        files["folds"] = (
            f"<results>/{dataset}/learning_curve/share{share}/folds.parquet"
        )
    if wildcards.setting != "markers":
        files["loadings"] = f"<results>/{dataset}/pedigree/loadings.parquet"
    if REGISTRY[dataset].get("dosage") == "fractional":
        files["fractional"] = f"<results>/{dataset}/data/dosages.npy"
    return files


def hash_method(wildcards):
    """Hash of the code of a fit, by its method's module."""
    return hash_code(
        "fit_method.py", f"grvsnn/methods/{STUDY.module(wildcards.method)}.py"
    )


def get_method(wildcards):
    """Module and parameters of a fit, and whether it keeps its folds."""
    return {
        "module": STUDY.module(wildcards.method),
        "params": STUDY.params(wildcards.method),
        "keeps_folds": STUDY.entry(wildcards.method).get("keeps_folds", False),
    }


def ask(what):
    """Resource that the registry names for a method of small data and by its size."""

    def inner(wildcards, attempt):
        sizes = STUDY.entry(wildcards.method)[what]
        return scale_by_size(*sizes)(wildcards, attempt)

    return inner


def ask_gpu(wildcards):
    """GPUs of a fit; it runs on the CPU when the profile gives it none."""
    return STUDY.entry(wildcards.method).get("gpu", 0)


rule fit_linear:
    input:
        unpack(get_fit_input),
        genotypes=GENOTYPES,
    output:
        predictions=f"{FIT}/predictions.parquet",
        features=f"{FIT}/features.parquet",
        fits=f"{FIT}/fits.json",
        usage="<benchmarks>/{dataset}/{setting}/{method}/repeat-{repeat}.json",
    log:
        "<logs>/fit/{dataset}/{setting}/{method}/repeat-{repeat}.log",
    wildcard_constraints:
        method=STUDY.of_stack("linear"),
    conda:
        "../../envs/linear.yaml"
    resources:
        mem_mb=ask("memory_mb"),
        runtime=ask("minutes"),
        gpu=ask_gpu,
    params:
        code=hash_method,
        method=get_method,
        protocol=lambda wildcards: STUDY.protocol(wildcards.method),
        seed=config["seed"],
    script:
        "../../scripts/fit_method.py"


use rule fit_linear as fit_bayes with:
    wildcard_constraints:
        method=STUDY.of_stack("bayes"),
    conda:
        "../../envs/bayes.yaml"


use rule fit_linear as fit_network with:
    wildcard_constraints:
        method=STUDY.of_stack("network"),
    # the longest jobs start first, so that none runs alone at the end
    priority: 10
    conda:
        "../../envs/network.yaml"


use rule fit_linear as fit_lassonet with:
    wildcard_constraints:
        method=STUDY.of_stack("lassonet"),
    priority: 10
    conda:
        "../../envs/lassonet.yaml"
