"""Gets archives into data/raw: from DVC remotes, by generation, or by download."""
