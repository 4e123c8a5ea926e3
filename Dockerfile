# The program in an image of its own. This file was written without a machine that can build it: it was never built.
#
#   docker build --tag allconv .
#   docker run --rm --volume "$PWD:/work" allconv study run studies/quickstart.toml

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package allconv && strip target/release/allconv

FROM debian:bookworm-slim
COPY --from=build /source/target/release/allconv /usr/local/bin/allconv
COPY --from=build /source/LICENSE-APACHE /source/LICENSE-MIT /usr/local/share/doc/allconv/
# Runs and data belong to whoever starts it: add `--user "$(id -u):$(id -g)"`.
WORKDIR /work
ENTRYPOINT ["allconv"]
CMD ["--help"]
