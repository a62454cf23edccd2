"""Hold a config to its schemas, and its parts to each other.

The Snakefile loads this file by its path, before any environment of a rule exists, so
it imports nothing of the library.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

HERD_FORMATS = ("plink", "vcf", "raw", "hapmap", "csv")
PEDIGREE_ROLES = {"pine": ("pedigree", "genotypes"), "pig": ("pedigree", "phenotypes")}
"""Raw files that name the pedigree and the genotyped animals, by format."""
TAKEN = re.compile(
    r"-(permuted|part|whole|peeking|published|share\d+|held_[a-z0-9_]+)$"
)
"""Names of fits to other training rows or phenotypes, see `grvsnn.run.study`."""
FRACTIONAL = ("pig", "vcf", "csv")
TAKEN_NAMES = frozenset(
    {"sample_id", "dataset", "setting", "method", "repeat", "fold", "trait", "role"}
    | {"observed", "predicted", "lower", "upper", "metric", "value", "inner_fold"}
)
"""Columns of the workflow's own tables, which no trait may be called."""
HERD_KEYS = ("missing", "rows", "columns", "repeated")
ADVICE = "Every key is explained in config/README.md."


def read_schemas(
    config: str | Path, datasets: str | Path, methods: Mapping[str, Mapping]
) -> dict[str, dict]:
    """Read the schemas of the config and of the registry of datasets.

    Parameters
    ----------
    config, datasets : path
        config.schema.yaml and datasets.schema.yaml.
    methods : mapping
        The registry of methods (workflow/methods.yaml), which adds their names,
        parameters and variants to the config's schema.
    """
    texts = (Path(path).read_text(encoding="utf-8") for path in (config, datasets))
    schema, registry = map(yaml.safe_load, texts)
    _add_methods(schema, methods)
    return {"config": schema, "datasets": registry}


def _add_methods(schema: dict, methods: Mapping[str, Mapping]) -> None:
    sections = {}
    for name, method in methods.items():
        if method["parameters"]:
            sections[method.get("section", name)] = {
                "type": "object",
                "additionalProperties": False,
                "default": {},
                "properties": method["parameters"],
            }
    schema["properties"] |= sections
    schema["$defs"]["method"]["enum"] = list(methods)
    varied = "|".join(name for name in methods if methods[name]["parameters"])
    schema["properties"]["ablations"]["patternProperties"] = {
        f"^({varied})-[a-z0-9_]+$": {"type": "object", "minProperties": 1}
    }


def check_and_complete(
    config: dict,
    files: Sequence[str | Path],
    schemas: Mapping[str, Mapping],
    methods: Mapping[str, Mapping],
) -> list[str]:
    """Find the mistakes of a config, and fill in its defaults where there are none.

    Parameters
    ----------
    config : dict
        The whole config with its registry of datasets; completed in place.
    files : sequence of path
        The files that it was read from.
    schemas, methods : mapping
        As for `find_problems`.

    Returns
    -------
    list of str
        One line for each mistake.
    """
    problems = [problem for path in files for problem in find_repeated_keys(path)]
    problems = problems or find_problems(config, schemas, methods)
    if not problems:
        complete(config["registry"], schemas["datasets"])
        complete(config, schemas["config"])
    return problems


def complete(part: dict, schema: Mapping) -> None:
    """Fill in the defaults of what a config leaves out, in place.

    Parameters
    ----------
    part : dict
        The config, or a part of it.
    schema : mapping
        What describes it.
    """
    rules = dict(schema.get("properties", {}))
    for pattern, rule in schema.get("patternProperties", {}).items():
        rules |= {key: rule for key in part if re.search(pattern, key)}
    for key, rule in rules.items():
        if "default" in rule and key not in part:
            part[key] = deepcopy(rule["default"])
        if isinstance(part.get(key), dict):
            complete(part[key], rule)


def find_problems(
    config: Mapping, schemas: Mapping[str, Mapping], methods: Mapping[str, Mapping]
) -> list[str]:
    """One line for each mistake in a config.

    Parameters
    ----------
    config : mapping
        The whole config with its registry of datasets.
    schemas : mapping
        Schemas ``datasets`` and ``config`` (`read_schemas`).
    methods : mapping
        The registry of methods.
    """
    if text := _find_odd_key(config):
        return [text]
    parts = {"config": config}
    if isinstance(config.get("registry"), Mapping):
        parts["datasets"] = config["registry"]
    problems = [
        explain(error)
        for name, part in parts.items()
        for error in _validate(part, schemas[name])
    ]
    problems = problems or _check_variants(config, schemas["config"], methods)
    if problems:
        return problems
    registry = config["registry"]
    for name, entry in registry.items():
        texts = _check_entry(entry) + _check_like(entry, registry)
        problems += [f"Config, {name}: {text}." for text in texts]
    text = _check_batch(config, registry)
    problems += [f"Config, qc.batch: {text}."] if text else []
    text = _check_optimism(config)
    problems += [f"Config, optimism: {text}."] if text else []
    for name in config["methods"]:
        possible = methods[name].get("settings")
        if possible and not set(possible) & set(config["settings"]):
            problems.append(
                f"Config, methods: {name} needs one of the settings "
                f"{', '.join(possible)}; add it, or leave {name} out."
            )
    for name in config["datasets"]:
        if name not in registry:
            near = _nearest(name, registry)
            problems.append(
                f"Unknown dataset {name!r} in the config's datasets"
                + (f": did you mean {near!r}?" if near else ".")
                + " The registry (config/datasets.yaml) has: "
                + f"{', '.join(sorted(registry))}."
            )
        else:
            entry = registry[name]
            text = _check_relatives(config, entry)
            text = text or _check_environment(config, entry, methods)
            problems += [f"Config, {name}: {text}."] if text else []
    return problems


def find_repeated_keys(path: str | Path) -> list[str]:
    """One line for each key that a YAML file gives twice, of which one would be lost.

    Parameters
    ----------
    path : path
        A file that has been read as YAML before.
    """
    found, nodes = [], [yaml.compose(Path(path).read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if (first := lines.setdefault(key.value, line)) != line:
                    found.append(
                        f"{path}: {key.value!r} is given in line {first} and again in"
                        f" line {line}; join the two."
                    )
                nodes.append(value)
        elif isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)
    return found


def _find_odd_key(part: object, where: str = "") -> str:
    """Say which key of a config is no text, such as 2020 or a bare ``no``."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if not isinstance(key, str):
                place = f", {where}" if where else ""
                return f"Config{place}: the key {key!r} is no text; put it in quotes."
            if text := _find_odd_key(value, f"{where}.{key}".lstrip(".")):
                return text
    return ""


def missing_controls(methods: Sequence[str], known: Mapping[str, Mapping]) -> str:
    """Say which controls of the known methods a run leaves out; empty where none."""
    controls = {k: v["control"] for k, v in known.items() if "control" in v}
    absent = [f"{k} ({text})" for k, text in controls.items() if k not in methods]
    return f"methods leaves out {' and '.join(absent)}" if absent else ""


def raw_folder(registry: Mapping, dataset: str) -> str:
    """Folder of a dataset's raw files, which datasets may share."""
    return registry[dataset].get("folder", dataset)


def explain(error: ValidationError) -> str:
    """One line for a failed validation: where, what and the nearest known word."""
    where = error.json_path.removeprefix("$").lstrip(".") or "top level"
    text = f"Config, {where}: {error.message}."
    wrong, known = [], []
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        wrong = [key for key in error.instance if key not in known]
    elif error.validator == "enum" and isinstance(error.instance, str):
        wrong, known = [error.instance], error.validator_value
    near = [match for word in wrong if (match := _nearest(word, known))]
    text += f" Did you mean {', '.join(map(repr, near))}?" if near else ""
    return f"{text} {ADVICE}"


def _validate(part: object, schema: Mapping) -> list[ValidationError]:
    errors = Draft202012Validator(schema).iter_errors(part)
    return sorted(errors, key=lambda error: error.json_path)


def _nearest(word: str, known: Mapping | list) -> str | None:
    return next(iter(get_close_matches(word, [str(name) for name in known], n=1)), None)


def _check_entry(entry: Mapping) -> list[str]:
    """Find what a schema cannot say about one dataset."""
    files, own = entry.get("files", {}), entry["format"] in HERD_FORMATS
    found = []
    if entry.get("dosage") == "fractional" and entry["format"] not in FRACTIONAL:
        found.append(f"'dosage: fractional' is for the formats {', '.join(FRACTIONAL)}")
    if "environment" in entry and not own and entry["format"] != "mouse":
        found.append(f"'environment' is for mouse and {', '.join(HERD_FORMATS)}")
    if not own:
        found += [
            f"{key!r} is for the formats {', '.join(HERD_FORMATS)}"
            for key in HERD_KEYS
            if key in entry
        ]
        return found
    if entry["format"] != "csv":
        found += ["'rows' is for format csv"] if "rows" in entry else []
    if "map" in files and entry["format"] not in ("csv", "raw"):
        found.append("a file 'map' is for the formats csv and raw")
    if {"pedigree", "relationship"} <= set(files):
        found.append("name a pedigree or a relationship file, not both")
    if "covariates" in files and not entry.get("covariates"):
        found.append("list the columns of the covariates file under 'covariates'")
    stray = set(entry.get("factors", ())) - set(entry.get("covariates", ()))
    if stray:
        found.append(f"factor {min(stray)!r} is not among its covariates")
    shared = set(entry["traits"].values()) & set(entry.get("covariates", ()))
    if shared:
        found.append(f"column {min(shared)!r} is both a trait and a covariate")
    taken = sorted(TAKEN_NAMES & {*entry["traits"], *entry.get("covariates", ())})
    if taken:
        found.append(
            f"{taken[0]!r} is a column of the results; give the trait or covariate "
            "another name"
        )
    braces = [path for path in files.values() if set("{}") & set(str(path))]
    if braces:
        found.append(f"{braces[0]!r}: paths cannot hold braces; rename the folder")
    return found


def _check_like(entry: Mapping, registry: Mapping) -> list[str]:
    """Find why a simulated dataset cannot be like the one that it names."""
    simulation = entry.get("simulation", {})
    like, real = simulation.get("like"), simulation.get("pedigree") == "real"
    if like is None:
        return ["simulation/pedigree 'real' needs 'like', whose it is"] if real else []
    if like not in registry:
        near = _nearest(like, registry)
        hint = f"; did you mean {near!r}?" if near else ""
        return [f"simulation/like: the registry has no dataset {like!r}{hint}"]
    form = registry[like]["format"]
    if form == "simulated":
        return [f"simulation/like: {like!r} is simulated itself; name a real dataset"]
    if real and form not in PEDIGREE_ROLES:
        return [
            f"simulation/pedigree 'real' is for datasets like those of the formats "
            f"{', '.join(PEDIGREE_ROLES)}, and {like!r} is {form}; set it to simulated"
        ]
    return []


def _check_variants(
    config: Mapping, schema: Mapping, methods: Mapping[str, Mapping]
) -> list[str]:
    """Check each variant's parameters against the schema of its method."""
    problems = []
    for name, changes in config.get("ablations", {}).items():
        base = name.partition("-")[0]
        section = methods[base].get("section", base)
        part = {**config, section: {**config.get(section, {}), **changes}}
        texts = [explain(error) for error in _validate(part, schema)]
        if TAKEN.search(name):
            texts.append(
                "names that end in -permuted, -part, -whole, -peeking, -published, "
                "-share<number> and -held_<group> are taken; choose another one"
            )
        problems += [f"ablations, {name}: {text}" for text in texts]
    return problems


def _check_batch(config: Mapping, registry: Mapping) -> str | None:
    """Find a batch that is no covariate of any dataset of the run."""
    batch = config.get("qc", {}).get("batch")
    entries = [registry[name] for name in config["datasets"] if name in registry]
    if batch is None or any(entry["format"] == "simulated" for entry in entries):
        return None
    known = {name for entry in entries for name in entry.get("covariates", ())}
    return None if batch in known else f"{batch!r} is no covariate of the datasets run"


def _check_optimism(config: Mapping) -> str | None:
    """Find variants that do not exist, and a protocol that is compared with itself."""
    compared = config.get("optimism", {}).get("methods", ())
    variants = config.get("ablations", {})
    unknown = [name for name in compared if "-" in name and name not in variants]
    if unknown:
        near = _nearest(unknown[0], variants)
        hint = f"; did you mean {near!r}?" if near else "; add it there"
        return f"{unknown[0]!r} is no variant of the config's ablations{hint}"
    run = {*config["methods"], *variants}
    if run & set(compared) and config.get("protocol", "nested") != "nested":
        return (
            "it compares the published protocol with the nested one; set protocol: "
            "nested, or optimism: {methods: []}"
        )
    return None


def _check_relatives(config: Mapping, entry: Mapping) -> str | None:
    """Find settings and folds that need relatives which the dataset lacks."""
    if entry["format"] not in HERD_FORMATS:
        return None
    files = entry["files"]
    needy = [name for name in config["settings"] if name != "markers"]
    if needy and not {"pedigree", "relationship"} & set(files):
        return (
            f"setting {needy[0]!r} needs a pedigree or relationship file, and the "
            "entry's files name none; add one or run settings: [markers]"
        )
    scheme = config.get("folds", {}).get("scheme", "stratified")
    known = {"family": {"pedigree", "relationship"}, "forward": {"pedigree"}}
    if scheme in known and not known[scheme] & set(files):
        wanted = " or ".join(sorted(known[scheme]))
        return f"folds scheme {scheme!r} needs a {wanted} file; choose another scheme"
    if "family" in _groups_held(config) and not known["family"] & set(files):
        return (
            "held_out: families need a pedigree or relationship file; leave family out "
            "of its groups"
        )
    return None


def _groups_held(config: Mapping) -> list[str]:
    """Return the groups that a run holds out, if it refits any of its methods."""
    held = config.get("held_out", {})
    run = set(held.get("methods", ())) & set(config["methods"])
    return list(held.get("groups", ["family"])) if run else []


def _check_environment(
    config: Mapping, entry: Mapping, methods: Mapping[str, Mapping]
) -> str | None:
    """Find methods and folds that need a common environment which is not named."""
    known = sorted(entry.get("environment", ()))
    has = f"it has {', '.join(known)}" if known else "the entry names none"
    readers = [
        name
        for name in config["methods"]
        if "environment" in methods[name].get("reads", ()) and not known
    ]
    if readers:
        return (
            f"{readers[0]} needs a common environment; name columns of classes under "
            f"the entry's 'environment' (pen: Pen), or leave it out of methods"
        )
    folds = config.get("folds", {})
    if folds.get("scheme") == "group" and folds.get("group") not in known:
        return (
            f"folds scheme 'group' needs folds.group, one of the entry's environment; "
            f"{has}, and the config says {folds.get('group')!r}"
        )
    for group in _groups_held(config):
        if group != "family" and group not in known:
            return f"held_out: no common environment is called {group!r}; {has}"
    return None
