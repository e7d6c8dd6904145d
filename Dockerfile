# Ticketkin as a service. The bundle is mounted at /bundle, the service's own data lies in /data.
#
#   docker build -t ticketkin .
#   docker run --rm -v ./kin-june:/bundle:ro -v kin-data:/data ticketkin \
#     keys create /bundle "first administrator" --role administrator --data /data
#   docker run -v ./kin-june:/bundle:ro -v kin-data:/data -p 127.0.0.1:8477:8477 ticketkin \
#     serve /bundle --data /data --host 0.0.0.0 --name localhost --sign-in
#
# torch is pinned to a release; where your index has a build without CUDA, pass it with
# --build-arg PIP_EXTRA_INDEX_URL=…, as the plain one brings gigabytes of drivers.
FROM python:3.12-slim

ARG PIP_EXTRA_INDEX_URL=""
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir --constraint constraints.txt '.[service]' \
    && useradd --create-home --uid 10001 ticketkin \
    && install -d -o ticketkin -g ticketkin /data
USER ticketkin
ENV HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
VOLUME /data
EXPOSE 8477
HEALTHCHECK --start-period=120s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8477/readyz')"]
ENTRYPOINT ["ticketkin"]
CMD ["serve", "/bundle", "--data", "/data", "--host", "0.0.0.0", "--sign-in"]
