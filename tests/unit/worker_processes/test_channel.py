"""Messages cross whole, whatever their size and however they are cut on the way; a closed end is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from node.adapters.worker_channel import Channel, connected_pair


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = connected_pair()
    yield pair
    for end in pair:
        end.close()


@pytest.mark.parametrize("size", [0, 1, 8, 65_536, 2**20 - 8, 2**20, 2**21 + 1, 9 * 2**20])
def test_messages_cross_whole(ends: tuple[socket.socket, socket.socket], size: int) -> None:
    here, there = map(Channel, ends)
    messages = [bytes([number]) * length for number, length in enumerate((size, 3, size, 0))]

    def send_all() -> None:
        for message in messages:
            here.send(message)

    sender = threading.Thread(target=send_all)
    sender.start()
    received = [bytes(there.receive()) for _ in messages]
    sender.join()
    assert received == messages


def test_a_closed_end_is_told_at_once_and_in_the_middle_of_a_message(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    here.sendall((10).to_bytes(8, "big") + b"only")
    here.close()
    channel = Channel(there)
    with pytest.raises(EOFError):
        channel.receive()
    with pytest.raises(OSError, match="pipe"):
        channel.send(b"anybody")
