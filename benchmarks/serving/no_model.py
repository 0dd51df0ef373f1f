"""The limit: uvicorn with uvloop and httptools, msgspec parses the request, a constant answers. No model, no checks."""

import sys

import msgspec
import uvicorn

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


async def app(scope, receive, send):
    """Parse, answer as many zeros as there are rows."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    rows = _DECODE(body)["inputs"][0]["shape"][0] if body else 1
    output = {"name": "predict", "datatype": "INT64", "shape": [rows], "data": [0] * rows}
    answer = _ENCODE({"model_name": "none", "model_version": "1", "outputs": [output]})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off",
        access_log=False, log_level="warning",
    )  # fmt: skip
