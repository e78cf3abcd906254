# Builds Throng and serves examples/models, on any machine that runs containers:
#   docker build -t throng . && docker run --rm -p 8000:8000 throng
# Your own models: docker run --rm -p 8000:8000 -v "$PWD/models:/models:ro" throng serve /models --http-address 0.0.0.0
FROM --platform=linux/amd64 debian:12 AS build
ENV THRONG_CACHE=/opt/throng-frameworks
WORKDIR /opt/throng
COPY . .
RUN ./dev build --yes && rm -rf /var/lib/apt/lists/*

# The frameworks stay at the path they were linked with. Without the build's compilers and headers.
FROM --platform=linux/amd64 debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libseccomp2 libnghttp2-14 libprotobuf32 zlib1g \
       libstdc++6 libsqlite3-0 libyaml-cpp0.7 libcurl4 libarchive13 libpugixml1v5 libssl3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home throng
COPY --from=build /opt/throng-frameworks/onnxruntime-1.28.0/lib /opt/throng-frameworks/onnxruntime-1.28.0/lib
COPY --from=build /opt/throng-frameworks/torch-2.15.0/lib /opt/throng-frameworks/torch-2.15.0/lib
COPY --from=build /opt/throng-frameworks/tensorflow-2.21.0/lib /opt/throng-frameworks/tensorflow-2.21.0/lib
COPY --from=build /opt/throng-frameworks/*/licenses /opt/throng-frameworks/licenses/
COPY --from=build /opt/throng/build/bin/throng /opt/throng/build/bin/throng
COPY --from=build /opt/throng/build/libexec /opt/throng/build/libexec
COPY --from=build /opt/throng/examples /opt/throng/examples
COPY --from=build /opt/throng/LICENSE /opt/throng/LICENSE
WORKDIR /opt/throng
USER throng
EXPOSE 8000 8001 8002
ENTRYPOINT ["build/bin/throng"]
CMD ["serve", "examples/models", "--http-address", "0.0.0.0"]
