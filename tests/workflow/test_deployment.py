"""The workflow as a module of another one, as the catalogue deploys it."""

import shutil

SNAKEFILE = """\
configfile: "config/config.yaml"
module benchmark:
    snakefile: "{root}/workflow/Snakefile"
    config: config
use rule * from benchmark
"""


def test_five_lines_and_a_copied_config_deploy_the_workflow(snakemake, root, tmp_path):
    (tmp_path / "config").mkdir()
    shutil.copy(root / "config/config.yaml", tmp_path / "config")
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(root=root))
    path = "results/embedded/markers/gblup/repeat-1/predictions.parquet"
    arguments = ["-s", "Snakefile", "-n", "--cores", "1", "--", path]
    result = snakemake(*arguments, cwd=tmp_path)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "rule fit_linear:" in output and "rule simulate_population:" in output


def test_it_starts_where_no_byte_code_is_kept_yet(
    snakemake, root, tmp_path, monkeypatch
):
    """The library files that the rules load are compiled and written then."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "byte_code"))
    (tmp_path / "config").symlink_to(root / "config")
    arguments = ["-n", "--quiet", "all", "--cores", "1"]
    result = snakemake(*arguments, "--", "all", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert list((tmp_path / "byte_code").rglob("study.*.pyc"))
