"""Volumes in NIfTI and MetaImage files, unpacked or in an archive."""
