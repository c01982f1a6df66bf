# The image of boardroom: docker build -t boardroom .
# Needs BuildKit (the default since Docker 23) for the cache mounts, which keep compiled dependencies between builds.

# Builder and runtime are of the same Debian release (13, trixie), so the runtime's glibc is never older than the builder's.
FROM rust:1.95-trixie AS build
WORKDIR /build
# The program says of what it is made, so that scanners find a dependency that has become unsafe.
RUN cargo install --locked cargo-auditable@0.7.7
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY config config
COPY src src
# touch: an older checkout has older files than the cache, and cargo would take the cached program for the newer one.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    touch src/lib.rs src/main.rs \
 && cargo auditable build --release --locked --bin boardroom \
 && install -D -m 0755 target/release/boardroom /out/boardroom \
 && install -d -m 0770 /out/root/data

# cc, for the program links glibc and libgcc_s; it brings the certificates of the public authorities, and no shell.
FROM gcr.io/distroless/cc-debian13:nonroot
ARG VERSION=0.1.0
ARG SOURCE=""
ARG REVISION=""
LABEL org.opencontainers.image.title="boardroom" \
      org.opencontainers.image.description="Gives every Trello board its ONLYOFFICE DocSpace room, and keeps it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"

COPY --from=build /out/boardroom /usr/local/bin/boardroom
# The one folder that is written to. Its group is 0, so any user id works as long as its group is 0 (OpenShift gives such).
COPY --from=build --chown=65532:0 /out/root/ /
VOLUME /data

# From here the default database is /data/boardroom.db. BOARDROOM_DATABASE_URL itself is not set: it would go before a
# configuration file, and clash with BOARDROOM_DATABASE_URL_FILE.
WORKDIR /
# SQLite's own temporary files go where something can be written, for the root may be read-only.
ENV SQLITE_TMPDIR=/data
EXPOSE 8080
USER 65532:0
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/boardroom", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/boardroom"]
CMD ["serve"]
