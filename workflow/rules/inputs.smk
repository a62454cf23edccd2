# Input functions and resources of the rules before the tables: which files a dataset, a
# fit or a score is made from.
REGISTRY = config["registry"]
FETCHED = {n: e for n, e in REGISTRY.items() if e["format"] in ("mouse", "pine", "pig")}
OWN = CONFIG_CHECK.HERD_FORMATS


def datasets_where(holds):
    """Pattern of the registry's datasets whose entries meet a condition."""
    names = [name for name, entry in REGISTRY.items() if holds(entry)]
    return "|".join(names) or "no_such_dataset"


def relatives_of(entry):
    """Which file of relatives a prepared dataset has, if any."""
    kinds = {"mouse": "relationship", "simulated": "pedigree"}
    if entry["format"] in OWN:
        return ({"pedigree", "relationship"} & set(entry["files"]) or {""}).pop()
    return kinds.get(entry["format"], "pedigree")


def prepared(relatives):
    """Pattern of the datasets to prepare that have this file of relatives, or none."""
    return datasets_where(
        lambda entry: entry["format"] != "simulated"
        and relatives_of(entry) == relatives
    )


def raw_folder(dataset):
    return CONFIG_CHECK.raw_folder(REGISTRY, dataset)


def list_raw_files(dataset, roles=None):
    """Raw files of a dataset by role, all or some: downloaded, or a user's own."""
    entry = REGISTRY[dataset]
    files = entry["files"]
    if entry["format"] in OWN:
        files = {role: os.path.expanduser(path) for role, path in files.items()}
        if entry["format"] == "plink":
            stem = files["genotypes"].removesuffix(".bed")
            files.update(bim=f"{stem}.bim", fam=f"{stem}.fam")
        return files
    return {
        role: f"<resources>/{raw_folder(dataset)}/{files[role]['name']}"
        for role in roles or files
    }


def get_raw_files(wildcards):
    return list_raw_files(wildcards.dataset)


def get_raw_source(wildcards):
    """Registry entry of one raw file."""
    for dataset, entry in FETCHED.items():
        for source in entry["files"].values():
            if (raw_folder(dataset), source["name"]) == (
                wildcards.folder,
                wildcards.file,
            ):
                return source
    raise WorkflowError(
        f"No dataset has a raw file {wildcards.folder}/{wildcards.file}"
    )


def get_liked(wildcards):
    """Registry entry of the real dataset that a simulation imitates, {} if none."""
    simulation = REGISTRY[wildcards.dataset].get("simulation", {})
    return REGISTRY.get(simulation.get("like"), {})


def get_real_relatives(wildcards):
    """Raw files of a real pedigree that genes are to be dropped through."""
    simulation = REGISTRY[wildcards.dataset].get("simulation", {})
    if simulation.get("pedigree") != "real":
        return {}
    roles = CONFIG_CHECK.PEDIGREE_ROLES[get_liked(wildcards)["format"]]
    return list_raw_files(simulation["like"], roles)


def get_relatives(wildcards):
    """A itself where a dataset comes with it, else its pedigree; nothing without."""
    names = {"relationship": "relationship.npz", "pedigree": "pedigree.parquet"}
    kind = relatives_of(REGISTRY[wildcards.dataset])
    return f"<results>/{wildcards.dataset}/data/{names[kind]}" if kind else []


def get_pedigree(wildcards):
    """The pedigree of a dataset that comes with one."""
    kind = relatives_of(REGISTRY[wildcards.dataset])
    return get_relatives(wildcards) if kind == "pedigree" else []


def get_filters(wildcards):
    """Filters of the genotypes; limits of checks alone do not prepare data again."""
    return config["qc"] if config["qc"]["drop"] else {}


BOTH_SEXES = lookup(
    "registry/{dataset}/loadings/both_sexes", within=config, default=False
)
PREPARED = {
    "phenotypes": f"{DATA}/phenotypes.parquet",
    "covariates": f"{DATA}/covariates.parquet",
    "environment": f"{DATA}/environment.parquet",
    "provenance": f"{DATA}/provenance.json",
    "usage": "<benchmarks>/{dataset}/prepare.json",
}


def get_covariates(wildcards):
    """The covariates file when phenotypes are to be adjusted."""
    if config["adjust"] == "none":
        return []
    return f"<results>/{wildcards.dataset}/data/covariates.parquet"


def get_group(wildcards):
    """Scheme that holds out the groups of a rule, and the file that it needs."""
    group = wildcards.group
    if group == "family":
        return {"relatives": get_relatives(wildcards)}
    return {"environment": f"<results>/{wildcards.dataset}/data/environment.parquet"}


def fold_settings(wildcards):
    """Settings of folds that hold out the groups of a rule."""
    group = wildcards.group
    scheme = "family" if group == "family" else "group"
    return {**config["folds"], "scheme": scheme, "group": group}


HELD_FOLDS = "<results>/{dataset}/held_{group}/folds.parquet"
SHARE_FOLDS = "<results>/{dataset}/learning_curve/share{share}/folds.parquet"


def get_fit_input(wildcards):
    """Training phenotypes and folds of a fit, loadings and fractions where they are."""
    name, dataset = wildcards.method, wildcards.dataset
    targets = f"<results>/{dataset}/targets/repeat-{wildcards.repeat}"
    files = {
        "training": f"{targets}/{STUDY.targets(name)}training.parquet",
        "folds": f"<results>/{dataset}/folds.parquet",
    }
    if share := STUDY.share(name):
        files["folds"] = (
            f"<results>/{dataset}/learning_curve/share{share}/folds.parquet"
        )
    if held := STUDY.group_held(name):
        files["folds"] = f"<results>/{dataset}/{held}/folds.parquet"
    if STUDY.reads(name, "environment"):
        files["environment"] = f"<results>/{dataset}/data/environment.parquet"
    if STUDY.reads(name, "relationship"):
        files["relationship"] = f"<results>/{dataset}/pedigree/relationship.npy"
    if wildcards.setting != "markers":
        files["loadings"] = f"<results>/{dataset}/pedigree/loadings.parquet"
    if REGISTRY[dataset].get("dosage") == "fractional":
        files["fractional"] = f"<results>/{dataset}/data/dosages.npy"
    return files


def hash_method(wildcards):
    """Hash of the code of a fit, by its method's module."""
    return hash_code(
        "fit_method.py", f"grvsnn/methods/{STUDY.module(wildcards.method)}.py"
    )


def get_method(wildcards):
    """Module and parameters of a fit, and whether it keeps its folds."""
    return {
        "module": STUDY.module(wildcards.method),
        "params": STUDY.params(wildcards.method),
        "keeps_folds": STUDY.entry(wildcards.method).get("keeps_folds", False),
    }


def ask(what):
    """Resource that the registry names for a method of small data and by its size."""

    def inner(wildcards, attempt):
        sizes = STUDY.entry(wildcards.method)[what]
        return scale_by_size(*sizes)(wildcards, attempt)

    return inner


def ask_gpu(wildcards):
    """GPUs of a fit; it runs on the CPU when the profile gives it none."""
    return STUDY.entry(wildcards.method).get("gpu", 0)


def get_others(name):
    """Input function for one output file of every variant, or companion of a family."""

    def inner(wildcards):
        families = {"variants": STUDY.variants, **STUDY.companions}
        return list_fits(name, families[wildcards.family], wildcards.dataset)

    return inner


def get_truth(folder, *families):
    """Input function for the test phenotypes of a family's repeats; none for others.

    Companions that hold groups out have their own folds, and so their own truth.
    """

    def inner(wildcards):
        if wildcards.family not in families:
            return []
        family = wildcards.family
        names = {"variants": STUDY.variants, **STUDY.companions}[family]
        own = f"{family}/" if family in STUDY.held else folder
        return collect(
            f"{TARGETS}/{own}truth.parquet",
            dataset=wildcards.dataset,
            repeat=STUDY.repeats_of(next(iter(names))),
        )

    return inner


def get_true_values(name):
    """Input function for simulated truth, for variants only."""
    return lambda wildcards: (
        get_if_simulated(name)(wildcards) if wildcards.family == "variants" else []
    )
