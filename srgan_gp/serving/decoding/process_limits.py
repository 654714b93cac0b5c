"""Limits that a decoder process sets for itself: memory, CPU time, and no writing of files."""

import math
import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def limit_additional_memory(additional_bytes: int) -> None:
        """Do nothing: Windows has no such limit for the process itself."""

    def forbid_writing_files() -> None:
        """Do nothing, as `limit_additional_memory`."""

    def limit_additional_seconds(seconds: int) -> None:
        """Do nothing; the limit of elapsed time, which the server applies, remains."""

else:
    import resource

    def limit_additional_memory(additional_bytes: int) -> None:
        """Limit the address space that this process may map in addition to its current one."""
        limit = _address_space() + additional_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def forbid_writing_files() -> None:
        """Forbid this process to write files and core dumps; pipes are not affected."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    def limit_additional_seconds(seconds: int) -> None:
        """Limit the additional CPU time of this process; the system ends it by SIGXCPU."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        end = math.ceil(used.ru_utime + used.ru_stime) + seconds
        # No hard limit: the next call has to raise the soft limit again.
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))

    def _address_space() -> int:
        """Return the mapped bytes of this process; where there is no /proc, as on macOS, 1 GiB.

        If the process has mapped more, it gets less additional memory, and large images fail; if it
        has mapped less, it gets more.
        """
        try:
            # The first number is the size of the address space in pages.
            pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        except OSError:
            return 1 << 30
        return pages * os.sysconf("SC_PAGE_SIZE")
