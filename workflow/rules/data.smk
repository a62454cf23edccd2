DATA = "<results>/{dataset}/data"
GENOTYPES = multiext(f"{DATA}/genotypes", ".bed", ".bim", ".fam")


rule fetch_file:
    output:
        "<resources>/{folder}/{file}",
    log:
        "<logs>/fetch_file/{folder}/{file}.log",
    wildcard_constraints:
        folder="|".join(sorted({raw_folder(name) for name in fetched_datasets()})),
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(500),
        runtime=grow(60),
        gpu=0,
    params:
        source=get_raw_source,
    script:
        "../../scripts/fetch_file.py"


rule prepare_mouse:
    input:
        unpack(get_raw_files),
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        relationship=f"{DATA}/relationship.npz",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_of("mouse"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
        gpu=0,
    params:
        code=hash_code("prepare_mouse.py"),
        entry=lookup("registry/{dataset}", within=config),
        qc=get_filters,
    script:
        "../../scripts/prepare_mouse.py"


rule prepare_pine:
    input:
        unpack(get_raw_files),
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        pedigree=f"{DATA}/pedigree.parquet",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_of("pine"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
        gpu=0,
    params:
        code=hash_code("prepare_pine.py"),
        entry=lookup("registry/{dataset}", within=config),
        qc=get_filters,
    script:
        "../../scripts/prepare_pine.py"


rule prepare_pig:
    input:
        unpack(get_raw_files),
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        pedigree=f"{DATA}/pedigree.parquet",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_of("pig"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
        gpu=0,
    params:
        code=hash_code("prepare_pig.py"),
        entry=lookup("registry/{dataset}", within=config),
        qc=get_filters,
    script:
        "../../scripts/prepare_pig.py"


# one's own files, with A or a pedigree or neither
rule prepare_herd:
    input:
        unpack(get_own_files),
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=herds_with(),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 5),
        runtime=grow(60),
        gpu=0,
    params:
        code=hash_code("prepare_herd.py"),
        entry=lookup("registry/{dataset}", within=config),
        qc=get_filters,
    script:
        "../../scripts/prepare_herd.py"


use rule prepare_herd as prepare_herd_pedigree with:
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        pedigree=f"{DATA}/pedigree.parquet",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    wildcard_constraints:
        dataset=herds_with("pedigree"),


use rule prepare_herd as prepare_herd_relationship with:
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        relationship=f"{DATA}/relationship.npz",
        provenance=f"{DATA}/provenance.json",
        usage="<benchmarks>/{dataset}/prepare.json",
    wildcard_constraints:
        dataset=herds_with("relationship"),


# dosages before rounding, of the animals and markers that the data hold
rule keep_fractions:
    input:
        GENOTYPES,
        source=get_genotype_file,
    output:
        dosages=f"{DATA}/dosages.npy",
    log:
        "<logs>/keep_fractions/{dataset}.log",
    wildcard_constraints:
        dataset=fractional_datasets(),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 15),
        runtime=grow(60),
        gpu=0,
    params:
        code=hash_code("keep_fractions.py"),
        entry=lookup("registry/{dataset}", within=config),
    script:
        "../../scripts/keep_fractions.py"


rule simulate_population:
    input:
        unpack(get_real_relatives),
    output:
        GENOTYPES,
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=f"{DATA}/covariates.parquet",
        pedigree=f"{DATA}/pedigree.parquet",
        provenance=f"{DATA}/provenance.json",
        true_values=f"{DATA}/true_values.parquet",
        true_qtl=f"{DATA}/true_qtl.parquet",
        true_epistasis=f"{DATA}/true_epistasis.parquet",
        usage="<benchmarks>/{dataset}/prepare.json",
    log:
        "<logs>/prepare/{dataset}.log",
    wildcard_constraints:
        dataset=datasets_of("simulated"),
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=scale_by_size(1000, 10),
        runtime=grow(30),
        gpu=0,
    params:
        code=hash_code("simulate_population.py"),
        simulation=lookup("registry/{dataset}/simulation", within=config),
        qc=get_filters,
        liked=get_liked,
        seed=lookup("seed", within=config),
    script:
        "../../scripts/simulate_population.py"


rule make_folds:
    input:
        GENOTYPES if config["folds"]["scheme"] == "cluster" else [],
        phenotypes=f"{DATA}/phenotypes.parquet",
        pedigree=branch(
            lookup("folds/scheme", within=config),
            cases={"family": get_relationship, "forward": get_relationship},
            otherwise=[],
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
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("make_folds.py"),
        both_sexes=lookup(
            "registry/{dataset}/loadings/both_sexes", within=config, default=False
        ),
        folds=lookup("folds", within=config),
        seed=lookup("seed", within=config),
    script:
        "../../scripts/make_folds.py"


rule make_targets:
    input:
        phenotypes=f"{DATA}/phenotypes.parquet",
        covariates=get_covariates,
        folds="<results>/{dataset}/folds.parquet",
    output:
        training="<results>/{dataset}/targets/repeat-{repeat}/training.parquet",
        truth="<results>/{dataset}/targets/repeat-{repeat}/truth.parquet",
        usage="<benchmarks>/{dataset}/targets/repeat-{repeat}.json",
    log:
        "<logs>/make_targets/{dataset}/repeat-{repeat}.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
        gpu=0,
    params:
        code=hash_code("make_targets.py"),
        protocol=lookup("protocol", within=config),
    script:
        "../../scripts/make_targets.py"
