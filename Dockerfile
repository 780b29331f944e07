# syntax=docker/dockerfile:1

# Builds the console and the server the normal way: see xtask/.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The caches belong to the builder; only what is copied out of them gets on.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    --mount=type=cache,target=/src/console/target \
    cargo xtask console \
    && cargo build --release --locked --package antares-server \
    && install target/release/antares-server /usr/local/bin/antares-server

FROM debian:bookworm-slim
# Certificate authorities for a PostgreSQL that is reached by TLS; a shell comes with the image,
# for script jobs.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin antares
COPY --from=build /usr/local/bin/antares-server /usr/local/bin/antares-server
USER antares
WORKDIR /tmp
# The default is this machine alone, which in a container is nobody.
ENV ANTARES_LISTEN=0.0.0.0:22122
EXPOSE 22122
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["antares-server", "health"]
ENTRYPOINT ["antares-server"]
CMD ["run"]
