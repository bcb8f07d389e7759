# Two stages: what pip needs to install stays in the first one. tests/deploy/test_image.py performs these steps
# without Docker and runs what comes out.
FROM python:3.12-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md ./
COPY domain domain
COPY application application
COPY infrastructure infrastructure
COPY web web
RUN python -m venv --without-pip /opt/docledger
# Exact versions, compiled now because the root file system will be read-only. The pylibmagic wheel is the
# fallback for machines without a libmagic; the image has Debian's.
RUN pip --python /opt/docledger/bin/python install --no-cache-dir --compile -c constraints.txt . \
    && pip --python /opt/docledger/bin/python uninstall --yes pylibmagic

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Docledger" \
      org.opencontainers.image.description="ONLYOFFICE editing on top of a team's own files that never loses a save." \
      org.opencontainers.image.version="0.1.0"
# Not a certain version of it: Debian keeps only the newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libmagic1 \
    && rm -rf /var/lib/apt/lists/*
RUN install --directory --owner=10001 --group=10001 --mode=0750 /data /blobs
COPY --from=build /opt/docledger /opt/docledger
ENV PATH=/opt/docledger/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DOCLEDGER_HOST=0.0.0.0 \
    DOCLEDGER_DATA_DIR=/data
WORKDIR /data
# A number, so that whoever checks for root need not read /etc/passwd.
USER 10001:10001
VOLUME /data
EXPOSE 8080
# Open documents are saved first, within GRACE_SECONDS: give it longer than that (docker stop --time 30).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as ask; ask.build_opener(ask.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ.get(\"DOCLEDGER_PORT\") or 8080}/healthz', timeout=4)"]
CMD ["docledger", "serve"]
