"""Generates the storage policies of the chart from the one place that says which role reaches what."""

import json
from pathlib import Path
from typing import get_args

from perennial.store.tenancy import Role, iam_policy

FOLDER = Path(__file__).resolve().parent.parent / "charts" / "perennial" / "files" / "policies"


def main() -> None:
    """Write one file a role; the chart replaces namespace and bucket."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for role in get_args(Role):
        policy = iam_policy(role, "namespace-of-the-tenant", "bucket-of-the-registry")
        (FOLDER / f"{role}.json").write_text(json.dumps(policy, indent=2) + "\n")


if __name__ == "__main__":
    main()
