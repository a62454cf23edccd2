rule compute_loadings:
    input:
        relationship=get_relationship,
        phenotypes="<results>/{dataset}/data/phenotypes.parquet",
    output:
        eigenvalues="<results>/{dataset}/pedigree/eigenvalues.parquet",
        loadings="<results>/{dataset}/pedigree/loadings.parquet",
        rank="<results>/{dataset}/pedigree/rank.json",
        usage="<benchmarks>/{dataset}/loadings.json",
    log:
        "<logs>/compute_loadings/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
        gpu=0,
    params:
        code=hash_code("compute_loadings.py"),
        loadings=lookup("registry/{dataset}/loadings", within=config),
    script:
        "../../scripts/compute_loadings.py"
