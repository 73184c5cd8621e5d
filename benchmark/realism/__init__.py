"""How real the phantoms look: the same quantities, measured by the same code, of phantoms and of real images.

``benchmarks/realism.py`` measures, ``docs/phantoms.md`` says what came out.
"""
