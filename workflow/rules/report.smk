# The report that a run ends with; Snakemake's own (--report) shows how it was made.
REPORT = name_report()
CAPTIONS = [
    workflow.source_path(f"../report/{name}.rst")
    for name in (
        "workflow",
        "ablation",
        "accuracy",
        "accuracy_minutes",
        "comparison",
        "curves",
        "importance",
        "intervals",
        "learning_curve",
        "optimism",
        "qc_figure",
        "reported",
        "scree",
        "stability",
        "training",
        "true_vs_predicted",
    )
]


rule write_report:
    input:
        results=get_results,
        fits=get_reported_fits,
        scores="<results>/summary/scores.parquet",
        comparisons=collect(
            "<results>/{dataset}/comparisons.parquet", dataset=config["datasets"]
        ),
        phenotypes=collect(
            "<results>/{dataset}/data/phenotypes.parquet", dataset=config["datasets"]
        ),
        bims=collect(
            "<results>/{dataset}/data/genotypes.bim", dataset=config["datasets"]
        ),
        ranks=collect("<results>/{dataset}/pedigree/rank.json", dataset=WITH_RELATIVES),
        template=workflow.source_path("../report/page.html"),
        captions=CAPTIONS,
    output:
        REPORT,
    log:
        "<logs>/write_report.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=grow(2000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("write_report.py"),
        config={key: value for key, value in config.items() if key != "registry"},
        with_relatives=WITH_RELATIVES,
    script:
        "../../scripts/write_report.py"
