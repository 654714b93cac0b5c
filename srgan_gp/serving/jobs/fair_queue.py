"""Bounded queue that takes turns between clients.

One client alone can fill half of it: there is always room for the next one.
"""

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class FairQueue(Generic[Thing]):
    """First come, first served within a client; between clients one each in turn.

    Args:
        size: most things that wait.
    """

    def __init__(self, size: int) -> None:
        self._size, self._most_of_one = size, max(size // 2, 1)
        self._changed = threading.Condition()
        self._lines: OrderedDict[str, deque[Thing]] = OrderedDict()
        self._is_closed = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._lines.values()))

    def put(self, client: str, thing: Thing) -> bool:
        """Let a thing wait for its turn; False: there is no room for it, or the queue is closed."""
        with self._changed:
            line = self._lines.get(client, deque())
            is_full = sum(map(len, self._lines.values())) >= self._size
            if self._is_closed or is_full or len(line) >= self._most_of_one:
                return False
            line.append(thing)
            self._lines.setdefault(client, line)
            self._changed.notify()
        return True

    def take(self) -> Thing | None:
        """Wait for the next thing; None: the queue is closed and empty."""
        with self._changed:
            while not self._lines:
                if self._is_closed:
                    return None
                self._changed.wait()
            client, line = self._lines.popitem(last=False)
            thing = line.popleft()
            if line:
                self._lines[client] = line  # behind all others
        return thing

    def remove(self, client: str, thing: Thing) -> bool:
        """Take a thing out before its turn; False: it does not wait here."""
        with self._changed:
            line = self._lines.get(client)
            if line is None or thing not in line:
                return False
            line.remove(thing)
            if not line:
                del self._lines[client]
        return True

    def close(self) -> None:
        """Take nothing more; what waits is still given out."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
