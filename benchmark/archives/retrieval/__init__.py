"""How an archive gets into data/raw: DVC, phantoms, downloads."""
