import threading

import pytest

from srgan_gp.serving.jobs.fair_queue import FairQueue


@pytest.fixture
def queue():
    return FairQueue(6)


def test_round_robin_between_clients_and_fifo_within_one(queue):
    for number in range(3):
        assert queue.put("flood", f"f{number}")
    queue.put("other", "o0")
    queue.put("third", "t0")
    assert [queue.take() for _ in range(5)] == ["f0", "o0", "t0", "f1", "f2"]


def test_one_client_can_fill_half_of_the_queue(queue):
    assert [queue.put("flood", number) for number in range(4)] == [True, True, True, False]
    assert queue.put("other", 4)
    queue.take()
    assert queue.put("flood", 5)


def test_full_queue_refuses_items_until_one_is_taken(queue):
    assert all(queue.put(client, number) for client in "ab" for number in range(3))
    assert not queue.put("c", 6)
    queue.take()
    assert queue.put("c", 6)


def test_removed_item_is_not_taken(queue):
    queue.put("a", 1)
    queue.put("a", 2)
    assert queue.remove("a", 1)
    assert not queue.remove("a", 1)
    assert not queue.remove("nobody", 2)
    assert (len(queue), queue.take()) == (1, 2)


def test_closed_queue_returns_the_rest_and_refuses_new_items(queue):
    queue.put("a", 1)
    queue.close()
    assert not queue.put("a", 2)
    assert (queue.take(), queue.take()) == (1, None)


def test_close_wakes_a_waiting_take(queue):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    queue.close()
    thread.join(10)
    assert taken == [None]


def test_items_ahead_are_counted_in_the_order_in_which_they_are_taken(queue):
    for number in range(3):
        queue.put("a", f"a{number}")
    queue.put("b", "b0")
    queue.put("c", "c0")
    items = [(name[0], name) for name in ("a0", "b0", "c0", "a1", "a2")]
    assert [queue.count_ahead_of(*item) for item in items] == [0, 1, 2, 3, 4]
    assert queue.count_ahead_of("a", "gone") is queue.count_ahead_of("z", "a0") is None
