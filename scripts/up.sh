#!/usr/bin/env bash
# Starts the stack in containers, for `make up`. Arguments go to `docker compose up`.
# If it can't start, it says what to do, and removes what it had created: containers, network and volumes that were not
# there before. Images that were pulled or built stay, so that another try is quicker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

instead='Without containers:  make demo'

have docker || have docker-compose ||
    die "up: Docker is not installed: https://docs.docker.com/engine/install/" "
$instead"
docker info >/dev/null 2>&1 ||
    die "up: no Docker engine answers; start it (Linux: systemctl start docker), or join the group docker." "
$instead"
docker compose version >/dev/null 2>&1 || have docker-compose ||
    die "up: Docker Compose is not installed: https://docs.docker.com/compose/install/ (Debian: docker-compose)." "
$instead"

# What this project has, one name a line: volumes outlive containers, and may hold what an earlier run recorded.
project=$(compose config 2>/dev/null | sed -n 's/^name: //p')
if [ -z "$project" ]; then
    # The older program does not say it: its own variable, or the folder's name without what is no letter, digit, - or _.
    folder=$(basename "$PWD" | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9_-')
    project=${COMPOSE_PROJECT_NAME:-$folder}
fi
volumes() { docker volume ls --quiet --filter "label=com.docker.compose.project=$project" | sort; }
running() { compose --profile rush-hour --profile fleet --profile traces ps --all --quiet; }

running_before=$(running)
volumes_before=$(volumes)
if compose up --build --detach "$@"; then
    say "Grafana http://localhost:${GRAFANA_PORT:-3000}   Prometheus http://localhost:${PROMETHEUS_PORT:-9090}" \
        "  charge requests http://localhost:${CHARGE_PORT:-8080}"
    exit
fi

# A stack that ran before goes on, as far as Docker left it.
if [ -z "$running_before" ]; then
    compose --profile rush-hour --profile fleet --profile traces down --remove-orphans >/dev/null 2>&1 || true
    for volume in $(comm -13 <(printf '%s\n' "$volumes_before") <(volumes)); do
        docker volume rm "$volume" >/dev/null 2>&1 || true
    done
fi
die "
up: the stack did not start; the lines above say why. What was started is removed again.
If an image could not be pulled or built: the machine needs the registries docker.io (prom/prometheus, grafana/grafana,
rust, for the profile fleet haproxy and valkey/valkey, for the profile traces jaegertracing/jaeger) and index.crates.io, or a mirror of them in Docker's
configuration (\"registry-mirrors\" in /etc/docker/daemon.json).
If a port is taken: CHARGE_PORT, FLEET_PORT, TRACED_PORT, ADMIN_PORT, TRACED_ADMIN_PORT, PROMETHEUS_PORT, GRAFANA_PORT and JAEGER_PORT choose others
(GRAFANA_PORT=3001 make up).
$instead"
