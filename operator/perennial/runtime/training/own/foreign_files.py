"""Reading what somebody else's code has written, without being led elsewhere: no link is followed, no pipe waited for.

The code shares the run folder with containers that hold credentials, so a link of its making could name their files.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class NotPlain(OSError):
    """Something that is not a plain file in a plain folder."""


def plain_bytes(root: Path, *parts: str, most: int) -> bytes | None:
    """The content of a file below `root`; None if there is none.

    Raises:
        NotPlain: a link, a pipe, a folder, or more than `most` bytes.
    """
    with _folder(root, parts[:-1]) as folder:
        if folder is None:
            return None
        file = _opened(folder, parts[-1])
        if file is None:
            return None
        with file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise NotPlain(f"{'/'.join(parts)} has {size} bytes, more than the {most} that are read")
            return file.read(most)


def plain_files(root: Path, *parts: str) -> Iterator[tuple[str, os.stat_result, BinaryIO]]:
    """The plain files below a folder with their paths relative to it, sorted; anything else is left out."""
    with _folder(root, parts) as folder:
        if folder is not None:
            yield from _walked(folder, "")


def _walked(folder: int, above: str) -> Iterator[tuple[str, os.stat_result, BinaryIO]]:
    for name in sorted(os.listdir(folder)):
        try:
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:  # gone since it was listed
            continue
        if stat.S_ISDIR(kind.st_mode):
            with _folder(folder, (name,)) as inner:
                if inner is not None:
                    yield from _walked(inner, f"{above}{name}/")
        elif stat.S_ISREG(kind.st_mode):
            try:
                file = _opened(folder, name)
            except NotPlain:  # exchanged since it was looked at
                continue
            if file is not None:
                with file:
                    yield above + name, os.fstat(file.fileno()), file


@contextmanager
def _folder(root: Path | int, parts: tuple[str, ...]) -> Iterator[int | None]:
    """A descriptor of the folder, each part opened below the one before; None if it is not there."""
    current = os.dup(root) if isinstance(root, int) else os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            below = os.open(part, FOLDER, dir_fd=current)
            os.close(current)
            current = below
    except FileNotFoundError:
        os.close(current)
        yield None
        return
    except OSError as error:
        os.close(current)
        raise NotPlain(f"{'/'.join(parts)} is no plain folder: {error.strerror}") from None
    try:
        yield current
    finally:
        os.close(current)


def _opened(folder: int, name: str) -> BinaryIO | None:
    try:
        descriptor = os.open(name, FILE, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotPlain(f"{name} is no plain file: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain(f"{name} is no plain file")
    return os.fdopen(descriptor, "rb")
