"""Bodies that a client has compressed (`Content-Encoding`), decompressed within the limit of any body."""

import zlib

from perennial.runtime.serving.errors import Invalid, TooLarge, UnknownEncoding

_WINDOW_BITS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
"""zlib's code of each format; `deflate` is the zlib format (RFC 9110, 8.4.1.2)."""


def checked_encoding(value: bytes) -> bytes | None:
    """The encoding of a body; None: it is not compressed.

    Raises:
        UnknownEncoding: it is none that this server knows.
    """
    name = value.strip().lower()
    if name in _WINDOW_BITS:
        return name
    if name in (b"", b"identity"):
        return None
    shown = value[:32].decode("ascii", "replace")
    raise UnknownEncoding(f"Content-Encoding is '{shown}'; expected gzip, deflate or none")


def decoded(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body as it was before the client compressed it, in one member.

    Raises:
        TooLarge: more than `limit` bytes; no more than that is ever unpacked.
        Invalid: it is not what `encoding` says, is cut off, or goes on after its end.
    """
    stream = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise Invalid(f"the body is not {encoding.decode()}, as Content-Encoding says: {error}") from None
    if len(plain) > limit:
        raise TooLarge(f"the body unpacks to more than the {limit} bytes that this server takes; send fewer rows")
    if not stream.eof or stream.unused_data:
        what = "goes on after its end" if stream.eof else "ends early"
        raise Invalid(f"the body is {encoding.decode()} that {what}; expected one whole member")
    return plain
