rule score_predictions:
    input:
        predictions=get_jobs("predictions.parquet"),
        features=get_jobs("features.parquet"),
        fits=get_jobs("fits.json"),
        truth=collect(
            "<results>/{{dataset}}/targets/repeat-{repeat}/truth.parquet",
            repeat=REPEATS,
        ),
        bed="<results>/{dataset}/data/genotypes.bed",
        true_values=get_truth("true_values"),
        true_qtl=get_truth("true_qtl"),
    output:
        scores="<results>/{dataset}/scores.parquet",
        stability="<results>/{dataset}/stability.parquet",
        facts="<results>/{dataset}/facts.parquet",
        usage="<benchmarks>/{dataset}/scores.json",
    log:
        "<logs>/score_predictions/{dataset}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(2000, 40),
        runtime=scale_by_size(10, 0.5),
        gpu=0,
    params:
        code=hash_code("score_predictions.py"),
        window_cm=lookup("evaluation/window_cm", within=config),
    script:
        "../../scripts/score_predictions.py"


rule compare_methods:
    input:
        scores="<results>/{dataset}/scores.parquet",
    output:
        comparisons="<results>/{dataset}/comparisons.parquet",
    log:
        "<logs>/compare_methods/{dataset}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("compare_methods.py"),
        rope=lookup("evaluation/rope", within=config),
    script:
        "../../scripts/compare_methods.py"


rule collect_scores:
    input:
        scores=collect("<results>/{dataset}/scores.parquet", dataset=config["datasets"]),
    output:
        "<results>/summary/scores.parquet",
    log:
        "<logs>/collect_scores.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("collect_scores.py"),
    script:
        "../../scripts/collect_scores.py"


rule tabulate_intervals:
    input:
        scores="<results>/{dataset}/scores.parquet",
        facts=get_facts(),
    output:
        csv="<results>/{dataset}/tables/intervals.csv",
        tex="<results>/{dataset}/tables/intervals.tex",
        html=report(
            "<results>/{dataset}/tables/intervals.html",
            caption="../report/table.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "intervals", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/intervals.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_intervals.py"),
    script:
        "../../scripts/tabulate_intervals.py"


rule plot_intervals:
    input:
        scores="<results>/{dataset}/scores.parquet",
    output:
        png="<results>/{dataset}/figures/intervals.png",
        svg=report(
            "<results>/{dataset}/figures/intervals.svg",
            caption="../report/intervals.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "prediction intervals", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/intervals.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_intervals.py"),
    script:
        "../../scripts/plot_intervals.py"
