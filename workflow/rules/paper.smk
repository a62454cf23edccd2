# Tables and figures of the paper and of the audit, each in the report.


rule tabulate_scores:
    input:
        facts=get_facts(),
        scores="<results>/{dataset}/scores.parquet",
    output:
        csv="<results>/{dataset}/tables/{table}.csv",
        tex="<results>/{dataset}/tables/{table}.tex",
        html=report(
            "<results>/{dataset}/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "{table}", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/{table}.log",
    wildcard_constraints:
        table="performance|calibration|truth",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_scores.py"),
        window_cm=lookup("evaluation/window_cm", within=config),
    script:
        "../../scripts/tabulate_scores.py"


rule tabulate_comparisons:
    input:
        facts=get_facts(),
        comparisons="<results>/{dataset}/comparisons.parquet",
        stability="<results>/{dataset}/stability.parquet",
    output:
        csv="<results>/{dataset}/tables/{table}.csv",
        tex="<results>/{dataset}/tables/{table}.tex",
        html=report(
            "<results>/{dataset}/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "{table}", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/{table}.log",
    wildcard_constraints:
        table="comparison|stability",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_comparisons.py"),
        rope=lookup("evaluation/rope", within=config),
    script:
        "../../scripts/tabulate_comparisons.py"


rule tabulate_convergence:
    input:
        facts=get_facts("ablation"),
        fits=get_sampled_fits,
    output:
        csv="<results>/{dataset}/tables/convergence.csv",
        tex="<results>/{dataset}/tables/convergence.tex",
        html=report(
            "<results>/{dataset}/tables/convergence.html",
            caption="../report/table.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "convergence", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/convergence.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_convergence.py"),
    script:
        "../../scripts/tabulate_convergence.py"


rule tabulate_parts:
    input:
        fits=get_jobs("fits.json", of={"grvsnn_plus"}),
        facts=get_facts(),
    output:
        csv="<results>/{dataset}/tables/parts.csv",
        tex="<results>/{dataset}/tables/parts.tex",
        html=report(
            "<results>/{dataset}/tables/parts.html",
            caption="../report/parts.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "parts of GRVSNN+", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/parts.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_parts.py"),
    script:
        "../../scripts/tabulate_parts.py"


rule tabulate_dcor:
    input:
        facts=FACTS,
        scores="<results>/summary/scores.parquet",
    output:
        csv="<results>/summary/tables/dcor.csv",
        tex="<results>/summary/tables/dcor.tex",
        html=report(
            "<results>/summary/tables/dcor.html",
            caption="../report/dcor.rst",
            category="Summary",
            labels={"table": "distance correlation (Table 4)"},
        ),
    log:
        "<logs>/tables/summary/dcor.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_dcor.py"),
    script:
        "../../scripts/tabulate_dcor.py"


rule tabulate_minutes:
    input:
        facts=FACTS,
        fits=get_all_fits,
    output:
        csv="<results>/summary/tables/minutes.csv",
        tex="<results>/summary/tables/minutes.tex",
        html=report(
            "<results>/summary/tables/minutes.html",
            caption="../report/minutes.rst",
            category="Summary",
            labels={"table": "minutes (Table 5)"},
        ),
    log:
        "<logs>/tables/summary/minutes.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_minutes.py"),
    script:
        "../../scripts/tabulate_minutes.py"


rule tabulate_resources:
    input:
        facts=FACTS,
        fits=get_all_fits,
        usage=[file for _, _, file in COSTS],
    output:
        csv="<results>/summary/tables/resources.csv",
        tex="<results>/summary/tables/resources.tex",
        html=report(
            "<results>/summary/tables/resources.html",
            caption="../report/resources.rst",
            category="Summary",
            labels={"table": "resources"},
        ),
    log:
        "<logs>/tables/summary/resources.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_resources.py"),
        labels=[(dataset, stage) for dataset, stage, _ in COSTS],
    script:
        "../../scripts/tabulate_resources.py"


rule plot_scree:
    input:
        eigenvalues=collect(
            "<results>/{dataset}/pedigree/eigenvalues.parquet",
            dataset=WITH_RELATIVES,
        ),
        ranks=collect("<results>/{dataset}/pedigree/rank.json", dataset=WITH_RELATIVES),
    output:
        png="<results>/summary/figures/scree.png",
        svg=report(
            "<results>/summary/figures/scree.svg",
            caption="../report/scree.rst",
            category="Summary",
            labels={"figure": "scree plots (Fig. 2)"},
        ),
    log:
        "<logs>/figures/summary/scree.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_scree.py"),
        datasets=WITH_RELATIVES,
    script:
        "../../scripts/plot_scree.py"


rule plot_true_vs_predicted:
    input:
        predictions=get_showcase("predictions.parquet"),
        truth="<results>/{dataset}/targets/repeat-1/truth.parquet",
    output:
        png="<results>/{dataset}/figures/true_vs_predicted.png",
        svg=report(
            "<results>/{dataset}/figures/true_vs_predicted.svg",
            caption="../report/true_vs_predicted.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "true vs predicted (Fig. 1)", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/true_vs_predicted.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_true_vs_predicted.py"),
    script:
        "../../scripts/plot_true_vs_predicted.py"


rule plot_accuracy:
    input:
        scores="<results>/{dataset}/scores.parquet",
    output:
        png="<results>/{dataset}/figures/{figure}.png",
        svg=report(
            "<results>/{dataset}/figures/{figure}.svg",
            caption="../report/accuracy.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "{figure}", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/{figure}.log",
    wildcard_constraints:
        figure="accuracy|accuracy_breeding|accuracy_genetic|calibration",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_accuracy.py"),
    script:
        "../../scripts/plot_accuracy.py"


rule plot_comparison:
    input:
        comparisons="<results>/{dataset}/comparisons.parquet",
    output:
        png="<results>/{dataset}/figures/comparison.png",
        svg=report(
            "<results>/{dataset}/figures/comparison.svg",
            caption="../report/comparison.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "comparison", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/comparison.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_comparison.py"),
        rope=lookup("evaluation/rope", within=config),
    script:
        "../../scripts/plot_comparison.py"


rule plot_stability:
    input:
        stability="<results>/{dataset}/stability.parquet",
    output:
        png="<results>/{dataset}/figures/stability.png",
        svg=report(
            "<results>/{dataset}/figures/stability.svg",
            caption="../report/stability.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "stability of selections", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/stability.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_stability.py"),
    script:
        "../../scripts/plot_stability.py"


rule plot_importance:
    input:
        features=get_showcase("features.parquet", every_repeat=True),
        bed="<results>/{dataset}/data/genotypes.bed",
        true_qtl=get_truth("true_qtl"),
    output:
        svg="<results>/{dataset}/figures/importance.svg",
        # as an SVG, tens of thousands of points would make the report heavy
        png=report(
            "<results>/{dataset}/figures/importance.png",
            caption="../report/importance.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "importance along the map", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/importance.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(1000, 20),
        runtime=grow(20),
        gpu=0,
    params:
        code=hash_code("plot_importance.py"),
    script:
        "../../scripts/plot_importance.py"


rule plot_accuracy_minutes:
    input:
        scores="<results>/summary/scores.parquet",
        fits=get_all_fits,
    output:
        png="<results>/summary/figures/accuracy_minutes.png",
        svg=report(
            "<results>/summary/figures/accuracy_minutes.svg",
            caption="../report/accuracy_minutes.rst",
            category="Summary",
            labels={"figure": "accuracy and minutes"},
        ),
    log:
        "<logs>/figures/summary/accuracy_minutes.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_accuracy_minutes.py"),
    script:
        "../../scripts/plot_accuracy_minutes.py"


rule score_selection:
    input:
        features=get_jobs("features.parquet", of=SELECTING),
        bed="<results>/{dataset}/data/genotypes.bed",
        true_qtl=get_truth("true_qtl"),
    output:
        scores="<results>/{dataset}/selection/scores.parquet",
        stability="<results>/{dataset}/selection/stability.parquet",
    log:
        "<logs>/score_selection/{dataset}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(2000, 40),
        runtime=scale_by_size(10, 0.5),
        gpu=0,
    params:
        code=hash_code("score_selection.py"),
        window_cm=lookup("evaluation/window_cm", within=config),
    script:
        "../../scripts/score_selection.py"


rule tabulate_selection:
    input:
        facts=get_facts(),
        scores="<results>/{dataset}/selection/scores.parquet",
        stability="<results>/{dataset}/selection/stability.parquet",
    output:
        csv="<results>/{dataset}/tables/selection.csv",
        tex="<results>/{dataset}/tables/selection.tex",
        html=report(
            "<results>/{dataset}/tables/selection.html",
            caption="../report/table.rst",
            category="Tables",
            subcategory="{dataset}",
            labels={"table": "rules of selection", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/selection.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_selection.py"),
        window_cm=lookup("evaluation/window_cm", within=config),
    script:
        "../../scripts/tabulate_selection.py"


rule plot_curves:
    input:
        features=get_curves,
        bed="<results>/{dataset}/data/genotypes.bed",
        true_qtl=get_truth("true_qtl"),
    output:
        png="<results>/{dataset}/figures/curves.png",
        svg=report(
            "<results>/{dataset}/figures/curves.svg",
            caption="../report/curves.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "additive or not: top loci", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/curves.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(1000, 40),
        runtime=grow(20),
        gpu=0,
    params:
        code=hash_code("plot_curves.py"),
    script:
        "../../scripts/plot_curves.py"


rule plot_training:
    input:
        fits=get_histories,
    output:
        png="<results>/{dataset}/figures/training.png",
        svg=report(
            "<results>/{dataset}/figures/training.svg",
            caption="../report/training.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "how the networks trained", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/training.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_training.py"),
    script:
        "../../scripts/plot_training.py"
