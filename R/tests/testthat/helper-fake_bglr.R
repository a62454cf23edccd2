# A stand-in for BGLR::BGLR: the same arguments, outputs and files, and draws that
# are a simple function of the data, so that every number can be foretold.

source_folder <- Sys.getenv("GRVSNN_R_FOLDER", unset = file.path("..", ".."))
source(file.path(source_folder, "bglr.R"))

fake_bglr <- function(y, ETA, nIter, burnIn, thin, saveAt, verbose) { # nolint
  observed <- !is.na(y)
  centred <- y[observed] - mean(y[observed])
  recorded <- which(seq_len(nIter) > burnIn & seq_len(nIter) %% thin == 0)
  y_hat <- rep(mean(y[observed]), length(y))
  terms <- ETA
  for (name in names(terms)) {
    term <- terms[[name]]
    # marginal regressions stand for the posterior mean
    mean_b <- colMeans(term$X[observed, , drop = FALSE] * centred)
    noise <- stats::rnorm(length(recorded))
    draws <- outer(0.1 * noise, rep(1, length(mean_b))) +
      rep(mean_b, each = length(recorded))
    inclusion <- rep(1, length(mean_b))
    if (term$model == "BayesC") {
      inclusion <- ifelse(abs(mean_b) > stats::median(abs(mean_b)), 1, 0)
      terms[[name]]$d <- inclusion
    }
    effects <- sweep(draws, 2L, inclusion, `*`)
    stopifnot(isTRUE(term$saveEffects))
    planned <- floor((nIter - burnIn) / thin)
    write_effects(
      effects, paste0(saveAt, "ETA_", name, "_b.bin"), planned, term$storageMode
    )
    terms[[name]]$b <- colMeans(draws)
    sd_b <- 0.1 * sqrt(mean((noise - mean(noise))^2))
    terms[[name]]$SD.b <- rep(sd_b, ncol(draws))
    written <- write_traces(
      term$model, paste0(saveAt, "ETA_", name), nIter %/% thin, burnIn %/% thin
    )
    terms[[name]][names(written)] <- written
    y_hat <- y_hat + as.numeric(term$X %*% colMeans(effects))
    terms[[name]]$X <- NULL
  }
  trace <- stats::var(y, na.rm = TRUE) / 2 + seq_len(nIter %/% thin)
  writeLines(format(trace, digits = 15), paste0(saveAt, "varE.dat"))
  list(
    yHat = y_hat, mu = mean(y[observed]),
    varE = mean(trace[-seq_len(burnIn %/% thin)]), ETA = terms
  )
}

# Writes a term's traces as BGLR does; returns the means of what burn-in leaves.
write_traces <- function(model, prefix, n_draws, n_burnt) {
  draws <- seq_len(n_draws)
  kept <- if (n_burnt > 0) draws[-seq_len(n_burnt)] else draws
  if (model == "BayesC") {
    lines <- c("probIn varB", paste(draws / n_draws, 2 * draws))
    writeLines(lines, paste0(prefix, "_parBayesC.dat"))
    return(list(probIn = mean(kept / n_draws), varB = mean(2 * kept)))
  }
  name <- if (model == "BL") "lambda" else "varB"
  writeLines(format(3 * draws), paste0(prefix, "_", name, ".dat"))
  stats::setNames(list(mean(3 * kept)), name)
}

write_effects <- function(draws, path, planned, storage) {
  size <- if (identical(storage, "single")) 4L else 8L
  connection <- file(path, open = "wb")
  on.exit(close(connection))
  writeBin(c(planned, ncol(draws)) + 0, connection, size = size)
  writeBin(as.numeric(t(draws)), connection, size = size)
}

toy_data <- function(n = 30L, p = 6L, traits = 2L, seed = 1L) {
  set.seed(seed)
  x <- scale(matrix(stats::rnorm(n * p), n, p))
  attributes(x) <- list(dim = c(n, p))
  y <- x[, 1:traits, drop = FALSE] + matrix(stats::rnorm(n * traits), n) / 2
  y[1:5, ] <- NA
  list(x = x, y = y, groups = rep(c("markers", "loadings"), c(p - 2L, 2L)))
}

toy_settings <- function(...) {
  defaults <- list(
    method = "brr", n_iter = 60L, burn_in = 20L, thin = 5L, level = 0.95
  )
  utils::modifyList(defaults, list(...))
}

new_scratch <- function(env = parent.frame()) {
  path <- tempfile("scratch-")
  dir.create(path)
  withr::defer(unlink(path, recursive = TRUE), envir = env)
  path
}

run_toy <- function(data = toy_data(), scratch, ..., seeds = c(11L, 12L),
                    cores = 1L, fit_fun = fake_bglr) {
  fit_traits( # nolint: object_usage_linter. It is sourced above.
    data$y, data$x, data$groups, toy_settings(...), seeds, scratch, cores, fit_fun
  )
}
