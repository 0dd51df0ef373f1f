"""What can be wrong with an input, an estimator or an artifact, as types: no text is matched to tell them apart."""


class ArtifactError(Exception):
    """Anything that this package refuses."""


class InputProblem(ArtifactError, ValueError):
    """A column that does not fit the signature: the client's (or the data's) fault, never ours."""

    def __init__(self, column: str, expected: str, got: str) -> None:
        super().__init__(f'column "{column}": expected {expected}, got {got}')
        self.column = column
        self.expected = expected
        self.got = got


class EstimatorProblem(ArtifactError, ValueError):
    """An estimator or a parameter that cannot be used; the message names the nearest valid choice."""


class NotPackable(ArtifactError):
    """A fitted model that cannot be stored without pickle; the message says which part."""


class LoadRefused(ArtifactError):
    """An artifact that will not be loaded. Terminal: the same bytes never become loadable."""


class DigestMismatch(LoadRefused):
    """The bytes are not those that training recorded."""


class UntrustedType(LoadRefused):
    """The file names a type that is not on the fixed allow-list. Nothing of it was imported or constructed."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"model.skops names types that are not on the allow-list: {', '.join(names)}; "
            "only models packaged by the trainer of this release can be loaded"
        )
        self.names = names


class HostileArtifact(LoadRefused):
    """A file malformed on purpose or by damage: zip tricks, lengths that do not add up, indices out of range."""


class WarmUpMismatch(LoadRefused):
    """The model answers its own example row differently from what training recorded."""
