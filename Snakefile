# The workflow's entry point is workflow/Snakefile; this file lets `snakemake` find it.
include: "workflow/Snakefile"


# an included file's default target is not taken over
workflow.default_target = "all"
