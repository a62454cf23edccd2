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
