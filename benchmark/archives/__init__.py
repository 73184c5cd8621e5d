"""Data as their owners distribute them: readers, file formats, checks, privacy, retrieval."""
