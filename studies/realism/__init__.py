"""Realism of the phantoms: the same quantities, measured with the same code, in phantoms and real images.

The results are in ``docs/phantoms.md``.
"""
