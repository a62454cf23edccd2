# Tables and figures: one rule write_<job> for each job of results.yaml, and the report.
for job, entry in RESULTS["jobs"].items():
    if not results_of(job):
        continue

    rule:
        name:
            f"write_{job}"
        input:
            **dict(list_needs(entry)),
        output:
            list(list_outputs(job, entry)),
        log:
            f"<logs>/results/{job}.log"
            if entry.get("of") == "all"
            else f"<logs>/results/{{dataset}}/{job}.log",
        conda:
            "../../envs/report.yaml"
        resources:
            mem_mb=scale_by_size(*entry.get("memory_mb", [1000])),
        params:
            code=hash_results(job),
            given={name: VALUES[name] for name in entry.get("params", ())},
            results=results_of(job),
        script:
            "../../scripts/write_results.py"


# the report that a run ends with; Snakemake's own (--report) shows how it was made
rule write_report:
    input:
        results=get_targets,
        fits=SOURCES["reported_fits"],
        scores="<results>/summary/scores.parquet",
        comparisons=of_datasets("comparisons.parquet", config["datasets"]),
        phenotypes=of_datasets("data/phenotypes.parquet", config["datasets"]),
        bims=SOURCES["bims"],
        ranks=SOURCES["ranks"],
        template=workflow.source_path("../report/page.html"),
        captions=CAPTIONS,
    output:
        name_report(),
    log:
        "<logs>/write_report.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(2000),
    params:
        code=hash_code("write_report.py"),
        config={key: value for key, value in config.items() if key != "registry"},
        with_relatives=STUDY.with_relatives,
    script:
        "../../scripts/write_report.py"
