# The audit: the paper's numbers beside this run's, the feasibility of both, and two
# guards against leakage. Controls are fits to permuted phenotypes, kept to themselves.
CONTROL_INPUT = {**FIT_INPUT, "training": PERMUTED}


rule tabulate_reproduced:
    input:
        reported=REPORTED,
        scores="<results>/summary/scores.parquet",
        fits=get_all_fits,
        library=library("tabulate_reproduced.py"),
    output:
        csv="<results>/summary/tables/reproduced.csv",
        tex="<results>/summary/tables/reproduced.tex",
        html=report(
            "<results>/summary/tables/reproduced.html",
            caption="../report/reproduced.rst",
            category="Reported and reproduced",
            labels={"table": "reported and reproduced"},
        ),
    log:
        "<logs>/tables/summary/reproduced.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        protocol=lookup("protocol", within=config),
    script:
        "../../scripts/tabulate_reproduced.py"


rule plot_reported:
    input:
        reproduced="<results>/summary/tables/reproduced.csv",
        library=library("plot_reported.py"),
    output:
        png="<results>/{dataset}/figures/reported.png",
        svg=report(
            "<results>/{dataset}/figures/reported.svg",
            caption="../report/reported.rst",
            category="Reported and reproduced",
            labels={"figure": "reported and reproduced", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/reported.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    script:
        "../../scripts/plot_reported.py"


rule tabulate_feasibility:
    input:
        reported=REPORTED if REPORTED_DATASETS else [],
        reported_sizes=REPORTED_SIZES,
        scores="<results>/summary/scores.parquet",
        bims=collect(
            "<results>/{dataset}/data/genotypes.bim", dataset=config["datasets"]
        ),
        ranks=collect("<results>/{dataset}/pedigree/rank.json", dataset=WITH_RELATIVES),
        library=library("tabulate_feasibility.py"),
    output:
        csv="<results>/summary/tables/feasibility.csv",
        tex="<results>/summary/tables/feasibility.tex",
        html=report(
            "<results>/summary/tables/feasibility.html",
            caption="../report/feasibility.rst",
            category="Audit",
            labels={"table": "feasibility"},
        ),
        findings_csv="<results>/summary/tables/findings.csv",
        findings_tex="<results>/summary/tables/findings.tex",
        findings_html=report(
            "<results>/summary/tables/findings.html",
            caption="../report/feasibility.rst",
            category="Audit",
            labels={"table": "findings"},
        ),
    log:
        "<logs>/tables/summary/feasibility.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        datasets=lookup("datasets", within=config),
        with_relatives=WITH_RELATIVES,
    script:
        "../../scripts/tabulate_feasibility.py"


rule permute_targets:
    input:
        training="<results>/{dataset}/targets/repeat-{repeat}/training.parquet",
        folds="<results>/{dataset}/folds.parquet",
        library=library("permute_targets.py"),
    output:
        permuted=PERMUTED,
    log:
        "<logs>/permute_targets/{dataset}/repeat-{repeat}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        seed=lookup("seed", within=config),
    script:
        "../../scripts/permute_targets.py"


use rule fit_linear as fit_linear_control with:
    input:
        **CONTROL_INPUT,
        library=rules.fit_linear.input.library,
    wildcard_constraints:
        method=controls_of("mean", "gblup"),


use rule fit_bayes as fit_bayes_control with:
    input:
        **CONTROL_INPUT,
        library=rules.fit_bayes.input.library,
    wildcard_constraints:
        method=controls_of("brr", "blasso", "bayescpi"),


use rule fit_lassonet as fit_lassonet_control with:
    input:
        **CONTROL_INPUT,
        library=rules.fit_lassonet.input.library,
    wildcard_constraints:
        method=controls_of("lassonet"),


use rule fit_grvsnn as fit_grvsnn_control with:
    input:
        **CONTROL_INPUT,
        library=rules.fit_grvsnn.input.library,
    wildcard_constraints:
        method=controls_of("grvsnn"),


use rule fit_grvsnn_plus as fit_grvsnn_plus_control with:
    input:
        **CONTROL_INPUT,
        library=rules.fit_grvsnn_plus.input.library,
    wildcard_constraints:
        method=controls_of("grvsnn_plus"),


use rule score_predictions as score_controls with:
    input:
        predictions=get_control_jobs("predictions.parquet"),
        features=get_control_jobs("features.parquet"),
        truth=collect(
            "<results>/{{dataset}}/targets/repeat-{repeat}/truth.parquet",
            repeat=CONTROL_REPEATS,
        ),
        bed="<results>/{dataset}/data/genotypes.bed",
        library=library("score_predictions.py"),
    output:
        scores="<results>/{dataset}/sentinel/scores.parquet",
        stability="<results>/{dataset}/sentinel/stability.parquet",
    log:
        "<logs>/score_controls/{dataset}.log",
    benchmark:
        "<benchmarks>/{dataset}/scores_controls.tsv"


rule tabulate_sentinel:
    input:
        controls="<results>/{dataset}/sentinel/scores.parquet",
        scores="<results>/{dataset}/scores.parquet",
        library=library("tabulate_sentinel.py"),
    output:
        csv="<results>/{dataset}/tables/sentinel.csv",
        tex="<results>/{dataset}/tables/sentinel.tex",
        html=report(
            "<results>/{dataset}/tables/sentinel.html",
            caption="../report/sentinel.rst",
            category="Audit",
            subcategory="{dataset}",
            labels={"table": "permuted phenotypes", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/sentinel.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    script:
        "../../scripts/tabulate_sentinel.py"


rule tabulate_handed:
    input:
        fits=get_every_fit,
        folds="<results>/{dataset}/folds.parquet",
        fam="<results>/{dataset}/data/genotypes.fam",
        library=library("tabulate_handed.py"),
    output:
        csv="<results>/{dataset}/tables/handed.csv",
        tex="<results>/{dataset}/tables/handed.tex",
        html=report(
            "<results>/{dataset}/tables/handed.html",
            caption="../report/handed.rst",
            category="Audit",
            subcategory="{dataset}",
            labels={"table": "animals that fits were handed", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/handed.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        protocol=lookup("protocol", within=config),
    script:
        "../../scripts/tabulate_handed.py"
