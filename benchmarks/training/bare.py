"""What a data scientist would have run instead: read the objects, fit, measure once, print. No Perennial in it.

`python benchmarks/training/bare.py BUCKET PREFIX ITERATIONS`, with AWS_* in the environment.
"""

import json
import os
import sys
import time
from io import BytesIO

os.environ.update({name: str(len(os.sched_getaffinity(0))) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})

import boto3
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score


def main(bucket: str, prefix: str, iterations: int) -> None:
    """Train on the oldest four fifths, measure on the rest."""
    client = boto3.client("s3")
    keys = [o["Key"] for o in client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    parts = [pd.read_parquet(BytesIO(client.get_object(Bucket=bucket, Key=k)["Body"].read())) for k in sorted(keys)]
    table = pd.concat(parts, ignore_index=True).sort_values("time")
    features = table.drop(columns=["time", "outcome"])
    text = features.select_dtypes(exclude="number").columns
    features[text] = features[text].astype("category")
    cut = int(0.8 * len(table))
    began = time.monotonic()
    model = HistGradientBoostingClassifier(max_iter=iterations, early_stopping=False, random_state=42)
    model.fit(features[:cut], table["outcome"][:cut])
    fit = time.monotonic() - began
    score = roc_auc_score(table["outcome"][cut:], model.predict_proba(features[cut:])[:, 1])
    print(json.dumps({"fit": fit, "roc_auc": score}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
