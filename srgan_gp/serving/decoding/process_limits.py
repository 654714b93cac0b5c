"""Memory and CPU limits of a decoder process."""

import math
import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def limit_more_memory(more_bytes: int) -> None:
        """Do nothing: there are no such limits; the time limit of the other process holds."""

    def limit_more_seconds(seconds: int) -> None:
        """Do nothing, as above."""

else:
    import resource

    def limit_more_memory(more_bytes: int) -> None:
        """Allow this process so much memory beside what it has, and to write no file."""
        most = _address_space() + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    def limit_more_seconds(seconds: int) -> None:
        """Let the system end this process after so many more seconds of processor time."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        end = math.ceil(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))

    def _address_space() -> int:
        """Bytes that this process has mapped now; 1 GiB where the system does not say."""
        try:
            pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        except OSError:
            return 1 << 30
        return pages * os.sysconf("SC_PAGE_SIZE")
