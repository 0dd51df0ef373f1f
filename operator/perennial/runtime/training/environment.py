"""What executes a run: versions that change results, threads, processor. Same answer on a laptop and in a pod."""

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from perennial.api.identities import TRAINING_FORMAT, environment_digest
from perennial.runtime.training.failures import DataRefused
from perennial.version import __version__

ALWAYS = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "skops")
"""Distributions that every fit goes through."""

OF_PACKAGE = {"lightgbm": ("lightgbm",), "xgboost": ("xgboost", "xgboost-cpu")}
"""Distributions that a fit goes through only when its estimator is theirs; the first that is installed counts."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def distributions(estimators: Iterable[str], *, bayesian: bool) -> dict[str, str]:
    """`{name: version}` of what affects the result of fitting these estimators (dotted paths).

    Raises:
        DataRefused: the package of an estimator is not installed here.
    """
    found = {name: version(name) for name in ALWAYS}
    for package in sorted({path.split(".")[0] for path in estimators} & OF_PACKAGE.keys()):
        found[package] = _first_installed(package)
    if bayesian:
        found["optuna"] = version("optuna")
    return found


def _first_installed(package: str) -> str:
    for name in OF_PACKAGE[package]:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise DataRefused(
        f"spec.algorithm.estimator: the package {package} is not installed here; "
        f"install perennial[trainer], or choose an estimator of scikit-learn",
        reason="EstimatorUnavailable",
    )


def python_minor() -> str:
    """e.g. `3.13`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def digest(versions: dict[str, str]) -> str:
    """The environment digest of these versions under the running Python."""
    return environment_digest(python_minor(), versions)


def threads() -> int:
    """Threads a fit may use: what the environment fixed, else the processors this process may run on."""
    fixed = os.environ.get(THREAD_VARIABLES[0], "")
    return int(fixed) if fixed.isdigit() and int(fixed) > 0 else processors()


def processors() -> int:
    """Whole processors granted by the control group (v2, v1), never more than are there, at least one."""
    present = os.process_cpu_count() or 1
    return max(1, min(present, int(_quota(Path("/sys/fs/cgroup")) or present)))


def _quota(root: Path) -> float | None:
    try:
        limit, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if limit in {"max", "-1"} else float(limit) / float(period)


def fix_threads() -> None:
    """Give every numeric library the same thread count, before any of them is imported.

    Threads sleep at barriers instead of spinning: on a shared or throttled processor a spinning thread eats the quota
    that the others wait for (measured on two busy cores: a fit in 2.4 s instead of 14.5 s).
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(processors()))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def record(versions: dict[str, str]) -> dict[str, Any]:
    """The `environment` of run.json: enough to say why two runs could differ in their last bits."""
    return {
        "python": platform.python_version(),
        "distributions": versions,
        "trainingFormat": TRAINING_FORMAT,
        "perennial": __version__,
        "threads": threads(),
        "machine": platform.machine(),
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
