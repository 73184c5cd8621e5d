"""`hbench plan`: predicts time, memory and disk of a benchmark from measured jobs."""
