"""Memory and CPU limits of a decoder process."""

import math
import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def limit_more_memory(more_bytes: int) -> None:
        """No effect on Windows; the time limit of the server still applies."""

    def limit_more_seconds(seconds: int) -> None:
        """No effect on Windows."""

else:
    import resource

    def limit_more_memory(more_bytes: int) -> None:
        """Limit the additional address space of this process, and forbid writing files."""
        limit = _address_space() + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    def limit_more_seconds(seconds: int) -> None:
        """Limit the additional CPU time of this process; the system ends it by SIGXCPU."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        end = math.ceil(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))

    def _address_space() -> int:
        """Return the mapped bytes of this process; 1 GiB if the system does not report it."""
        try:
            pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        except OSError:
            return 1 << 30
        return pages * os.sysconf("SC_PAGE_SIZE")
