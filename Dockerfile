# duragent in a container: see docs/how-to/run-as-a-service.md.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY duragent ./duragent
RUN python -m venv /opt/duragent && /opt/duragent/bin/pip install --no-cache-dir .

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
ENV PATH=/opt/duragent/bin:$PATH PYTHONUNBUFFERED=1
USER duragent
WORKDIR /workspace
VOLUME /workspace
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["tini", "--", "duragent"]
CMD ["serve", "--config", "/etc/duragent/duragent.yaml"]
