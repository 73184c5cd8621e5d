"""Networks that score cells, trained on training subjects only and independently of all cells."""
