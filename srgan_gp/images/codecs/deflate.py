"""DEFLATE compression of pixels for the PNG and TIFF encoders.

Pixels are compressed after a filter, such as PNG's Paeth. `choose_strategy` chooses how, by
compressing a sample. A stream of the zlib format consists of `STREAM_START`, any number of parts
from `Strategy.compress_part`, and `stream_end`, as in the program pigz. The parts are independent,
so several threads compress them, as soon as their pixels exist.

Source:
    RFC 1950 (zlib format, Adler-32) and RFC 1951 (DEFLATE).
"""

import struct
import zlib
from typing import NamedTuple

Buffer = bytes | memoryview


class Strategy(NamedTuple):
    """How to compress: arguments of `zlib.compressobj`."""

    level: int
    """1 (fastest) to 9 (smallest)."""
    kind: int
    """The argument `strategy` of zlib, a constant `zlib.Z_...`: how repetitions are searched."""

    def compress(self, data: Buffer) -> bytes:
        """Compress bytes to a complete stream of the zlib format."""
        return self._compress(data, zlib.MAX_WBITS, zlib.Z_FINISH)

    def compress_part(self, data: Buffer) -> bytes:
        """Compress bytes to raw DEFLATE blocks, which end on a byte and can be joined to others.

        No block is marked as the last block of the stream.
        """
        return self._compress(data, -zlib.MAX_WBITS, zlib.Z_SYNC_FLUSH)

    def _compress(self, data: Buffer, window_bits: int, flush: int) -> bytes:
        """Compress bytes; for zlib, negative `window_bits` mean raw DEFLATE without a header."""
        compressor = zlib.compressobj(
            self.level, zlib.DEFLATED, window_bits, _MEMORY_LEVEL, self.kind
        )
        return compressor.compress(data) + compressor.flush(flush)


HUFFMAN = Strategy(1, zlib.Z_HUFFMAN_ONLY)
"""No search for repetitions: fastest, and best for photos."""
RUNS = Strategy(1, zlib.Z_RLE)
"""Search for runs of one byte: best for drawings with smooth edges."""
STRINGS = Strategy(6, zlib.Z_FILTERED)
"""Search for repeated byte strings: best for text and patterns, but several times slower."""

STREAM_START = b"\x78\x01"
"""Header of a zlib stream: DEFLATE with a window of 32 KB."""
EMPTY_CHECKSUM = 1
"""Adler-32 checksum of no bytes."""

_MEMORY_LEVEL = 9  # the highest: long blocks
_QUICK_STRINGS = Strategy(2, zlib.Z_FILTERED)  # estimates the size with STRINGS in less time
# STRINGS is chosen if it reduces the size to less than this share: a smaller gain is not worth the
# time.
_CLEARLY_SMALLER = 0.95


def choose_strategy(sample: Buffer) -> tuple[Strategy, int]:
    """Choose how to compress filtered pixels.

    Args:
        sample: filtered bytes; 32 KB are enough, since zlib searches no further back.

    Returns:
        The strategy, and the size of the compressed sample in bytes; with `STRINGS` the size that
        `estimate_size_with_strings` returns, which is an estimate.
    """
    huffman_size = len(HUFFMAN.compress_part(sample))
    runs_size = len(RUNS.compress_part(sample))
    if huffman_size <= runs_size:
        fast_strategy, fast_size = HUFFMAN, huffman_size
    else:
        fast_strategy, fast_size = RUNS, runs_size
    strings_size = estimate_size_with_strings(sample)
    if strings_size < _CLEARLY_SMALLER * fast_size:
        return STRINGS, strings_size
    return fast_strategy, fast_size


def estimate_size_with_strings(sample: Buffer) -> int:
    """Estimate the size in bytes of a sample, compressed with `STRINGS`, by a quicker search."""
    return len(_QUICK_STRINGS.compress_part(sample))


def join_checksums(first: int, second: int, length: int) -> int:
    """Return the Adler-32 checksum of two byte strings joined.

    The low 16 bits of the checksum are 1 + the sum of the bytes. The high 16 bits are the sum of
    the low bits after each byte. Both are modulo 65521, the largest prime below 2 ** 16.

    Args:
        first: checksum of the first byte string.
        second: checksum of the second byte string.
        length: number of bytes of the second byte string.
    """
    modulus = 65521
    first_low, first_high = first & 0xFFFF, first >> 16
    second_low, second_high = second & 0xFFFF, second >> 16
    low = (first_low + second_low - 1) % modulus
    # After each byte of the second string, the low bits exceed those of that string alone by
    # first_low - 1.
    high = (first_high + second_high + length * (first_low - 1)) % modulus
    return high << 16 | low


def stream_end(checksum: int) -> bytes:
    """Return the end of a zlib stream: an empty last block, and a checksum.

    Args:
        checksum: Adler-32 checksum of all bytes of the stream before compression.
    """
    return b"\x03\x00" + struct.pack(">I", checksum)
