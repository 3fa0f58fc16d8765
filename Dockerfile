# keras-sr serve for a machine at home: docs/how-to/serve-at-home.md says how to run it.
#     docker build -t keras-sr .
FROM python:3.12-slim

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python -m pip install --no-cache-dir --constraint constraints.txt '.[web]' && rm -rf /src

# Nobody in particular, without a home and without a shell.
RUN useradd --system --no-create-home --uid 10001 --shell /usr/sbin/nologin keras-sr \
    && install -d -o keras-sr -g keras-sr -m 700 /data
USER keras-sr
WORKDIR /data
# The one folder that is written to; everything else may be read-only.
VOLUME /data
ENV HOME=/data TMPDIR=/data PYTHONDONTWRITEBYTECODE=1

EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
# Others reach it, so it asks for a token: KERAS_SR_TOKEN.
ENTRYPOINT ["keras-sr", "serve", "--host", "0.0.0.0", "--port", "8765", "--folder", "/data"]
