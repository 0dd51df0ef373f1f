"""The model that this process serves: its artifact's face, its inputs and outputs, and how a batch is predicted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.api.records.profile import Profile
from perennial.api.records.server import ServerConfig
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import Canonicaliser, Columns, InputProblem, Model, NumericColumns
from perennial.runtime.serving.errors import Invalid, ModelFault
from perennial.runtime.serving.inputs import InputSpec, Rows
from perennial.runtime.serving.logs import LOGGER

Outputs = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Served:
    """A loaded, verified and warmed-up model."""

    config: ServerConfig
    signature: Signature
    model: Model
    spec: InputSpec
    profile: Profile | None
    always: frozenset[str]  # outputs that every batch is asked for: the default ones and those that are watched

    @classmethod
    def of(cls, config: ServerConfig, signature: Signature, model: Model, profile: Profile | None) -> "Served":
        """Put the parts together."""
        spec = InputSpec(signature, Canonicaliser(signature), config.settings.max_request_rows)
        watched = {o.output for o in profile.outputs} if profile else set()
        always = {o.name for o in signature.outputs if o.default or o.name in watched}
        return cls(config, signature, model, spec, profile, frozenset(always))

    @property
    def output_names(self) -> tuple[str, ...]:
        """Every output that a request may name."""
        return tuple(o.name for o in self.signature.outputs)

    @property
    def default_outputs(self) -> tuple[str, ...]:
        """Outputs of a request that names none."""
        return tuple(o.name for o in self.signature.outputs if o.default) or self.output_names[:1]

    def chosen(self, outputs: Mapping[str, Any], names: tuple[str, ...] | None) -> Outputs:
        """The wanted outputs in the wanted order."""
        return {name: outputs[name] for name in names or self.default_outputs}

    def further(self, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The wanted outputs, if any of them is not computed for every batch anyway; requests are batched by it."""
        return names if names and not self.always.issuperset(names) else None

    def columns(self, rows: Rows) -> Columns:
        """Canonical columns of checked rows."""
        if rows.matrix is not None:
            return NumericColumns(self.spec.names, rows.matrix)
        return rows.columns or {}

    def predict(self, rows: Rows, names: tuple[str, ...] | None) -> Outputs:
        """Predict checked rows: the outputs that are always computed, and `names`.

        Raises:
            Invalid: a value that only the model could tell to be wrong.
            ModelFault: the model raised.
        """
        try:
            return self.model.predict(self.columns(rows), self.always.union(names) if names else self.always)
        except InputProblem as problem:
            raise Invalid(f"input '{problem.column}': expected {problem.expected}, got {problem.got}") from None
        except Exception as error:
            LOGGER.log(logging.ERROR, "the model failed on a request", exc_info=error)
            raise ModelFault(
                f"model '{self.config.model}' version {self.config.version} failed on this request "
                f"({type(error).__name__}); its log says more"
            ) from None
