# The audit: the paper's numbers beside this run's, the feasibility of both, and two
# guards against leakage.


rule tabulate_reproduced:
    input:
        reported=REPORTED,
        claims=REPORTED_CLAIMS,
        scores="<results>/summary/scores.parquet",
        fits=get_reported_fits,
        facts=FACTS,
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
        code=hash_code("tabulate_reproduced.py"),
        protocol=lookup("protocol", within=config),
    script:
        "../../scripts/tabulate_reproduced.py"


rule plot_reported:
    input:
        reproduced="<results>/summary/tables/reproduced.csv",
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
    params:
        code=hash_code("plot_reported.py"),
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
        facts=FACTS,
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
        code=hash_code("tabulate_feasibility.py"),
        datasets=lookup("datasets", within=config),
        with_relatives=WITH_RELATIVES,
    script:
        "../../scripts/tabulate_feasibility.py"


rule tabulate_sentinel:
    input:
        controls="<results>/{dataset}/sentinel/scores.parquet",
        scores="<results>/{dataset}/scores.parquet",
        facts=get_facts("sentinel"),
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
    params:
        code=hash_code("tabulate_sentinel.py"),
    script:
        "../../scripts/tabulate_sentinel.py"


rule tabulate_handed:
    input:
        fits=get_nested_fits,
        folds="<results>/{dataset}/folds.parquet",
        fam="<results>/{dataset}/data/genotypes.fam",
        facts=get_facts("ablation", "sentinel", "learning_curve"),
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
        code=hash_code("tabulate_handed.py"),
        protocol=lookup("protocol", within=config),
    script:
        "../../scripts/tabulate_handed.py"
