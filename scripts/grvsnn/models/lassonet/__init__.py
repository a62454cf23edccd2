"""LassoNet (Lemhadri et al., 2021): recipe, training and path of penalties."""
