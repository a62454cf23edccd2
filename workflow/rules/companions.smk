# Companions: the same methods on other training rows or phenotypes (rules/controls.smk),
# for the sentinel, for what the published protocol adds, and for learning curves.
COMPANION_INPUT = {
    **FIT_INPUT,
    "training": get_companion_training,
    "folds": get_companion_folds,
}


rule permute_targets:
    input:
        training=f"{TARGETS}/training.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        permuted=f"{TARGETS}/permuted/training.parquet",
    log:
        "<logs>/permute_targets/{dataset}/repeat-{repeat}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("permute_targets.py"),
        seed=lookup("seed", within=config),
    script:
        "../../scripts/permute_targets.py"


use rule make_targets as make_published_targets with:
    output:
        training=f"{TARGETS}/published/training.parquet",
        truth=PUBLISHED_TRUTH,
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}-published.json",
    log:
        "<logs>/make_published_targets/{dataset}/repeat-{repeat}.log",
    params:
        code=rules.make_targets.params.code,
        protocol="published",


rule take_shares:
    input:
        phenotypes="<results>/{dataset}/data/phenotypes.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        collect(SHARE_FOLDS, share=SHARES, allow_missing=True),
    log:
        "<logs>/take_shares/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("take_shares.py"),
        shares=SHARES,
        seed=lookup("seed", within=config),
    script:
        "../../scripts/take_shares.py"


use rule make_targets as make_share_targets with:
    input:
        phenotypes=rules.make_targets.input.phenotypes,
        covariates=get_covariates,
        folds=SHARE_FOLDS,
    output:
        training=f"{TARGETS}/share{{share}}/training.parquet",
        # shares are scored with the truth of all, to be comparable
        truth=temp(f"{TARGETS}/share{{share}}/truth.parquet"),
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}-share{share}.json",
    log:
        "<logs>/make_share_targets/{dataset}/repeat-{repeat}-share{share}.log",
    wildcard_constraints:
        share=r"\d+",


use rule fit_linear as fit_linear_companion with:
    input:
        **COMPANION_INPUT,
    wildcard_constraints:
        method=companions_of("mean", "gblup"),
    params:
        code=rules.fit_linear.params.code,
        method={},
        protocol=get_companion_protocol,
        seed=lookup("seed", within=config),


use rule fit_bayes as fit_bayes_companion with:
    input:
        **COMPANION_INPUT,
    wildcard_constraints:
        method=companions_of("brr", "blasso", "bayescpi"),
    params:
        code=rules.fit_bayes.params.code,
        method=lookup("bayes", within=config),
        protocol=get_companion_protocol,
        seed=lookup("seed", within=config),


use rule fit_lassonet as fit_lassonet_companion with:
    input:
        **COMPANION_INPUT,
    wildcard_constraints:
        method=companions_of("lassonet"),
    params:
        code=rules.fit_lassonet.params.code,
        method=get_companion_params,
        protocol=get_companion_protocol,
        seed=lookup("seed", within=config),


use rule fit_grvsnn as fit_grvsnn_companion with:
    input:
        **COMPANION_INPUT,
    wildcard_constraints:
        method=companions_of("grvsnn"),
    params:
        code=rules.fit_grvsnn.params.code,
        method=get_companion_params,
        protocol=get_companion_protocol,
        seed=lookup("seed", within=config),


use rule fit_grvsnn_plus as fit_grvsnn_plus_companion with:
    input:
        **COMPANION_INPUT,
    wildcard_constraints:
        method=companions_of("grvsnn_plus"),
    params:
        code=rules.fit_grvsnn_plus.params.code,
        method=get_companion_params,
        protocol=get_companion_protocol,
        seed=lookup("seed", within=config),


use rule score_predictions as score_companions with:
    input:
        predictions=get_companion_jobs("predictions.parquet"),
        features=get_companion_jobs("features.parquet"),
        fits=get_companion_jobs("fits.json"),
        truth=get_companion_truth(f"{TARGETS}/truth.parquet", *FAMILIES),
        # in whose units the leaky companions predict
        own_truth=get_companion_truth(PUBLISHED_TRUTH, "optimism"),
        bed="<results>/{dataset}/data/genotypes.bed",
    output:
        scores="<results>/{dataset}/{family}/scores.parquet",
        stability="<results>/{dataset}/{family}/stability.parquet",
        facts="<results>/{dataset}/{family}/facts.parquet",
        usage="<benchmarks>/{dataset}/scores_{family}.json",
    log:
        "<logs>/score_companions/{dataset}/{family}.log",
    wildcard_constraints:
        family="|".join(FAMILIES),


rule tabulate_optimism:
    input:
        scores="<results>/{dataset}/scores.parquet",
        facts=get_facts(),
        variants=get_variant_scores,
        companions="<results>/{dataset}/optimism/scores.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        csv="<results>/{dataset}/tables/optimism.csv",
        tex="<results>/{dataset}/tables/optimism.tex",
        html=report(
            "<results>/{dataset}/tables/optimism.html",
            caption="../report/optimism.rst",
            category="Audit",
            subcategory="{dataset}",
            labels={
                "table": "training size and leakage",
                "dataset": "{dataset}",
            },
        ),
    log:
        "<logs>/tables/{dataset}/optimism.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_optimism.py"),
    script:
        "../../scripts/tabulate_optimism.py"


rule plot_optimism:
    input:
        scores="<results>/{dataset}/scores.parquet",
        variants=get_variant_scores,
        companions="<results>/{dataset}/optimism/scores.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        png="<results>/{dataset}/figures/optimism.png",
        svg=report(
            "<results>/{dataset}/figures/optimism.svg",
            caption="../report/optimism.rst",
            category="Audit",
            subcategory="{dataset}",
            labels={"figure": "training size and leakage", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/optimism.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_optimism.py"),
    script:
        "../../scripts/plot_optimism.py"


rule tabulate_learning_curve:
    input:
        scores="<results>/{dataset}/scores.parquet",
        facts=get_facts(),
        companions="<results>/{dataset}/learning_curve/scores.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        csv="<results>/{dataset}/tables/learning_curve.csv",
        tex="<results>/{dataset}/tables/learning_curve.tex",
        html=report(
            "<results>/{dataset}/tables/learning_curve.html",
            caption="../report/learning_curve.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "learning curves", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/learning_curve.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_learning_curve.py"),
    script:
        "../../scripts/tabulate_learning_curve.py"


rule plot_learning_curve:
    input:
        scores="<results>/{dataset}/scores.parquet",
        companions="<results>/{dataset}/learning_curve/scores.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        png="<results>/{dataset}/figures/learning_curve.png",
        svg=report(
            "<results>/{dataset}/figures/learning_curve.svg",
            caption="../report/learning_curve.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "learning curves", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/learning_curve.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_learning_curve.py"),
    script:
        "../../scripts/plot_learning_curve.py"
