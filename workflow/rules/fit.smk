# One rule for each software stack fits methods, their variants and companions: script,
# and inputs are the same for all, and the study says what is different.
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


use rule fit_linear as fit_trees with:
    wildcard_constraints:
        method=STUDY.of_stack("trees"),
    conda:
        "../../envs/trees.yaml"
