# Install BGLR from CRAN into the library given as argument; run by setup.sh.
# A CRAN that cannot be reached costs seconds.
target <- commandArgs(trailingOnly = TRUE)[[1]]
cran <- getOption("repos")["CRAN"]
if (is.na(cran) || cran == "@CRAN@") {
  cran <- "https://cloud.r-project.org"
}
if (startsWith(cran, "http")) {
  tryCatch(
    curlGetHeaders(cran, timeout = 5L),
    error = function(e) {
      reason <- gsub("[[:space:]]+", " ", trimws(conditionMessage(e)))
      stop(cran, ": ", reason, call. = FALSE)
    }
  )
}
options(timeout = 60)
install.packages("BGLR", lib = target, repos = cran)
found <- requireNamespace("BGLR", lib.loc = c(target, .libPaths()), quietly = TRUE)
quit(status = !found)
