"""Every test that asks for `store` runs twice: in a folder and in a bucket of a real S3 server."""

from pathlib import Path

import pytest

from perennial.store import ObjectStore, open_store


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of either kind."""
    if request.param == "file":
        return open_store((tmp_path / "store").as_uri())
    s3 = request.getfixturevalue("s3")
    return open_store(f"s3://{s3.bucket()}/registry", s3.env())
