"""The fixed list of types that a model file may name. It is never taken from a file, nor extended at run time.

A type on it may be imported and made without running anything that the file chose. Functions are left out but for
numpy's and scipy's arithmetic, and so is everything that calls what it is given (partial, methodcaller, scorers).
"""

from collections.abc import Mapping
from functools import cache

CONTAINERS: Mapping[str, frozenset[str]] = {
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "ListNode": frozenset({"builtins.list"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "SetNode": frozenset({"builtins.set"}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "JsonNode": frozenset({"builtins.str"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
}
"""Kind of node → the types it may stand for. Kinds that are not named here or below are refused."""

SCALARS = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "str_"}
    | {"uint8", "uint16", "uint32", "uint64", "datetime64", "timedelta64"}
)

PLAIN_TYPES = frozenset(
    {"builtins.str", "builtins.int", "builtins.float", "builtins.bool", "builtins.NoneType"}
    | {"collections.OrderedDict"}
)
"""Types that may be named as a value: the types of dictionary keys, and numpy's scalars."""

BIT_GENERATORS = frozenset({"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"})

SPARSE = frozenset(
    f"scipy.sparse._{form}.{form}_{kind}"
    for form in ("csr", "csc", "coo", "bsr", "dia")
    for kind in ("matrix", "array")
)

FUNCTIONS = frozenset(
    {"numpy.log", "numpy.log1p", "numpy.exp", "numpy.expm1", "numpy.sqrt", "numpy.square", "numpy.log10", "numpy.log2"}
    | {"scipy.special._ufuncs.expit", "scipy.special._ufuncs.logit"}
)
"""Arithmetic that a transformed target or a link may name."""

LOSSES = frozenset(
    {f"sklearn._loss._loss.Cy{name}" for name in (
        "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss",
        "HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss",
    )}
    | {f"sklearn.linear_model._sgd_fast.{name}" for name in (
        "EpsilonInsensitive", "Hinge", "ModifiedHuber", "SquaredEpsilonInsensitive", "SquaredHinge",
    )}
)  # fmt: skip

OWN = frozenset({"perennial.runtime.artifacts.steps.DateParts"})

BOOSTED = frozenset(
    {"lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRegressor"}
    | {"xgboost.core.Booster", "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor"}
    | {"xgboost.sklearn.XGBRFClassifier", "xgboost.sklearn.XGBRFRegressor"}
)
"""Their state is the library's own model text or UBJSON, read by the library's parser. No pickle is involved."""

SKLEARN_PARTS = frozenset(
    {f"sklearn._loss.link.{name}" for name in (
        "HalfLogitLink", "IdentityLink", "Interval", "LogLink", "LogitLink", "MultinomialLogit",
    )}
    | {f"sklearn._loss.loss.{name}" for name in (
        "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss",
        "HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss",
    )}
    | {f"sklearn.gaussian_process.kernels.{name}" for name in (
        "CompoundKernel", "ConstantKernel", "DotProduct", "Exponentiation", "ExpSineSquared", "Hyperparameter",
        "Matern", "Product", "RationalQuadratic", "RBF", "Sum", "WhiteKernel",
    )}
    | {f"sklearn.metrics._dist_metrics.{name}{width}" for width in ("", "32", "64") for name in (
        "BrayCurtisDistance", "CanberraDistance", "ChebyshevDistance", "EuclideanDistance", "HammingDistance",
        "HaversineDistance", "MahalanobisDistance", "ManhattanDistance", "MinkowskiDistance", "SEuclideanDistance",
    )}
    | {f"sklearn.neighbors._{tree}_tree.{name}{width}" for width in ("", "32", "64") for tree, name in (
        ("kd", "KDTree"), ("ball", "BallTree"),
    )}
    | {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)  # fmt: skip
"""Parts of fitted scikit-learn estimators that are no estimators themselves."""


@cache
def trusted_types(kind: str) -> frozenset[str]:
    """The types that a node of this kind may stand for; empty for a kind that is refused altogether."""
    from perennial.runtime.artifacts.sklearn_types import ESTIMATORS

    estimators = {f"{module}.{name}" for module, names in ESTIMATORS.items() for name in names.split()}
    scalars = {f"numpy.{name}" for name in SCALARS}
    lists: dict[str, frozenset[str]] = {
        **CONTAINERS,
        "ObjectNode": frozenset(estimators) | SKLEARN_PARTS | OWN | BOOSTED,
        "NdArrayNode": frozenset(scalars | {"numpy.ndarray"}),
        "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}),
        "TypeNode": PLAIN_TYPES | scalars,
        "FunctionNode": FUNCTIONS,
        "LossNode": LOSSES,
        "SparseMatrixNode": SPARSE,
    }
    return lists.get(kind, frozenset())
