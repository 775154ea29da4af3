# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Compression of the records of a batch, in the framings of docs/wire_format.md, "Batches".

Decompression is bounded: what would be larger than the caller allows is never made.
"""
from __future__ import annotations

import importlib
import struct
import zlib
from types import ModuleType

from millrace.errors import BatchError, MillraceError
from millrace.types import Compression

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK = 32 * 1024
_MODULES = {Compression.SNAPPY: ("snappy", "python3-snappy"),
            Compression.LZ4: ("lz4.frame", "python3-lz4"),
            Compression.ZSTD: ("zstandard", "python3-zstandard")}


def _module(codec: Compression) -> ModuleType:
    name, package = _MODULES[codec]
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MillraceError("codec_missing", f"{codec.name.lower()} needs the Python module "
                                             f"{name}: install {package}") from None


def require(codec: Compression) -> None:
    """Raises codec_missing, which names the package to install, when the codec cannot be used."""
    if codec in _MODULES:
        _module(codec)


def compress(codec: Compression, data: bytes) -> bytes:
    if codec == Compression.NONE:
        return data
    if codec == Compression.GZIP:
        packer = zlib.compressobj(wbits=31)
        return packer.compress(data) + packer.flush()
    if codec == Compression.SNAPPY:
        return _snappy_compress(data)
    if codec == Compression.LZ4:
        return _module(codec).compress(data, block_linked=False, store_size=False)
    return _module(codec).ZstdCompressor().compress(data)


def decompress(codec: Compression, data: memoryview, limit: int) -> bytes:
    """Errors: corrupt_batch (also when the result would be larger than `limit`), codec_missing."""
    try:
        if codec == Compression.NONE:
            return bytes(data)
        if codec == Compression.GZIP:
            return _gzip_decompress(bytes(data), limit)
        if codec == Compression.SNAPPY:
            return _snappy_decompress(bytes(data), limit)
        if codec == Compression.LZ4:
            return _lz4_decompress(bytes(data), limit)
        return _zstd_decompress(data, limit)
    except MillraceError:
        raise
    except (zlib.error, RuntimeError, ValueError, EOFError, struct.error) as why:
        raise _broken(codec, str(why)) from None
    except Exception as why:
        # Snappy and Zstandard have exception classes of their own.
        if type(why).__module__.split(".")[0] in ("snappy", "zstd", "zstandard", "_snappy"):
            raise _broken(codec, str(why)) from None
        raise


def _gzip_decompress(data: bytes, limit: int) -> bytes:
    parts = []
    left = limit
    while data:  # Members, end to end.
        unpacker = zlib.decompressobj(wbits=31)
        parts.append(unpacker.decompress(data, left + 1))
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(limit)
        if not unpacker.eof:
            raise ValueError("it ends too early")
        data = unpacker.unused_data
    return b"".join(parts)


def _lz4_decompress(data: bytes, limit: int) -> bytes:
    module = _module(Compression.LZ4)
    parts = []
    left = limit
    while data:  # Frames, end to end.
        unpacker = module.LZ4FrameDecompressor()
        while not unpacker.eof:
            if not data and unpacker.needs_input:
                raise ValueError("it ends too early")
            # In steps: the module makes room for as much as it may return.
            parts.append(unpacker.decompress(data, min(left + 1, 1 << 20)))
            data = b""
            left -= len(parts[-1])
            if left < 0:
                raise _too_large(limit)
        data = unpacker.unused_data or b""
    return b"".join(parts)


def _zstd_decompress(data: memoryview, limit: int) -> bytes:
    module = _module(Compression.ZSTD)
    unpacker = module.ZstdDecompressor(max_window_size=max(8 << 20, min(limit, 128 << 20)))
    parts = []
    left = limit + 1
    with unpacker.stream_reader(bytes(data), read_across_frames=True) as source:
        while left > 0 and (part := source.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    if left <= 0:
        raise _too_large(limit)
    return b"".join(parts)


def _snappy_compress(data: bytes) -> bytes:
    module = _module(Compression.SNAPPY)
    parts = [_XERIAL_HEADER]
    for at in range(0, len(data), _XERIAL_BLOCK):
        block = module.compress(data[at:at + _XERIAL_BLOCK])
        parts += (struct.pack(">i", len(block)), block)
    return b"".join(parts)


def _snappy_decompress(data: bytes, limit: int) -> bytes:
    if not data.startswith(_XERIAL_MAGIC):
        return _snappy_block(data, limit)
    parts = []
    left = limit
    at = len(_XERIAL_HEADER)
    if at > len(data):
        raise ValueError("it ends too early")
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
        if size > len(data) - at:
            raise ValueError("a block is longer than the batch")
        part = _snappy_block(data[at:at + size], left)
        parts.append(part)
        left -= len(part)
        at += size
    return b"".join(parts)


def _snappy_block(data: bytes, limit: int) -> bytes:
    size = shift = 0  # A block begins with the size of what it holds.
    for byte in data[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    else:
        raise ValueError("a block's size cannot be read")
    if size > limit:
        raise _too_large(limit)
    return _module(Compression.SNAPPY).uncompress(data)


def _broken(codec: Compression, why: str) -> BatchError:
    return BatchError("corrupt_batch", f"the {codec.name.lower()} data cannot be read: {why}")


def _too_large(limit: int) -> BatchError:
    return BatchError("corrupt_batch", f"the batch holds more than {limit} bytes decompressed")
