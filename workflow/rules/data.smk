# From raw files, or a simulation, to checked genotypes, phenotypes, loadings and folds.
rule fetch_file:
    output:
        "<resources>/{folder}/{file}",
    log:
        "<logs>/fetch_file/{folder}/{file}.log",
    wildcard_constraints:
        folder="|".join(sorted({raw_folder(name) for name in FETCHED})),
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        source=get_raw_source,
    script:
        "../../scripts/fetch_file.py"


rule prepare_dataset:
    input:
        unpack(get_raw_files),
    output:
        GENOTYPES,
        **PREPARED,
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=prepared(""),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(2000, 40),
        runtime=scale_by_size(60),
    params:
        code=hash_code("prepare_dataset.py"),
        entry=lookup("registry/{dataset}", within=config),
        qc=get_filters,
    script:
        "../../scripts/prepare_dataset.py"


use rule prepare_dataset as prepare_dataset_pedigree with:
    output:
        GENOTYPES,
        **PREPARED,
        pedigree=f"{DATA}/pedigree.parquet",
    wildcard_constraints:
        dataset=prepared("pedigree"),


use rule prepare_dataset as prepare_dataset_relationship with:
    output:
        GENOTYPES,
        **PREPARED,
        relationship=f"{DATA}/relationship.npz",
    wildcard_constraints:
        dataset=prepared("relationship"),


rule simulate_population:
    input:
        unpack(get_real_relatives),
    output:
        GENOTYPES,
        **PREPARED,
        pedigree=f"{DATA}/pedigree.parquet",
        true_values=f"{DATA}/true_values.parquet",
        true_qtl=f"{DATA}/true_qtl.parquet",
        true_epistasis=f"{DATA}/true_epistasis.parquet",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_where(lambda entry: entry["format"] == "simulated"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 10),
        runtime=scale_by_size(30),
    params:
        code=hash_code("simulate_population.py"),
        simulation=lookup("registry/{dataset}/simulation", within=config),
        qc=get_filters,
        liked=get_liked,
        seed=config["seed"],
    script:
        "../../scripts/simulate_population.py"


# dosages before rounding, of the animals and markers that the data hold
rule keep_fractions:
    input:
        GENOTYPES,
        source=lambda wildcards: get_raw_files(wildcards)["genotypes"],
    output:
        dosages=f"{DATA}/dosages.npy",
    log:
        "<logs>/keep_fractions/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_where(lambda entry: entry.get("dosage") == "fractional"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 15),
        runtime=scale_by_size(60),
    params:
        code=hash_code("keep_fractions.py"),
        entry=lookup("registry/{dataset}", within=config),
    script:
        "../../scripts/keep_fractions.py"


rule check_genotypes:
    input:
        genotypes=GENOTYPES,
        covariates=f"{DATA}/covariates.parquet",
        pedigree=get_pedigree,
        provenance=f"{DATA}/provenance.json",
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
    params:
        code=hash_code("check_genotypes.py"),
        both_sexes=BOTH_SEXES,
        qc=config["qc"],
    script:
        "../../scripts/check_genotypes.py"


rule compute_loadings:
    input:
        relationship=get_relatives,
        phenotypes=f"{DATA}/phenotypes.parquet",
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
        mem_mb=scale_by_size(8000),
        runtime=scale_by_size(60),
    params:
        code=hash_code("compute_loadings.py"),
        loadings=lookup("registry/{dataset}/loadings", within=config),
    script:
        "../../scripts/compute_loadings.py"


# A itself among the genotyped animals, for methods that read it
rule compute_relationship:
    input:
        relatives=get_relatives,
        phenotypes=f"{DATA}/phenotypes.parquet",
    output:
        A="<results>/{dataset}/pedigree/relationship.npy",
    log:
        "<logs>/compute_relationship/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(8000),
    params:
        code=hash_code("compute_relationship.py"),
        both_sexes=BOTH_SEXES,
    script:
        "../../scripts/compute_relationship.py"


rule make_folds:
    input:
        GENOTYPES if config["folds"]["scheme"] == "cluster" else [],
        phenotypes=f"{DATA}/phenotypes.parquet",
        relatives=(
            get_relatives if config["folds"]["scheme"] in ("family", "forward") else []
        ),
        environment=(
            f"{DATA}/environment.parquet"
            if config["folds"]["scheme"] == "group"
            else []
        ),
    output:
        folds="<results>/{dataset}/folds.parquet",
        usage="<benchmarks>/{dataset}/folds.json",
    log:
        "<logs>/make_folds/{dataset}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 10),
    params:
        code=hash_code("make_folds.py"),
        both_sexes=BOTH_SEXES,
        folds=config["folds"],
        seed=config["seed"],
    script:
        "../../scripts/make_folds.py"


use rule make_folds as make_held_folds with:
    input:
        unpack(get_group),
        phenotypes=f"{DATA}/phenotypes.parquet",
    output:
        folds=HELD_FOLDS,
        usage="<benchmarks>/{dataset}/held_{group}/folds.json",
    log:
        "<logs>/make_held_folds/{dataset}/{group}.log",
    params:
        code=hash_code("make_folds.py"),
        both_sexes=BOTH_SEXES,
        folds=fold_settings,
        seed=config["seed"],
