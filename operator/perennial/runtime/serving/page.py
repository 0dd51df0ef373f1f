"""The try-it page of one served model: one self-contained file, no request to anywhere else."""

from perennial.runtime.serving.served import Served

PAGE_HEADERS = ((b"content-type", b"text/html; charset=utf-8"),)


def page(served: Served) -> bytes:
    """The page's bytes."""
    return served.config.model.encode()
