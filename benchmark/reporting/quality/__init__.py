"""Whether prepared subjects are usable: what is odd about whom, sheets to look at, a page, a proposal of exclusions.

Nothing here decides: a subject is left out when ``exclude`` in the dataset's config names it, and only then. Test
subjects are looked at too. That tunes nothing: images as scanned and as prepared are seen, never what a method made of
them.
"""
