# Milliseconds of processor time per iteration of BGLR's models on random genotypes, one
# line "model ms" each: Rscript time_bglr.R ANIMALS MARKERS ITERATIONS
arguments <- as.integer(commandArgs(trailingOnly = TRUE))
n <- arguments[[1]]
p <- arguments[[2]]
n_iter <- arguments[[3]]
short <- 2L

set.seed(1)
frequencies <- stats::runif(p, 0.05, 0.5)
x <- scale(matrix(stats::rbinom(n * p, 2L, rep(frequencies, each = n)), n))
y <- stats::rnorm(n)
folder <- tempfile("bglr-")
dir.create(folder)

seconds <- function(model, n_iter) {
  times <- system.time(BGLR::BGLR(
    y,
    ETA = list(list(X = x, model = model)), nIter = n_iter, burnIn = 1L,
    saveAt = file.path(folder, "chain_"), verbose = FALSE
  ))
  times[["user.self"]] + times[["sys.self"]]
}

cat("BGLR", as.character(utils::packageVersion("BGLR")), "\n")
cat("R", as.character(getRversion()), "\n")
models <- c(brr = "BRR", blasso = "BL", bayescpi = "BayesC")
for (name in names(models)) {
  # what BGLR does once, before the first iteration, is in both
  run <- function(n_iter) seconds(models[[name]], n_iter)
  cat(name, 1000 * (run(short + n_iter) - run(short)) / n_iter, "\n")
}
unlink(folder, recursive = TRUE)
