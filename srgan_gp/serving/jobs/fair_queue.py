"""Bounded queue of a server's jobs, with round-robin scheduling between clients.

A client can occupy at most half of the queue, so that others find room in it.
"""

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """First in, first out for each client; round robin between clients. Thread-safe.

    A client is any string, such as a network address.

    Args:
        size: maximum number of queued items.
    """

    def __init__(self, size: int) -> None:
        self._size, self._max_per_client = size, max(size // 2, 1)
        self._changed = threading.Condition()  # guards all attributes below
        # The items of each client, the oldest first. The first client is the next to be served;
        # a client without items has no entry.
        self._items: OrderedDict[str, deque[Item]] = OrderedDict()
        self._is_closed = False

    def __len__(self) -> int:
        """Number of queued items of all clients."""
        with self._changed:
            return self._count()

    def put(self, client: str, item: Item) -> bool:
        """Append an item, and return whether it was accepted.

        An item is refused if the queue is full or closed, or if the client has its maximum number
        of items.
        """
        with self._changed:
            queued_by_client = len(self._items.get(client, ()))
            is_full = self._count() >= self._size
            if self._is_closed or is_full or queued_by_client >= self._max_per_client:
                return False
            self._items.setdefault(client, deque()).append(item)
            self._changed.notify()
        return True

    def take(self) -> Item | None:
        """Wait for the next item and remove it; None: the queue is closed and empty."""
        with self._changed:
            while not self._items:
                if self._is_closed:
                    return None
                self._changed.wait()
            client, client_items = self._items.popitem(last=False)
            item = client_items.popleft()
            if client_items:
                self._items[client] = client_items  # behind all other clients
        return item

    def count_ahead_of(self, client: str, item: Item) -> int | None:
        """Count the items that are taken before an item; None: it is not in the queue."""
        with self._changed:
            client_items = self._items.get(client)
            if client_items is None or item not in client_items:
                return None
            earlier_items = client_items.index(item)
            count = earlier_items
            # Each round takes one item of every client. This item is taken after `earlier_items`
            # rounds, and after one more turn of each client that is served before its own client.
            is_served_before = True  # whether `other` is served before `client` in each round
            for other, other_items in self._items.items():
                if other == client:
                    is_served_before = False
                    continue
                turns = earlier_items + 1 if is_served_before else earlier_items
                count += min(len(other_items), turns)
            return count

    def remove(self, client: str, item: Item) -> bool:
        """Remove a queued item, and return whether it was in the queue."""
        with self._changed:
            client_items = self._items.get(client)
            if client_items is None or item not in client_items:
                return False
            client_items.remove(item)
            if not client_items:
                del self._items[client]
        return True

    def close(self) -> None:
        """Accept no more items; queued items can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _count(self) -> int:
        """Return the number of queued items; the caller holds `_changed`."""
        return sum(len(items) for items in self._items.values())
