"""Errors of the operating system that say something about the machine and not about the code."""

import errno

MACHINE_FAULTS = {
    errno.ENOSPC: ("there is no room left on the disk", "Free some space, and run it again: finished files are kept"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, and run it again: finished files are kept"),
    errno.EFBIG: ("a file is larger than this system allows", "Raise the limit (ulimit -f)"),
    errno.EIO: ("the disk reports an error", "Check the disk"),
    errno.EROFS: ("the disk is read-only", "Work in a folder that can be written to"),
    errno.EACCES: ("access is denied", "Correct the permissions"),
    errno.EPERM: ("the operation is not permitted", "Correct the permissions"),
    errno.EISDIR: ("is a folder where a file belongs", "Move it away and run it again"),
    errno.ENOTDIR: ("is, or lies below, a file where a folder belongs", "Move that file away and run it again"),
    errno.EEXIST: ("is a file where a folder belongs", "Move it away and run it again"),
    errno.ENOTEMPTY: ("is a folder that another process writes to", "End that process and run it again"),
    errno.EBUSY: ("is in use", "End the process that uses it and run it again"),
    errno.ENAMETOOLONG: ("is longer than this system allows", "Choose a shorter name"),
    errno.EMFILE: ("this process has too many files open", "Raise the limit (ulimit -n)"),
    errno.ESTALE: ("the network file system lost it", "Run it again"),
    errno.ETIMEDOUT: ("the disk or the network does not answer", "Run it again"),
}
"""Fault and remedy of each, as a message states them."""
