FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends libmagic1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./
COPY domain domain
COPY application application
COPY infrastructure infrastructure
COPY web web
RUN pip install --no-cache-dir -c constraints.txt .
RUN useradd --system --home-dir /data docledger && install -d -o docledger /data
USER docledger
ENV DOCLEDGER_HOST=0.0.0.0 DOCLEDGER_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["docledger", "serve"]
