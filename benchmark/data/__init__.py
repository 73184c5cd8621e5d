"""Archives to slices: readers, preparation, splits and the slice store."""
