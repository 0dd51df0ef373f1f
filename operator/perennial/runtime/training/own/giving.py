"""What code of the user's own finds in the run folder: request.json and, where asked for, the rows to learn from."""

from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from perennial.api.records.contract import REQUEST, TRAIN_DATA, DataGiven, OwnRequest
from perennial.runtime.training.context import Context
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.resolve import Resolved
from perennial.runtime.training.split import Split

LEARNS: dict[str, Literal["Classification", "Regression", "Outlier"]] = {
    "Binary": "Classification", "Multiclass": "Classification", "Regression": "Regression", "Outlier": "Outlier",
}  # fmt: skip


def give_rows(context: Context, places: Places, table: pa.Table, prepared: Prepared, split: Split) -> int:
    """Write data/train.parquet: the inputs in canonical form, the target as codes or numbers, weight and time.

    The rows that judge the model are not in it. Returns how many rows there are.
    """
    request, rows = context.request, split.train
    features = request.features
    given = pa.Table.from_pandas(prepared.frame.iloc[rows], preserve_index=False)
    if prepared.y is not None and request.target is not None:
        given = given.append_column(request.target, pa.array(prepared.y[rows]))
    kept = (features.time_column, features.sample_weight_column, features.id_column, request.holdout.group_column)
    for name in dict.fromkeys(kept):
        if name is not None and name not in given.column_names:
            given = given.append_column(name, table.column(name).take(pa.array(rows)))
    file = places.run / TRAIN_DATA
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(given, file)
    return len(rows)


def give_request(
    context: Context, places: Places, resolved: Resolved, prepared: Prepared, *, rows: int | None, checkpoint: bool
) -> OwnRequest:
    """Write request.json; `rows` is None where no data is given."""
    request, signature = context.request, prepared.signature
    asked = OwnRequest(
        run_digest=resolved.run_digest,
        model=context.task.model,
        task=LEARNS[signature.task],
        data=DataGiven(
            uri=request.train.uri,
            digest=resolved.data_digest,
            objects=[o.identity for o in resolved.train.objects],
            file=TRAIN_DATA if rows is not None else None,
            rows=rows or 0,
        ),
        target=request.target,
        classes=signature.classes,
        positive_class=signature.positive_class,
        inputs=signature.inputs,
        weight_column=request.features.sample_weight_column,
        time_column=request.features.time_column,
        seed=request.seed,
        parameters=dict(request.container.parameters) if request.container else {},
        checkpoint=checkpoint,
    )
    (places.run / REQUEST).write_bytes(asked.model_dump_json(by_alias=True, exclude_none=True, indent=1).encode())
    return asked
