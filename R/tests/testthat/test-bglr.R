test_that("files of effects are read in both sizes and by their true length", {
  draws <- matrix(seq(-1, 1, length.out = 24), nrow = 6)
  path <- file.path(new_scratch(), "b.bin")
  for (storage in c("double", "single")) {
    for (planned in 5:7) {
      write_effects(draws, path, planned, storage)
      expect_equal(read_effects(path), draws, tolerance = 1e-7)
    }
  }
})

test_that("a file that is missing or torn is an error", {
  folder <- new_scratch()
  expect_error(read_effects(file.path(folder, "none.bin")), "left no file")
  path <- file.path(folder, "torn.bin")
  write_effects(matrix(1:24 / 7, nrow = 6), path, 6, "double")
  writeBin(readBin(path, "raw", n = 16 + 8 * 21), path)
  expect_error(read_effects(path), "cannot read")
})

test_that("summaries of draws are their moments and quantiles", {
  draws <- cbind(1:101, 202 - 2 * (1:101)) + 0
  out <- summarise_samples(draws, 0.9)
  expect_equal(out$effect, c(51, 100))
  expect_equal(out$sd, c(1, 2) * sqrt((101^2 - 1) / 12))
  expect_equal(out$lower, c(6, 10))
  expect_equal(out$upper, c(96, 190))
})

test_that("there is one term per group, in order of appearance", {
  data <- toy_data()
  for (method in names(bglr_models)) {
    terms <- build_terms(data$x, data$groups, toy_settings(method = method))
    expect_named(terms, c("markers", "loadings"))
    expect_equal(cbind(terms$markers$X, terms$loadings$X), data$x)
    expect_equal(terms$markers$model, bglr_models[[method]])
  }
  joint <- build_terms(data$x, rep("features", 6), toy_settings())
  expect_equal(joint$features$X, data$x)
})

test_that("effects of BayesC are d times b", {
  out <- run_toy(scratch = new_scratch(), method = "bayescpi")[[1]]
  outside <- out$features$pip == 0
  expect_true(any(outside))
  expect_equal(out$features$effect[outside], rep(0, sum(outside)))
  expect_false(any(out$features$b[outside] == 0))
})

test_that("features come back in the order of the columns", {
  data <- toy_data()
  # interleaved groups must not be sorted together
  data$groups <- rep(c("loadings", "markers"), 3)
  out <- run_toy(data, new_scratch())[[1]]
  observed <- !is.na(data$y[, 1])
  y <- data$y[observed, 1] - mean(data$y[observed, 1])
  expected <- colMeans(data$x[observed, ] * y)
  # the fake's draws share their noise within a term
  shift <- out$features$effect - expected
  expect_equal(shift, rep(shift[1:2], 3), tolerance = 1e-6)
  expect_lt(max(abs(shift)), 0.2)
})

test_that("animals without a phenotype are predicted", {
  data <- toy_data()
  out <- run_toy(data, new_scratch())[[2]]
  expect_length(out$y_hat, nrow(data$y))
  expect_equal(
    out$y_hat, as.numeric(out$mu + data$x %*% out$features$effect),
    tolerance = 1e-6
  )
})

test_that("hyper-parameters are those of the model", {
  keys <- list(brr = "var_b", blasso = "lambda", bayescpi = c("var_b", "prob_in"))
  for (method in names(keys)) {
    out <- run_toy(scratch = new_scratch(), method = method)[[1]]
    expect_named(out$terms, c("markers", "loadings"))
    expect_named(out$terms$markers, keys[[method]])
    expect_equal(all(is.na(out$features$pip)), method != "bayescpi")
  }
})

test_that("traces hold the recorded draws, whose means BGLR reports", {
  labels <- list(
    brr = c("varE", "varB_1", "varB_2"),
    blasso = c("varE", "lambda_1", "lambda_2"),
    bayescpi = c("varE", "pi_1", "varB_1", "pi_2", "varB_2")
  )
  for (method in names(labels)) {
    out <- run_toy(scratch = new_scratch(), method = method)[[1]]
    expect_named(out$traces, labels[[method]])
    expect_true(all(lengths(out$traces) == 8L))
    means <- vapply(out$traces, mean, numeric(1))
    terms <- unlist(lapply(out$terms, `[`, if (method == "bayescpi") 2:1 else 1))
    expect_equal(unname(means), unname(c(out$var_e, terms)))
  }
  data <- toy_data()
  data$groups <- rep("features", 6)
  joint <- run_toy(data, new_scratch(), burn_in = 0L)[[1]]
  expect_named(joint$traces, c("varE", "varB"))
  expect_length(joint$traces$varB, 12)
})

test_that("a chain is its seed's alone", {
  data <- toy_data()
  first <- run_toy(data, new_scratch())
  RNGkind("Wichmann-Hill")
  withr::defer(RNGkind("default", "default", "default"))
  stats::runif(7)
  expect_identical(run_toy(data, new_scratch()), first)
  data$y <- data$y[, 2:1]
  swapped <- run_toy(data, new_scratch(), seeds = c(12L, 11L))
  expect_identical(swapped[2:1], first)
  data$y <- data$y[, 2:1]
  other <- run_toy(data, new_scratch(), seeds = c(11L, 13L))
  expect_identical(other[[1]], first[[1]])
  expect_false(identical(other[[2]], first[[2]]))
})

test_that("forked chains equal chains in turn, and their errors surface", {
  skip_on_os("windows")
  alone <- run_toy(scratch = new_scratch())
  forked <- run_toy(scratch = new_scratch(), cores = 2L)
  expect_identical(forked, alone)
  broken <- function(...) stop("no luck")
  expect_error(
    run_toy(scratch = new_scratch(), cores = 2L, fit_fun = broken), "no luck"
  )
})

test_that("every chain has a folder of its own, and none is left behind", {
  folders <- character()
  spy <- function(saveAt, ...) { # nolint
    expect_equal(list.files(dirname(saveAt)), character())
    folders <<- c(folders, dirname(saveAt))
    fake_bglr(saveAt = saveAt, ...)
  }
  scratch <- new_scratch()
  run_toy(scratch = scratch, fit_fun = spy)
  expect_length(unique(folders), 2)
  expect_true(all(dirname(folders) == scratch))
  expect_equal(list.files(scratch), character())
  broken <- function(saveAt, ...) { # nolint
    writeLines("half a chain", paste0(saveAt, "varE.dat"))
    stop("no luck")
  }
  expect_error(run_toy(scratch = scratch, fit_fun = broken), "no luck")
  expect_equal(list.files(scratch), character())
})

test_that("impossible input is refused", {
  data <- toy_data()
  scratch <- new_scratch()
  expect_error(run_toy(data, scratch, method = "bayesz"), "unknown method")
  expect_error(run_toy(data, scratch, seeds = 1L), "seed is needed")
  expect_error(run_toy(data, scratch, burn_in = 60L), "burn_in")
  data$x[2, 2] <- NA
  expect_error(run_toy(data, scratch), "missing values")
  data <- toy_data()
  data$groups <- data$groups[-1]
  expect_error(run_toy(data, scratch), "group is needed")
})

test_that("BGLR itself honours the same contract", {
  skip_if_not_installed("BGLR")
  data <- toy_data(n = 60L)
  for (method in names(bglr_models)) {
    out <- run_toy(
      data, new_scratch(),
      method = method, n_iter = 1200L, burn_in = 200L, fit_fun = NULL
    )
    for (trait in 1:2) {
      fit <- out[[trait]]
      expect_equal(
        fit$y_hat, as.numeric(fit$mu + data$x %*% fit$features$effect),
        tolerance = 1e-4
      )
      expect_equal(mean(fit$traces$varE), fit$var_e, tolerance = 1e-4)
      # the causal feature of the trait leads
      expect_equal(which.max(abs(fit$features$effect)), trait)
      expect_gt(fit$features$lower[trait], 0)
    }
  }
})
