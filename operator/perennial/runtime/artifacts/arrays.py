"""Reading .npy and .npz bytes that may be hostile: the declared shape must be what the bytes hold, exactly.

numpy's own reader allocates what a header declares before it looks at how much there is.
"""

from __future__ import annotations

import io
import math
import tokenize
from typing import Any

import numpy as np

from perennial.runtime.artifacts.archive import read_archive
from perennial.runtime.artifacts.errors import HostileArtifact

MAX_HEADER = 10_000  # characters; structured dtypes of trees need about 400


def read_npy(body: bytes) -> np.ndarray:
    """A writable array from .npy bytes; object arrays are refused.

    Raises:
        HostileArtifact: not such bytes, or more or fewer than the header says.
    """
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reader(stream, max_header_size=MAX_HEADER)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError, KeyError) as error:
        raise HostileArtifact(f"not an .npy entry: {error}") from None
    if dtype.hasobject or any(length < 0 for length in shape):
        raise HostileArtifact(f".npy entry: expected plain numbers or text, got {dtype} of shape {shape}")
    start = stream.tell()
    if math.prod(shape) * dtype.itemsize != len(body) - start:
        raise HostileArtifact(f".npy entry: {dtype} of shape {shape} does not fit {len(body) - start} bytes")
    flat = np.frombuffer(body, dtype=dtype, offset=start, count=math.prod(shape))
    return flat.reshape(shape, order="F" if fortran else "C").copy(order="K")


def read_sparse(body: bytes) -> Any:
    """A scipy sparse matrix or array from the bytes of `scipy.sparse.save_npz`.

    Raises:
        HostileArtifact: not such bytes, or indices outside of the declared shape.
    """
    from scipy import sparse

    parts = {name.removesuffix(".npy"): read_npy(data) for name, data in read_archive(body, deflated=True).items()}
    try:
        form = parts["format"].item()
        form = form.decode("ascii") if isinstance(form, bytes) else form
        is_array = bool(parts["_is_array"]) if "_is_array" in parts else False
        if form not in ("csr", "csc"):
            raise HostileArtifact(f"sparse entry: expected csr or csc, got {form!r}")
        cls = getattr(sparse, f"{form}_{'array' if is_array else 'matrix'}")
        shape = tuple(int(length) for length in parts["shape"])
        matrix = cls((parts["data"], parts["indices"], parts["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise HostileArtifact(f"sparse entry: {error}") from None
    return matrix
