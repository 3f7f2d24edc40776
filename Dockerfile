# duragent in a container: see docs/how-to/run-as-a-service.md.
FROM python:3.13-slim AS build
WORKDIR /src
# What duragent needs, in the versions of the lock file and with their hashes checked; the installation after it takes
# from these files alone.
COPY requirements.lock ./
RUN pip download --no-cache-dir --require-hashes --requirement requirements.lock --dest /wheels
COPY pyproject.toml README.md LICENSE ./
COPY duragent ./duragent
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/duragent \
    && /opt/duragent/bin/pip install --no-cache-dir --no-index --find-links /wheels duragent

FROM python:3.13-slim
# What agents' commands use, and an init that reaps what they leave behind.
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap git ripgrep tini \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 duragent \
    && install -d -o duragent -g duragent -m 0700 /workspace \
    && install -d /etc/duragent
COPY --from=build /opt/duragent /opt/duragent
COPY .docker/duragent.yaml /etc/duragent/duragent.yaml
# Every command in the container takes this configuration, so that a client finds the server and its token.
ENV PATH=/opt/duragent/bin:$PATH PYTHONUNBUFFERED=1 DURAGENT_CONFIG=/etc/duragent/duragent.yaml
USER duragent
WORKDIR /workspace
VOLUME /workspace
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["tini", "--", "duragent"]
CMD ["serve"]
