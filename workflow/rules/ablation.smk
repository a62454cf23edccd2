# The paper's ablations: variants of a method, fitted as it is with some parameters
# changed, and what the pedigree adds to each method. Variants keep to their own scores.


use rule fit_bayes as fit_bayes_variant with:
    wildcard_constraints:
        method=variants_of("brr", "blasso", "bayescpi"),
    params:
        code=rules.fit_bayes.params.code,
        method=get_params,
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule fit_grvsnn as fit_grvsnn_variant with:
    wildcard_constraints:
        method=variants_of("grvsnn"),
    params:
        code=rules.fit_grvsnn.params.code,
        method=get_params,
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule fit_grvsnn_plus as fit_grvsnn_plus_variant with:
    wildcard_constraints:
        method=variants_of("grvsnn_plus"),
    params:
        code=rules.fit_grvsnn_plus.params.code,
        method=get_params,
        protocol=lookup("protocol", within=config),
        seed=lookup("seed", within=config),


use rule score_predictions as score_variants with:
    input:
        predictions=get_ablation_jobs("predictions.parquet", list(VARIANTS)),
        features=get_ablation_jobs("features.parquet", list(VARIANTS)),
        fits=get_ablation_jobs("fits.json", list(VARIANTS)),
        truth=collect(
            "<results>/{{dataset}}/targets/repeat-{repeat}/truth.parquet",
            repeat=REPEATS,
        ),
        bed="<results>/{dataset}/data/genotypes.bed",
        true_values=get_truth("true_values"),
        true_qtl=get_truth("true_qtl"),
    output:
        scores="<results>/{dataset}/ablation/scores.parquet",
        stability="<results>/{dataset}/ablation/stability.parquet",
        facts="<results>/{dataset}/ablation/facts.parquet",
        usage="<benchmarks>/{dataset}/scores_variants.json",
    log:
        "<logs>/score_variants/{dataset}.log",


rule collect_ablation:
    input:
        scores="<results>/{dataset}/scores.parquet",
        variants="<results>/{dataset}/ablation/scores.parquet",
        fits=get_ablation_jobs("fits.json", [*BASES, *VARIANTS]),
    output:
        "<results>/{dataset}/ablation/ablation.parquet",
    log:
        "<logs>/collect_ablation/{dataset}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("collect_ablation.py"),
    script:
        "../../scripts/collect_ablation.py"


rule tabulate_ablation:
    input:
        scores="<results>/{dataset}/ablation/ablation.parquet",
        facts=get_facts("ablation"),
    output:
        csv="<results>/{dataset}/tables/ablation.csv",
        tex="<results>/{dataset}/tables/ablation.tex",
        html=report(
            "<results>/{dataset}/tables/ablation.html",
            caption="../report/table.rst",
            category="Ablations",
            subcategory="{dataset}",
            labels={"table": "ablation", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/ablation.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_ablation.py"),
        variants=VARIANTS,
    script:
        "../../scripts/tabulate_ablation.py"


rule plot_ablation:
    input:
        scores="<results>/{dataset}/ablation/ablation.parquet",
    output:
        png="<results>/{dataset}/figures/ablation.png",
        svg=report(
            "<results>/{dataset}/figures/ablation.svg",
            caption="../report/ablation.rst",
            category="Ablations",
            subcategory="{dataset}",
            labels={"figure": "ablation", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/ablation.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_ablation.py"),
    script:
        "../../scripts/plot_ablation.py"


rule tabulate_pedigree:
    input:
        scores="<results>/{dataset}/scores.parquet",
        facts=get_facts(),
        # they say why loadings changed nothing
        fits=get_jobs("fits.json", of={"gblup", "grvsnn_plus"}),
    output:
        csv="<results>/{dataset}/tables/pedigree.csv",
        tex="<results>/{dataset}/tables/pedigree.tex",
        html=report(
            "<results>/{dataset}/tables/pedigree.html",
            caption="../report/table.rst",
            category="Ablations",
            subcategory="{dataset}",
            labels={"table": "what the pedigree adds", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/pedigree.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_pedigree.py"),
    script:
        "../../scripts/tabulate_pedigree.py"
