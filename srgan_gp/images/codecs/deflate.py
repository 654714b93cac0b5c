"""DEFLATE for filtered pixels: strategies, the choice by compressing a sample, independent parts.

The parts of one stream are compressed independently, so in several threads and as soon as their
pixels exist, and then joined, as the program pigz does. zlib itself comes with Python.

Source:
    RFC 1950 (zlib format, Adler-32) and RFC 1951 (DEFLATE).
"""

import struct
import zlib
from typing import NamedTuple

Buffer = bytes | memoryview


class Strategy(NamedTuple):
    """Level and strategy of `zlib.compressobj`."""

    level: int
    kind: int

    def compress(self, data: Buffer) -> bytes:
        """Compress bytes to a complete stream of the zlib format."""
        return self._compress(data, zlib.MAX_WBITS, zlib.Z_FINISH)

    def compress_part(self, data: Buffer) -> bytes:
        """Compress bytes to raw DEFLATE blocks that end on a byte, none of them the last."""
        return self._compress(data, -zlib.MAX_WBITS, zlib.Z_SYNC_FLUSH)

    def _compress(self, data: Buffer, window_bits: int, flush: int) -> bytes:
        compressor = zlib.compressobj(
            self.level, zlib.DEFLATED, window_bits, _MEMORY_LEVEL, self.kind
        )
        return compressor.compress(data) + compressor.flush(flush)


HUFFMAN = Strategy(1, zlib.Z_HUFFMAN_ONLY)
"""No search: fastest, and best for photos."""
RUNS = Strategy(1, zlib.Z_RLE)
"""Search for runs of one byte: best for drawings with smooth edges."""
STRINGS = Strategy(6, zlib.Z_FILTERED)
"""Search for repeated strings: best for text and patterns, but several times slower."""

STREAM_START = b"\x78\x01"
"""Header of the zlib format; the parts follow."""
EMPTY_CHECKSUM = 1
"""Adler-32 of no bytes."""

_MEMORY_LEVEL = 9  # the highest: long blocks
_QUICK_STRINGS = Strategy(2, zlib.Z_FILTERED)  # for samples
_CLEARLY_SMALLER = 0.95  # share of the size without a search for strings that is worth its time


def choose_strategy(sample: Buffer) -> tuple[Strategy, int]:
    """Choose how to compress filtered pixels.

    Args:
        sample: filtered bytes; 32 KB are enough.

    Returns:
        The strategy, and the size of the compressed sample.
    """
    sizes = {strategy: len(strategy.compress_part(sample)) for strategy in (HUFFMAN, RUNS)}
    best = min(sizes, key=lambda strategy: sizes[strategy])
    with_strings = size_with_strings(sample)
    if with_strings < _CLEARLY_SMALLER * sizes[best]:
        return STRINGS, with_strings
    return best, sizes[best]


def size_with_strings(sample: Buffer) -> int:
    """Return the size of a sample with a quick search for repeated strings."""
    return len(_QUICK_STRINGS.compress_part(sample))


def join_checksums(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of joined bytes.

    Args:
        first: Adler-32 of the first bytes.
        second: Adler-32 of the bytes after them.
        length: number of the bytes after them.
    """
    modulus = 65521
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % modulus
    # Each of the second bytes adds the low sum before it to the high sum, once more than `second`.
    high = ((first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)) % modulus
    return high << 16 | low


def stream_end(checksum: int) -> bytes:
    """Return the end of a stream of the zlib format: an empty last block, and the Adler-32."""
    return b"\x03\x00" + struct.pack(">I", checksum)
