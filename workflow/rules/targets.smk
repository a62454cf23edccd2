# Training phenotypes of every repeat, with test phenotypes hidden, and those of
# companions: permuted, of the published protocol, and of shares of the training animals.
rule make_targets:
    input:
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=get_covariates,
        folds="<results>/{dataset}/folds.parquet",
    output:
        training=f"{TARGETS}/training.parquet",
        truth=f"{TARGETS}/truth.parquet",
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}.json",
    log:
        "<logs>/make_targets/{dataset}/repeat-{repeat}.log",
    conda:
        "../../envs/data.yaml"
    params:
        code=hash_code("make_targets.py"),
        protocol=config["protocol"],
    script:
        "../../scripts/make_targets.py"


use rule make_targets as make_published_targets with:
    output:
        training=f"{TARGETS}/published/training.parquet",
        truth=f"{TARGETS}/published/truth.parquet",
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}-published.json",
    log:
        "<logs>/make_published_targets/{dataset}/repeat-{repeat}.log",
    params:
        code=hash_code("make_targets.py"),
        protocol="published",


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
    params:
        code=hash_code("permute_targets.py"),
        seed=config["seed"],
    script:
        "../../scripts/permute_targets.py"


rule take_shares:
    input:
        phenotypes=f"{DATA}/phenotypes.parquet",
        folds="<results>/{dataset}/folds.parquet",
    output:
        collect(SHARE_FOLDS, share=STUDY.shares, allow_missing=True),
    log:
        "<logs>/take_shares/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    params:
        code=hash_code("take_shares.py"),
        shares=STUDY.shares,
        seed=config["seed"],
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


use rule make_targets as make_held_targets with:
    input:
        phenotypes=rules.make_targets.input.phenotypes,
        covariates=get_covariates,
        folds=HELD_FOLDS,
    output:
        training=f"{TARGETS}/held_{{group}}/training.parquet",
        truth=f"{TARGETS}/held_{{group}}/truth.parquet",
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}-held_{group}.json",
    log:
        "<logs>/make_held_targets/{dataset}/repeat-{repeat}-{group}.log",
