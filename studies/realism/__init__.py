"""How real the phantoms look: the same quantities, measured by the same code, of phantoms and of real images.

``python -m studies.realism`` measures, ``docs/measurements/phantoms.md`` says what came out.
"""
