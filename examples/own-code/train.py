"""A training of one's own: a network of scikit-learn, fitted epoch by epoch, that goes on where its last pod ended.

It needs nothing of Perennial: a folder comes in (PERENNIAL_RUN), a model, progress and checkpoints go out.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

RUN = Path(os.environ["PERENNIAL_RUN"])
CHECKPOINT = RUN / "output" / "checkpoint" / "network.skops"
STATE = RUN / "output" / "checkpoint" / "state.json"


def main() -> None:
    """Learn what request.json asks for."""
    request = json.loads((RUN / "request.json").read_text())
    epochs = int(request.get("parameters", {}).get("epochs", 10))
    pause = float(request.get("parameters", {}).get("secondsPerEpoch", 0))
    table = pd.read_parquet(RUN / "data" / "train.parquet")
    columns = [column["name"] for column in request["inputs"]]
    encoder = encoding(request["inputs"]).fit(table[columns])
    matrix, codes = encoder.transform(table[columns]), table[request["target"]].to_numpy()
    network, done = begun(request)
    while done < epochs:
        network.partial_fit(matrix, codes, classes=np.arange(len(request["classes"])))
        done += 1
        told(done, epochs, network.loss_)
        saved(network, done)
        print(f"epoch {done} of {epochs}: loss {network.loss_:.4f}", flush=True)
        time.sleep(pause)
    write(RUN / "output" / "model.skops", skops.io.dumps(Pipeline([("encode", encoder), ("model", network)])))
    write(RUN / "output" / "metrics.json", json.dumps({"training_loss": network.loss_, "epochs": done}).encode())


def encoding(inputs: list[dict[str, Any]]) -> Any:
    """Numbers scaled, text one-hot; columns are named, for a model file may hold no function that looks for them."""
    numbers = [column["name"] for column in inputs if column["kind"] in ("numeric", "boolean")]
    texts = [column["name"] for column in inputs if column["kind"] == "categorical"]
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", max_categories=50, sparse_output=False)
    return make_column_transformer((scaled, numbers), (one_hot, texts))


def begun(request: dict[str, Any]) -> tuple[MLPClassifier, int]:
    """The network to go on with and its finished epochs; a new one where no pod has been here before."""
    if not STATE.exists():
        return MLPClassifier(hidden_layer_sizes=(16,), random_state=request["seed"]), 0
    trusted = skops.io.get_untrusted_types(file=CHECKPOINT)
    done = int(json.loads(STATE.read_text())["epochs"])
    print(f"going on after epoch {done}", flush=True)
    return skops.io.load(CHECKPOINT, trusted=trusted), done


def saved(network: MLPClassifier, done: int) -> None:
    """Leave a checkpoint; it is stored within half a minute, and when the pod has to end."""
    CHECKPOINT.parent.mkdir(parents=True, exist_ok=True)
    write(CHECKPOINT, skops.io.dumps(network))
    write(STATE, json.dumps({"epochs": done}).encode())


def told(done: int, epochs: int, loss: float) -> None:
    """What status.run.progress shows."""
    progress = {"percent": 100 * done / epochs, "message": f"epoch {done} of {epochs}, loss {loss:.4f}"}
    write(RUN / "output" / "progress.json", json.dumps(progress).encode())


def write(path: Path, body: bytes) -> None:
    """A file appears whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_bytes(body)
    os.replace(unfinished, path)


if __name__ == "__main__":
    # As process 1 of a container, code that does not listen is deaf to the request to end, and is killed much later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
