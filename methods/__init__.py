"""How images are harmonized: one file for each method."""
