"""Networks that score cells; they are trained on training subjects only and see no cell."""
