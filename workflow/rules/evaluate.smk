# Scores: the one place where predictions meet test phenotypes.
rule score_predictions:
    input:
        predictions=lambda w: list_fits("predictions.parquet", STUDY.methods, w.dataset),
        features=lambda w: list_fits("features.parquet", STUDY.methods, w.dataset),
        fits=lambda w: list_fits("fits.json", STUDY.methods, w.dataset),
        truth=collect(
            f"{TARGETS}/truth.parquet", repeat=STUDY.repeats, allow_missing=True
        ),
        bed=f"{DATA}/genotypes.bed",
        true_values=get_if_simulated("true_values"),
        true_qtl=get_if_simulated("true_qtl"),
    output:
        scores="<results>/{dataset}/scores.parquet",
        stability="<results>/{dataset}/stability.parquet",
        facts="<results>/{dataset}/facts.parquet",
        comparisons="<results>/{dataset}/comparisons.parquet",
        selection_scores="<results>/{dataset}/selection/scores.parquet",
        selection_stability="<results>/{dataset}/selection/stability.parquet",
        usage="<benchmarks>/{dataset}/scores.json",
    log:
        "<logs>/score_predictions/{dataset}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=scale_by_size(2000, 40),
        runtime=scale_by_size(10, 0.5),
    params:
        code=hash_code("score_predictions.py"),
        window_cm=config["evaluation"]["window_cm"],
        rope=config["evaluation"]["rope"],
        selecting=STUDY.selecting,
    script:
        "../../scripts/score_predictions.py"


use rule score_predictions as score_others with:
    input:
        predictions=get_others("predictions.parquet"),
        features=get_others("features.parquet"),
        fits=get_others("fits.json"),
        truth=get_truth("", "variants", *STUDY.companions),
        # in whose units the leaky companions predict
        own_truth=get_truth("published/", "optimism"),
        bed=f"{DATA}/genotypes.bed",
        true_values=get_true_values("true_values"),
        true_qtl=get_true_values("true_qtl"),
    output:
        scores="<results>/{dataset}/{family}/scores.parquet",
        stability="<results>/{dataset}/{family}/stability.parquet",
        facts="<results>/{dataset}/{family}/facts.parquet",
        usage="<benchmarks>/{dataset}/scores_{family}.json",
    log:
        "<logs>/score_others/{dataset}/{family}.log",
    wildcard_constraints:
        family="|".join(["variants", *STUDY.companions]),


rule collect_scores:
    input:
        scores=of_datasets("scores.parquet", config["datasets"]),
    output:
        "<results>/summary/scores.parquet",
    log:
        "<logs>/collect_scores.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=hash_code("collect_scores.py"),
    script:
        "../../scripts/collect_scores.py"
