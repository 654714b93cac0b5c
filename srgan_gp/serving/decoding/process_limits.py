"""Limits of a decoder process: memory, CPU time, and no writing of files."""

import math
import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def limit_additional_memory(additional_bytes: int) -> None:
        """No effect on Windows; the time limit of the server still applies."""

    def forbid_writing_files() -> None:
        """No effect on Windows."""

    def limit_additional_seconds(seconds: int) -> None:
        """No effect on Windows."""

else:
    import resource

    def limit_additional_memory(additional_bytes: int) -> None:
        """Limit the address space that this process may map in addition to the present one."""
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
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))

    def _address_space() -> int:
        """Return the mapped bytes of this process; 1 GiB where there is no /proc, as on macOS."""
        try:
            pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        except OSError:
            return 1 << 30
        return pages * os.sysconf("SC_PAGE_SIZE")
