"""The fast path: the fast encoder and an ONNX graph of the estimator, with one thread and without scikit-learn."""

from __future__ import annotations

import numpy as np

from perennial.runtime.artifacts.columns import Columns
from perennial.runtime.artifacts.encoder import FastEncoder
from perennial.runtime.artifacts.errors import HostileArtifact


class OnnxScorer:
    """Used only for models whose graph was verified when they were packaged."""

    path = "onnx"

    def __init__(self, encoder: FastEncoder, graph: bytes) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base class but Exception
            raise HostileArtifact(f"model.onnx: {error}") from None
        inputs = self._session.get_inputs()
        if [i.name for i in inputs] != ["X"] or inputs[0].shape[1] != encoder.width:
            raise HostileArtifact(f"model.onnx: expected one input X of {encoder.width} columns")
        self._encoder = encoder
        self._single = inputs[0].type == "tensor(float)"
        self.scores = frozenset(output.name for output in self._session.get_outputs())

    def score(self, columns: Columns, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """See `Scorer.score`."""
        return self.of_matrix(self._encoder.encode(columns), wanted)

    def of_matrix(self, matrix: np.ndarray, wanted: frozenset[str]) -> dict[str, np.ndarray]:
        """The wanted scores of an encoded matrix."""
        names = list(wanted)
        given = matrix.astype(np.float32) if self._single else np.ascontiguousarray(matrix)
        return dict(zip(names, self._session.run(names, {"X": given}), strict=True))
