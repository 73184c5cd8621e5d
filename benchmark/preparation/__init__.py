"""Turns subjects of an archive into NIfTI files on a common grid, and these into slices."""
