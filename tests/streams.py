"""Commands as they stand one behind the other in a log or a stream of writes."""
from __future__ import annotations

import io

from tests.resp import read_reply

Words = tuple[bytes, ...]


def commands_in(data: bytes) -> list[Words]:
    """The commands of a piece of a log; ValueError if it is not made of whole ones."""
    file = io.BytesIO(data)
    found = []
    while file.tell() < len(data):
        found.append(tuple(bulk.data for bulk in read_reply(file).items))
    return found
