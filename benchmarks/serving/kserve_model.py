"""A scikit-learn model behind KServe's SDK; run by the Python of the peer's own environment."""

import argparse
import sys

import joblib
from kserve import InferResponse, Model, ModelServer, model_server
from kserve.utils.utils import get_predict_input, get_predict_response


class Sklearn(Model):
    """Load once, predict arrays."""

    def __init__(self, path):
        super().__init__("m")
        self._model = joblib.load(path)
        self.ready = True

    def predict(self, payload, headers=None) -> InferResponse:
        return get_predict_response(payload, self._model.predict(get_predict_input(payload)), self.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("path")
    arguments, _ = parser.parse_known_args(sys.argv[1:])
    ModelServer(http_port=arguments.http_port, enable_grpc=False, workers=1).start([Sklearn(arguments.path)])
