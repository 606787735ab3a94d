# One image with all programs; a manifest chooses by `command`. `docker build .` does all of it; `./dev image` compiles on the
# machine, with its cache, and takes the last stage alone. The same programs give the same digest with buildah or podman, which
# `./dev image` prefers and tells a time (--timestamp); docker writes the time of the build into the image.
FROM debian:bookworm-slim AS build
COPY scripts/debian-packages /src/scripts/
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends make python3 \
  $(sed 's/#.*//' /src/scripts/debian-packages | grep -vE 'clang|buildah|python3-')
COPY . /src
RUN cd /src && cmake --preset release -DPD_CCACHE= && \
  cmake --build build/release --target pd-operator pd-agent pd-gate pdctl table-printer && scripts/image_files.sh /rootfs

FROM scratch
# That of CMakeLists.txt; a test compares them.
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="pd-operator" \
  org.opencontainers.image.description="Prefill/decode separated LLM inference on Ascend NPUs: operator, node agent, gate, pdctl" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="$VERSION"
COPY --from=build /rootfs /
ENV PATH=/usr/local/bin
# Any other user will do as well: nothing is written, and nothing is kept from anybody.
USER 65532:65532
CMD ["pd-operator"]
