# Quality of the genotypes that the methods get: checks, their table and their figure.


rule check_genotypes:
    input:
        genotypes=multiext("<results>/{dataset}/data/genotypes", ".bed", ".bim", ".fam"),
        covariates="<results>/{dataset}/data/covariates.parquet",
        pedigree=get_pedigree,
        provenance="<results>/{dataset}/data/provenance.json",
    output:
        checks="<results>/{dataset}/qc/checks.parquet",
        animals="<results>/{dataset}/qc/animals.parquet",
        markers="<results>/{dataset}/qc/markers.parquet",
        pairs="<results>/{dataset}/qc/pairs.parquet",
        flagged_animals="<results>/{dataset}/qc/flagged_animals.csv",
        flagged_markers="<results>/{dataset}/qc/flagged_markers.csv",
    log:
        "<logs>/check_genotypes/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 5),
        runtime=scale_by_size(10, 0.2),
        gpu=0,
    params:
        code=hash_code("check_genotypes.py"),
        both_sexes=lookup(
            "registry/{dataset}/loadings/both_sexes", within=config, default=False
        ),
        qc=lookup("qc", within=config),
    script:
        "../../scripts/check_genotypes.py"


rule tabulate_qc:
    input:
        checks="<results>/{dataset}/qc/checks.parquet",
        animals="<results>/{dataset}/qc/animals.parquet",
        markers="<results>/{dataset}/qc/markers.parquet",
        provenance="<results>/{dataset}/data/provenance.json",
    output:
        csv="<results>/{dataset}/tables/qc.csv",
        tex="<results>/{dataset}/tables/qc.tex",
        html=report(
            "<results>/{dataset}/tables/qc.html",
            caption="../report/qc.rst",
            category="Genotypes",
            subcategory="{dataset}",
            labels={"table": "quality of the genotypes", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/tables/{dataset}/qc.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("tabulate_qc.py"),
    script:
        "../../scripts/tabulate_qc.py"


rule plot_qc:
    input:
        animals="<results>/{dataset}/qc/animals.parquet",
        markers="<results>/{dataset}/qc/markers.parquet",
        pairs="<results>/{dataset}/qc/pairs.parquet",
    output:
        png="<results>/{dataset}/figures/qc.png",
        svg=report(
            "<results>/{dataset}/figures/qc.svg",
            caption="../report/qc_figure.rst",
            category="Genotypes",
            subcategory="{dataset}",
            labels={"figure": "quality of the genotypes", "dataset": "{dataset}"},
        ),
    log:
        "<logs>/figures/{dataset}/qc.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("plot_qc.py"),
        qc=lookup("qc", within=config),
    script:
        "../../scripts/plot_qc.py"
