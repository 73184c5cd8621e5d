"""From a subject of an archive to NIfTI files and slices."""
