# Run from anywhere: Rscript R/tests/testthat.R
arguments <- commandArgs(trailingOnly = FALSE)
script <- sub("^--file=", "", grep("^--file=", arguments, value = TRUE))
testthat::test_dir(
  file.path(dirname(script), "testthat"),
  reporter = "summary", stop_on_failure = TRUE
)
