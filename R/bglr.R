# Bayesian linear regressions by the R package BGLR (Perez and de los Campos, 2014).
#
# Pure functions, sourced through rpy2; nothing is attached and no file is left
# behind. Everything but the call of BGLR::BGLR itself can be tested without the
# package: `fit_fun` takes a stand-in with the same arguments and outputs.

bglr_models <- c(brr = "BRR", blasso = "BL", bayescpi = "BayesC")

#' Fit chains of several traits on one set of features.
#'
#' @param y Numeric matrix, animals x traits; NA is predicted.
#' @param x Numeric matrix, animals x features, standardised, without NA.
#' @param groups Character vector, one term's name per feature.
#' @param settings List: `method` (a name of `bglr_models`), `n_iter`,
#'   `burn_in`, `thin`, `level` (probability of the credible interval).
#' @param seeds Integer vector, one seed per trait.
#' @param scratch Folder that may hold the chains' files for a while.
#' @param cores Chains at a time, by forking; results do not depend on it.
#' @param fit_fun Function with BGLR's arguments; NULL takes BGLR::BGLR.
#' @return List with one result of `fit_chain` per trait.
fit_traits <- function(y, x, groups, settings, seeds, scratch, cores = 1L,
                       fit_fun = NULL) {
  check_input(y, x, groups, settings, seeds)
  if (is.null(fit_fun)) {
    fit_fun <- BGLR::BGLR
  }
  fit_one <- function(trait) {
    fit_chain(
      y[, trait], x, groups, settings, seeds[[trait]], scratch, fit_fun
    )
  }
  fit_all(seq_len(ncol(y)), fit_one, cores)
}

#' Apply a function in turn, or in forked processes; an error of any stops all.
fit_all <- function(items, fun, cores) {
  if (cores <= 1L || length(items) == 1L) {
    return(lapply(items, fun))
  }
  # a warning here only repeats the error that is raised below
  results <- suppressWarnings(parallel::mclapply(
    items, fun,
    mc.cores = cores, mc.preschedule = FALSE, mc.set.seed = FALSE
  ))
  failed <- vapply(
    results, function(r) is.null(r) || inherits(r, "try-error"), logical(1)
  )
  if (any(failed)) {
    reason <- results[[which(failed)[[1]]]]
    reason <- if (is.null(reason)) "its process was killed" else c(reason)
    stop("a chain failed: ", reason, call. = FALSE)
  }
  results
}

#' Fit one chain in a private scratch folder.
#'
#' @param y Numeric vector with NA where a phenotype is to be predicted.
#' @return List: `y_hat` of all animals; `mu`, `var_e`; `terms`, the means of each
#'   term's hyper-parameters; `features`, a data frame in the order of `x` with
#'   `effect`, `sd`, `lower`, `upper` and `pip` (NA where the model has none), and
#'   BGLR's own `b` and `sd_b`; `traces`, the recorded draws of the variances, lambda
#'   and pi.
fit_chain <- function(y, x, groups, settings, seed, scratch, fit_fun) {
  folder <- tempfile("bglr-", tmpdir = scratch)
  dir.create(folder, recursive = TRUE)
  on.exit(unlink(folder, recursive = TRUE), add = TRUE)
  # all three kinds are named, so that a user's profile cannot change the draws
  set.seed(
    seed,
    kind = "Mersenne-Twister", normal.kind = "Inversion",
    sample.kind = "Rejection"
  )
  prefix <- file.path(folder, "chain_")
  fit <- fit_fun(
    y = y,
    ETA = build_terms(x, groups, settings),
    nIter = settings$n_iter,
    burnIn = settings$burn_in,
    thin = settings$thin,
    saveAt = prefix,
    verbose = FALSE
  )
  summarise_chain(fit, groups, settings, prefix)
}

#' BGLR's ETA: one term per group of features, each with its own variance. Effects go
#' to a file: the intervals' limits are quantiles of the draws, and in BayesC BGLR's own
#' `b` and `SD.b` describe b alone, draws at d = 0 included, where the effect is d * b.
build_terms <- function(x, groups, settings) {
  names <- unique(groups)
  terms <- lapply(names, function(name) {
    list(
      X = x[, groups == name, drop = FALSE],
      model = bglr_models[[settings$method]],
      saveEffects = TRUE,
      storageMode = "single"
    )
  })
  stats::setNames(terms, names)
}

#' Collect a chain's results, features in the order of `groups`.
summarise_chain <- function(fit, groups, settings, prefix) {
  features <- data.frame(
    effect = rep(NA_real_, length(groups)), sd = NA_real_, lower = NA_real_,
    upper = NA_real_, pip = NA_real_, b = NA_real_, sd_b = NA_real_
  )
  for (name in unique(groups)) {
    path <- paste0(prefix, "ETA_", name, "_b.bin")
    features[groups == name, ] <- summarise_term(fit$ETA[[name]], path, settings)
  }
  list(
    y_hat = as.numeric(fit$yHat),
    mu = as.numeric(fit$mu),
    var_e = as.numeric(fit$varE),
    terms = lapply(fit$ETA[unique(groups)], summarise_hyperparameters),
    features = features,
    traces = read_traces(prefix, unique(groups), settings)
  )
}

#' One term's features: posterior mean, SD and credible interval of each effect.
summarise_term <- function(term, path, settings) {
  moments <- summarise_samples(read_effects(path), settings$level)
  b <- as.numeric(term$b)
  pip <- if (is.null(term$d)) rep(NA_real_, length(b)) else as.numeric(term$d)
  cbind(moments, pip = pip, b = b, sd_b = as.numeric(term$SD.b))
}

#' Posterior means of a term's own parameters, as far as its model has them.
summarise_hyperparameters <- function(term) {
  found <- list(
    lambda = term$lambda, var_b = term$varB, prob_in = term$probIn
  )
  lapply(Filter(Negate(is.null), found), function(value) as.numeric(value)[[1]])
}

#' Read the effects that BGLR saved, one row per recorded draw.
#'
#' The file holds the planned number of draws, the number of effects, then the draws
#' one after another: all of them in 8 bytes, or in 4 bytes ("single", since BGLR
#' 1.1). The number of draws is taken from the size, because the planned one is off
#' by one where burn-in is not a multiple of thin.
read_effects <- function(path) {
  size <- file.size(path)
  if (is.na(size)) {
    stop("BGLR left no file of effects at ", path, call. = FALSE)
  }
  for (bytes in c(8L, 4L)) {
    values <- readBin(path, "numeric", n = size / bytes, size = bytes)
    n_effects <- values[2]
    if (is_count(n_effects) && (length(values) - 2) %% n_effects == 0 &&
          is_close_count(values[1], (length(values) - 2) / n_effects)) {
      return(matrix(values[-(1:2)], ncol = n_effects, byrow = TRUE))
    }
  }
  stop("cannot read the effects in ", path, call. = FALSE)
}

is_count <- function(value) {
  is.finite(value) && value >= 1 && value == floor(value)
}

is_close_count <- function(planned, found) {
  is.finite(planned) && found >= 1 && abs(planned - found) <= 1
}

#' Recorded draws after burn-in: varE, then each term's parameters, numbered where
#' there are several terms.
read_traces <- function(prefix, names, settings) {
  files <- list(
    brr = list("varB.dat", "varB"),
    blasso = list("lambda.dat", "lambda"),
    bayescpi = list("parBayesC.dat", c("pi", "varB"))
  )[[settings$method]]
  traces <- read_trace(paste0(prefix, "varE.dat"), "varE", settings)
  for (i in seq_along(names)) {
    labels <- files[[2]]
    if (length(names) > 1L) {
      labels <- paste0(labels, "_", i)
    }
    path <- paste0(prefix, "ETA_", names[[i]], "_", files[[1]])
    traces <- c(traces, read_trace(path, labels, settings))
  }
  traces
}

#' Columns of one of BGLR's text files, which some versions begin with a header.
read_trace <- function(path, labels, settings) {
  words <- scan(path, what = "", quiet = TRUE)
  values <- suppressWarnings(as.numeric(words))
  draws <- matrix(values[!is.na(values)], ncol = length(labels), byrow = TRUE)
  # BGLR writes every thin-th draw, those of the burn-in too
  burnt <- seq_len(settings$burn_in %/% settings$thin)
  kept <- if (length(burnt)) draws[-burnt, , drop = FALSE] else draws
  stats::setNames(lapply(seq_along(labels), function(k) kept[, k]), labels)
}

#' Mean, SD (1/n, as BGLR's own) and central interval of each column of draws.
summarise_samples <- function(samples, level) {
  tail <- (1 - level) / 2
  bounds <- apply(
    samples, 2L, stats::quantile,
    probs = c(tail, 1 - tail), names = FALSE
  )
  effect <- colMeans(samples)
  data.frame(
    effect = effect,
    sd = sqrt(colMeans(sweep(samples, 2L, effect)^2)),
    lower = bounds[1L, ],
    upper = bounds[2L, ]
  )
}

check_input <- function(y, x, groups, settings, seeds) {
  stopifnot(
    "y and x must be numeric matrices" =
      is.matrix(y) && is.matrix(x) && is.numeric(y) && is.numeric(x),
    "y and x differ in their animals" = nrow(y) == nrow(x),
    "x has missing values" = !anyNA(x),
    "a group is needed for every feature" = length(groups) == ncol(x),
    "a seed is needed for every trait" = length(seeds) == ncol(y),
    "unknown method" = settings$method %in% names(bglr_models),
    "burn_in must be below n_iter" = settings$burn_in < settings$n_iter
  )
}
