"""A wrong config gives one clear message, a non-zero exit and no output."""

import pytest

BASE = "datasets: [embedded]\n"


def plan(snakemake, root, folder, text):
    """Dry-run with one more config file; the working folder is `folder`."""
    (folder / "config").symlink_to(root / "config")
    (folder / "user.yaml").write_text(text)
    return snakemake("-n", "--cores", "1", "--configfile", "user.yaml", cwd=folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datsets: [mouse]", "'datsets' was unexpected"),
        ("datsets: [mouse]", "Did you mean 'datasets'?"),
        ("datasets: [mose]", "Unknown dataset 'mose'"),
        ("datasets: [mose]", "did you mean 'mouse'?"),
        ("methods: [gblup, xgboost]", "'xgboost' is not one of"),
        ("settings: [snps]", "'snps' is not one of"),
        ("seed: soon", "'soon' is not of type 'integer'"),
        ("folds: {repeats: 0}", "0 is less than the minimum"),
        ("folds: {folds: 1}", "1 is less than the minimum"),
        ("folds: {fold: 5}", "'fold' was unexpected"),
        ("bayes: {n_iters: 100}", "'n_iters' was unexpected"),
        ("bayes: {backend: jags}", "'jags' is not one of"),
        ("protocol: optimistic", "'optimistic' is not one of"),
        (
            "ablations: {grvsnn-sigmoid: {gate: sigmoid}}\n"
            "optimism: {methods: [grvsnn-sigmoit]}",
            "'grvsnn-sigmoit' is no variant of the config's ablations; did you mean",
        ),
        ("methods: []", "[] should be non-empty"),
        (
            "bayes: {n_iter: 100}\nseed: 2\nbayes: {thin: 5}",
            "'bayes' is given in line 1 and again in line 3",
        ),
        (
            "registry: {mine: {format: excel, samples: 9, markers: 9,"
            " loadings: {rule: knee}}}",
            "'excel' is not one of",
        ),
        (
            "registry: {mine: {format: pig, samples: 9, markers: 9,"
            " loadings: {rule: elbow}}}",
            "'elbow' is not one of",
        ),
    ],
)
def test_mistakes_are_named(snakemake, root, tmp_path, text, message):
    result = plan(snakemake, root, tmp_path, text)
    assert result.returncode != 0
    output = result.stdout + result.stderr
    assert message in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_missing_config_file_is_named(snakemake, root, tmp_path):
    result = snakemake("-n", "--cores", "1", "--configfile", "nowhere.yaml")
    assert result.returncode != 0
    assert "nowhere.yaml" in result.stdout + result.stderr


@pytest.mark.parametrize("name", ["config", "mouse", "paper"])
def test_shipped_configs_are_planned(snakemake, root, tmp_path, name):
    result = plan(snakemake, root, tmp_path, (root / f"config/{name}.yaml").read_text())
    assert result.returncode == 0, result.stderr
    assert "fit_network" in result.stdout + result.stderr


def test_fetching_what_is_not_there(snakemake, root, tmp_path, monkeypatch):
    """A wrong checksum, and a file that only the user can supply."""
    mirror = tmp_path / "mirror"
    (mirror / "mouse").mkdir(parents=True)
    (mirror / "mouse" / "mice.RData").write_bytes(b"half a download")
    monkeypatch.setenv("GRVSNN_DATA_MIRROR", str(mirror))
    (tmp_path / "config").symlink_to(root / "config")
    cases = {
        "mouse/mice.RData": "the file is damaged or another version",
        "pig/genotypes.txt": "must be supplied by you. Download FileS1.zip",
    }
    for name, message in cases.items():
        result = snakemake("--cores", "1", f"resources/{name}", cwd=tmp_path)
        assert result.returncode != 0
        assert message in result.stdout + result.stderr
        assert not (tmp_path / "resources" / name).exists()
        assert not list((tmp_path / "resources").glob("*/.*"))
