"""What a user's leader runs between `fetch` and `publish`: learn from the rows in the run folder, leave a model."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import skops.io
from sklearn.linear_model import LogisticRegression

run = Path(os.environ["PERENNIAL_RUN"])
asked = json.loads((run / "request.json").read_text())
rows = pq.read_table(run / asked["data"]["file"]).to_pandas()
model = LogisticRegression().fit(rows[[column["name"] for column in asked["inputs"]]], rows[asked["target"]])
(run / "output").mkdir(exist_ok=True)
skops.io.dump(model, run / "output" / "model.skops")
