# One rule per software stack; all share the files of a fit, the script and its contract.
FIT_INPUT = {
    "genotypes": GENOTYPES,
    "fractional": get_fractional,
    "training": "<results>/{dataset}/targets/repeat-{repeat}/training.parquet",
    "folds": "<results>/{dataset}/folds.parquet",
    "loadings": get_loadings,
}


rule fit_linear:
    input:
        **FIT_INPUT,
    output:
        predictions=f"{JOB}/predictions.parquet",
        features=f"{JOB}/features.parquet",
        fits=f"{JOB}/fits.json",
        usage="<benchmarks>/{dataset}/{setting}/{method}/repeat-{repeat}.json",
    log:
        "<logs>/fit/{dataset}/{setting}/{method}/repeat-{repeat}.log",
    wildcard_constraints:
        method="mean|gblup",
    conda:
        "../../envs/linear.yaml"
    resources:
        mem_mb=scale_by_size(1000, 40),
        runtime=scale_by_size(10, 0.5),
        gpu=0,
    params:
        code=hash_code(
            "fit_method.py", "grvsnn/methods/mean.py", "grvsnn/methods/gblup.py"
        ),
        method={},
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),
    script:
        "../../scripts/fit_method.py"


use rule fit_linear as fit_bayes with:
    input:
        **FIT_INPUT,
    wildcard_constraints:
        method="brr|blasso|bayescpi",
    conda:
        "../../envs/bayes.yaml"
    resources:
        mem_mb=scale_by_size(1500, 60),
        runtime=scale_by_size(30, 2),
        gpu=0,
    params:
        code=hash_code("fit_method.py", "grvsnn/methods/bayes.py"),
        method=lookup("bayes", within=config),
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule fit_linear as fit_lassonet with:
    input:
        **FIT_INPUT,
    wildcard_constraints:
        method="lassonet",
    # the longest job starts first, so that it does not run alone at the end
    priority: 10
    conda:
        "../../envs/lassonet.yaml"
    resources:
        mem_mb=scale_by_size(2000, 80),
        runtime=scale_by_size(30, 6),
        gpu=0,
    params:
        code=hash_code("fit_method.py", "grvsnn/methods/lassonet.py"),
        method=lookup("lassonet", within=config),
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule fit_linear as fit_grvsnn with:
    input:
        **FIT_INPUT,
    wildcard_constraints:
        method="grvsnn",
    conda:
        "../../envs/network.yaml"
    # a job runs on the CPU when the profile gives it no card (gpu=0)
    resources:
        mem_mb=scale_by_size(2000, 80),
        runtime=scale_by_size(30, 6),
        gpu=1,
    params:
        code=hash_code("fit_method.py", "grvsnn/methods/grvsnn.py"),
        method=lookup("grvsnn", within=config),
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule fit_linear as fit_grvsnn_plus with:
    input:
        **FIT_INPUT,
    wildcard_constraints:
        method="grvsnn_plus",
    conda:
        "../../envs/network.yaml"
    resources:
        mem_mb=scale_by_size(2000, 80),
        runtime=scale_by_size(30, 4),
        gpu=0,
    params:
        code=hash_code("fit_method.py", "grvsnn/methods/grvsnn_plus.py"),
        method=lookup("grvsnn_plus", within=config),
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),
