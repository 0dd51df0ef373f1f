"""Generates the storage policies of the chart from the one place that says which role reaches what."""

import json
from pathlib import Path
from typing import get_args

from perennial.store.tenancy import Role, iam_policy

FOLDER = Path(__file__).resolve().parent.parent / "charts" / "perennial" / "files" / "policies"


def files() -> dict[Path, str]:
    """One file a role, by path; the chart replaces namespace and bucket."""
    policies = {role: iam_policy(role, "namespace-of-the-tenant", "bucket-of-the-registry") for role in get_args(Role)}
    return {FOLDER / f"{role}.json": json.dumps(policy, indent=2) + "\n" for role, policy in policies.items()}


def main() -> None:
    """Write them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, content in files().items():
        path.write_text(content)


if __name__ == "__main__":
    main()
