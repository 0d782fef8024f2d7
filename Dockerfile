# The three programs, each an image of its own: `docker build --target switchyard|substation|requester .`
#
# The stage that compiles runs on the building machine, whatever the image is for: `docker buildx build --platform
# linux/amd64,linux/arm64` needs no emulator. Downloads and compiled dependencies are in cache mounts, so a change of our
# code compiles only our code. An image holds one program, the C library that it is linked with (deploy/docker/rootfs.sh)
# and its notices: there is nothing else to attack or to update. So the program itself runs the health check.

FROM --platform=$BUILDPLATFORM rust:1.95.0-bookworm AS build
# cmake builds zlib-ng, a dependency of Pingora.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
# The first writes the list of crates into each program, the second collects their licences, which takes it five minutes if
# it is not optimised.
RUN cargo install cargo-auditable --version 0.7.7 --locked --debug \
    && cargo install cargo-about --version 0.9.3 --locked --features cli
ARG TARGETARCH
WORKDIR /src
COPY deploy/docker ./deploy/docker
RUN deploy/docker/build.sh prepare "$TARGETARCH"
COPY . .
# Cargo's profile; dist is the one that ships.
ARG PROFILE=dist
# What `--version` says, since the context has no history.
ARG SWITCHYARD_COMMIT=
ARG SOURCE_DATE_EPOCH=
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    deploy/docker/build.sh compile "$TARGETARCH" /out "$PROFILE"

FROM scratch AS switchyard
COPY --from=build /out/switchyard /
USER 65532:65532
EXPOSE 8080 9901
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s CMD ["switchyard", "healthcheck"]
ENTRYPOINT ["switchyard"]
CMD ["run", "--config", "/etc/switchyard/switchyard.yaml"]

FROM scratch AS substation
COPY --from=build /out/substation /
USER 65532:65532
EXPOSE 5001
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s CMD ["substation", "healthcheck"]
ENTRYPOINT ["substation"]
CMD ["--listen", "0.0.0.0:5001", "--capacity-kw", "500"]

FROM scratch AS requester
COPY --from=build /out/requester /
USER 65532:65532
# It runs one measurement and exits; the exit code says how that went.
HEALTHCHECK NONE
ENTRYPOINT ["requester"]
