# The worker, and beside it the services whose commands it runs: each with the libraries of its own lock.
ARG REGISTRY=ghcr.io/example
ARG VERSION=latest
FROM ${REGISTRY}/laxai-service-tracking:${VERSION} AS tracking
FROM ${REGISTRY}/laxai-service-training:${VERSION} AS training

FROM ${REGISTRY}/laxai-service-cloud:${VERSION}
COPY --from=tracking /opt/site-packages /opt/services/tracking/site-packages
COPY --from=tracking /app /opt/services/tracking/app
COPY --from=training /opt/site-packages /opt/services/training/site-packages
COPY --from=training /app /opt/services/training/app
COPY start_service.py /opt/services/start_service.py
# The volumes take their owner from these.
COPY --chown=65532:65532 empty /data
COPY --chown=65532:65532 empty /work
