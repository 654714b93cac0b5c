"""Bounded queue with round-robin scheduling between clients.

One client can occupy at most half of the queue.
"""

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """First in, first out for each client; round robin between clients. Thread-safe.

    Args:
        size: maximum number of queued items.
    """

    def __init__(self, size: int) -> None:
        self._size, self._max_per_client = size, max(size // 2, 1)
        self._changed = threading.Condition()
        self._items: OrderedDict[str, deque[Item]] = OrderedDict()
        self._is_closed = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._items.values()))

    def put(self, client: str, item: Item) -> bool:
        """Append an item; False: the queue is full or closed, or the client has its maximum."""
        with self._changed:
            own = self._items.get(client, deque())
            is_full = sum(map(len, self._items.values())) >= self._size
            if self._is_closed or is_full or len(own) >= self._max_per_client:
                return False
            own.append(item)
            self._items.setdefault(client, own)
            self._changed.notify()
        return True

    def take(self) -> Item | None:
        """Wait for the next item and remove it; None: the queue is closed and empty."""
        with self._changed:
            while not self._items:
                if self._is_closed:
                    return None
                self._changed.wait()
            client, own = self._items.popitem(last=False)
            item = own.popleft()
            if own:
                self._items[client] = own  # behind all other clients
        return item

    def ahead_of(self, client: str, item: Item) -> int | None:
        """Count the items that are taken before an item; None: it is not in the queue."""
        with self._changed:
            own = self._items.get(client)
            if own is None or item not in own:
                return None
            place = own.index(item)
            clients = list(self._items)
            turn = clients.index(client)
            # Until this item is taken, each round takes one item of every other client: `place`
            # rounds for the client's earlier items, and one more for clients whose turn is earlier.
            others = (
                min(len(self._items[other]), place + (number < turn))
                for number, other in enumerate(clients)
                if other != client
            )
            return place + sum(others)

    def remove(self, client: str, item: Item) -> bool:
        """Remove a queued item; False: it is not in the queue."""
        with self._changed:
            own = self._items.get(client)
            if own is None or item not in own:
                return False
            own.remove(item)
            if not own:
                del self._items[client]
        return True

    def close(self) -> None:
        """Accept no more items; queued items can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
