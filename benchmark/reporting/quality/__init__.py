"""Whether prepared subjects are usable: flags, a sheet of each subject, a page, and proposed exclusions.

The config alone decides: a subject is left out if ``exclude`` names it. Test subjects are inspected too. That tunes
nothing, since only scans and prepared images are seen, and no method's output.
"""
