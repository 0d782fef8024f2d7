# The three programs, each an image of its own: `docker build --target switchyard|substation|requester .`
#
# Dependencies are built in their own layer, from a recipe that depends on the manifests only, so a change of our code
# compiles only our code. An image holds one program and the C library that it is linked with (deploy/docker/rootfs.sh):
# there is nothing else to attack or to update. So the program itself runs the health check.

FROM rust:1.95.0-bookworm AS tools
# cmake builds zlib-ng, a dependency of Pingora.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
RUN cargo install cargo-chef --version 0.1.78 --locked
WORKDIR /src

FROM tools AS recipe
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
COPY --from=recipe /src/recipe.json ./
RUN cargo chef cook --profile dist --locked --recipe-path recipe.json \
    --bin switchyard --bin substation --bin requester
COPY . .
RUN cargo build --profile dist --locked --bin switchyard --bin substation --bin requester \
    && for program in switchyard substation requester; do \
         strip "target/dist/$program"; \
         deploy/docker/rootfs.sh "target/dist/$program" "/out/$program"; \
       done

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
