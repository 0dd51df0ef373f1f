from pathlib import Path

import pytest

from perennial.runtime.training import memory
from perennial.runtime.training.failures import DataRefused


def test_a_table_that_fits_is_not_refused():
    memory.require(100 * memory.MIB, what="data.train", available=2048 * memory.MIB)
    memory.require(1 << 50, what="data.train", available=None)


def test_a_table_that_cannot_fit_is_refused_with_a_limit_that_would_do():
    with pytest.raises(DataRefused, match=r"limits\.memory to (\d+)Mi") as refused:
        memory.require(1000 * memory.MIB, what="data.train", available=1024 * memory.MIB)
    asked = int(str(refused.value).split("limits.memory to ")[1].split("Mi")[0])
    memory.require(1000 * memory.MIB, what="data.train", available=asked * memory.MIB)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("memory.max", "1073741824\n", 1 << 30),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "536870912\n", 1 << 29),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
    ],
)
def test_the_limit_is_read_from_either_version_of_control_groups(tmp_path: Path, file, text, expected):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert memory.limit(tmp_path) == expected


def test_a_machine_without_control_groups_has_no_limit(tmp_path: Path):
    assert memory.limit(tmp_path) is None
