"""How real the phantoms look: the same quantities, measured by the same code, of phantoms and of real images.

``studies/realism/__main__.py`` measures, ``docs/phantoms.md`` says what came out.
"""
