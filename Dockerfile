# One file, four images: operator, trainer, server, and s3 (the embedded object storage of the chart).
#
#   docker build --target operator -t localhost/perennial-operator:dev .
#
# Dependencies come first and our code last, so that a change of code rebuilds one small layer. `hack/images build`
# does it with whichever engine answers.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS python
# LightGBM brings no OpenMP of its own.
RUN ldconfig -p | grep -q 'libgomp\.so\.1' || \
    (apt-get update -q && apt-get install -q -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*)
RUN mkdir /work && chown 65532:65532 /work && \
    echo 'perennial:x:65532:65532::/work:/usr/sbin/nologin' >>/etc/passwd && echo 'perennial:x:65532:' >>/etc/group
ENV PATH=/venv/bin:$PATH HOME=/work PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# pip itself stays in this stage.
FROM python AS installer
RUN python3 -m venv /pip
COPY hack/install-locked /pip/bin/

FROM python AS operator-dependencies
COPY requirements/operator.txt /venv/requirements.txt
RUN --mount=type=bind,from=installer,source=/pip,target=/pip \
    --mount=type=cache,target=/root/.cache/pip sh /pip/bin/install-locked

FROM python AS trainer-dependencies
COPY requirements/trainer.txt /venv/requirements.txt
RUN --mount=type=bind,from=installer,source=/pip,target=/pip \
    --mount=type=cache,target=/root/.cache/pip sh /pip/bin/install-locked

FROM python AS server-dependencies
COPY requirements/server.txt /venv/requirements.txt
RUN --mount=type=bind,from=installer,source=/pip,target=/pip \
    --mount=type=cache,target=/root/.cache/pip sh /pip/bin/install-locked

FROM python AS s3-dependencies
COPY requirements/s3.txt /venv/requirements.txt
RUN --mount=type=bind,from=installer,source=/pip,target=/pip \
    --mount=type=cache,target=/root/.cache/pip sh /pip/bin/install-locked

FROM python AS code
COPY operator/perennial /app/perennial
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM operator-dependencies AS operator
COPY --from=code /app /app
ENV PYTHONPATH=/app
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["python", "-m", "perennial.handlers"]

FROM trainer-dependencies AS trainer
COPY --from=code /app /app
ENV PYTHONPATH=/app
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["python", "-m", "perennial.runtime.training"]

FROM server-dependencies AS server
COPY --from=code /app /app
ENV PYTHONPATH=/app
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["python", "-m", "perennial.runtime.serving"]

FROM s3-dependencies AS s3
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["weed"]
