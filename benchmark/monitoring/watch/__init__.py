"""`hbench watch`: shows a run from its files alone, so also a run on other machines. Writes nothing to the run."""
