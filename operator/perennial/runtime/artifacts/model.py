"""Loading a packaged model and answering with it: digest, types and bounds first, then the fastest verified path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from perennial.api.records.run import Artifact
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.answers import Answers
from perennial.runtime.artifacts.columns import Canonicaliser, Columns
from perennial.runtime.artifacts.digests import read_verified
from perennial.runtime.artifacts.encoder import FastEncoder, read_record
from perennial.runtime.artifacts.errors import HostileArtifact, WarmUpMismatch
from perennial.runtime.artifacts.scoring import Scorer

WARM_UP_RTOL = 1e-5
"""Other CPU families round differently; a wrong model differs by more."""


class Model:
    """A loaded model. Not thread-safe while loading, safe for concurrent `predict` afterwards."""

    def __init__(self, signature: Signature, scorer: Scorer, digest: str) -> None:
        self.signature = signature
        self.digest = digest
        self.canonicalise = Canonicaliser(signature)
        self._scorer = scorer
        self._answers = Answers(signature)

    @property
    def path(self) -> str:
        """The path that answers: onnx, sklearn (fast encoder and estimator) or pipeline."""
        return self._scorer.path

    def predict(self, columns: Columns, outputs: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Answer canonical columns.

        Args:
            columns: as `canonicalise` gives them.
            outputs: names out of the signature's outputs; none means its default outputs.

        Returns:
            per output an array of shape (rows,) or (rows, classes); labels as bool, int64, float64 or object (str).

        Raises:
            KeyError: a name that is not an output of this model.
        """
        wanted = self._answers.wanted(outputs)
        return self._answers.of(self._scorer.score(columns, self._answers.needs(wanted)), wanted)

    def warm_up(self) -> None:
        """Predict the signature's example row and compare with what training recorded, at rtol 1e-5.

        Raises:
            WarmUpMismatch: the answers differ, or there is no example to compare with.
        """
        expected = self.signature.example_outputs
        if not expected:
            raise WarmUpMismatch("signature.json holds no example_outputs to compare with")
        answers = self.predict(self.canonicalise([self.signature.example]), frozenset(expected))
        for name, values in expected.items():
            if not _same(answers[name], values):
                raise WarmUpMismatch(
                    f"{name} of the example row: recorded {values}, the model says {answers[name].tolist()}"
                )


def load_model(folder: Path | str, signature: Signature, artifact: Artifact, *, verify: bool = True) -> Model:
    """Load the model in a folder.

    Args:
        folder: with the files that `save_model` wrote.
        signature: the content of signature.json.
        artifact: its digest and formats, as run.json says.
        verify: compare the digest of the files with `artifact.digest` first.

    Raises:
        DigestMismatch: the files are not those of the artifact.
        UntrustedType, HostileArtifact: nothing of the file was executed.
    """
    files = read_verified(Path(folder), artifact.digest if verify else None)
    return Model(signature, _scorer(files, signature), artifact.digest)


def _scorer(files: Mapping[str, bytes], signature: Signature) -> Scorer:
    """The fastest path that the files allow: they hold a faster form only if it was verified."""
    encoder = FastEncoder(read_record(files["encoder.json"])) if "encoder.json" in files else None
    if encoder is not None and "model.onnx" in files:
        from perennial.runtime.artifacts.scoring.onnx import OnnxScorer

        return OnnxScorer(encoder, files["model.onnx"])
    if "model.skops" not in files:
        raise HostileArtifact(f"expected model.skops, got {', '.join(files)}")
    from perennial.runtime.artifacts.construct import loads
    from perennial.runtime.artifacts.scoring.matrix import MatrixScorer
    from perennial.runtime.artifacts.scoring.pipeline import PipelineScorer

    pipeline = loads(files["model.skops"])
    return MatrixScorer(encoder, pipeline[-1]) if encoder is not None else PipelineScorer(pipeline, signature)


def _same(answers: np.ndarray, expected: Any) -> bool:
    wanted = np.asarray(expected)
    if answers.dtype.kind in "fiu":
        return answers.shape == wanted.shape and np.allclose(answers, wanted, rtol=WARM_UP_RTOL, atol=1e-12)
    return bool(answers.tolist() == wanted.tolist())
