# The task runner. A recipe is a line or two; what is longer lives in scripts/. Runs on GNU make 3.81 and later.
#   make demo ARGS='--help'      ARGS goes to the program that a target runs

ARGS  ?=
# Finds a cargo that the shell's PATH does not know yet.
CARGO := . ./scripts/common.sh && cargo

.DEFAULT_GOAL := help
.PHONY: help demo rush-hour test up down images dashboards pictures pictures-dashboards soak soak-page bench bench-readme bench-testers bench-scrape bench-scale profile bench-micro simulate fmt fix clippy fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

demo: ## see it work: proxy, three substations and load in one process
	@./scripts/setup.sh
	@$(CARGO) run --release --locked -p switchyard --bin switchyard -- demo $(ARGS)

rush-hour: ## a whole day of 100,000 cars in ten minutes, judged: nothing lost, even, all counts agree
	@./scripts/setup.sh
	@$(CARGO) run --release --locked -p switchyard --bin switchyard -- demo --sessions 100000 --hours 00:00-24:00 \
	  --duration 10m --report rush-hour.html --output rush-hour.json --fail-if 'lost>0' --fail-if 'errors>0' \
	  --fail-if 'spread>2' --fail-if 'violations>0' --fail-if 'disagreements>0' $(ARGS)

test: ## everything that CI runs; says what it skips and why
	@./scripts/setup.sh test
	@./scripts/test.sh $(ARGS)

up: ## the whole stack in containers: proxy, substations, Prometheus, Grafana; ARGS='--scale substation=10' for more
	@. ./scripts/common.sh && compose up --build --detach $(ARGS)
	@echo 'Grafana http://localhost:3000   Prometheus http://localhost:9090   charge requests http://localhost:8080'

down: ## ends the stack, and forgets what it recorded
	@. ./scripts/common.sh && compose --profile rush-hour down --volumes $(ARGS)

images: ## the three images, compiled in a container as they are shipped
	@./scripts/setup.sh test
	@. ./scripts/common.sh && $$tools/bin/python3 -B -m deploy.lib.images $(ARGS)

pictures-dashboards: ## docs/dashboards.svg: a real rush hour, drawn from what Prometheus answers (Linux)
	@./scripts/setup.sh test
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation --bin requester
	@. ./scripts/common.sh && $$tools/bin/python3 -B -m monitoring.pictures $(ARGS)

soak: ## ten minutes of random faults from a fixed seed: nothing lost, nothing leaked; SOAK_SECONDS for another length
	@./scripts/setup.sh
	@$(CARGO) build --locked -p switchyard
	@. ./scripts/common.sh && SOAK_SECONDS=$${SOAK_SECONDS:-600} cargo test --locked -p switchyard --test e2e -- --exact --nocapture soak::nothing_leaks_and_nobody_is_lied_to_whatever_goes_wrong

soak-page: ## ten minutes of the live page in a browser: its memory stays flat; PAGE_SECONDS for another length
	@./scripts/setup.sh browser
	@. ./scripts/common.sh && PAGE_SECONDS=$${PAGE_SECONDS:-600} cargo test --locked -p switchyard --test page -- --exact --nocapture speed::memory_is_flat_however_long_somebody_looks

pictures: ## the README's pictures of the live page, taken of a real rush hour, into docs/pictures/
	@./scripts/setup.sh browser
	@$(CARGO) build --locked -p switchyard
	@$(CARGO) test --locked -p switchyard --test page -- --ignored --exact --nocapture pictures::keeps_the_pictures_of_the_readme
	@! command -v pngquant >/dev/null || pngquant --force --skip-if-larger --ext .png --speed 1 docs/pictures/*.png

bench: ## side by side with HAProxy, nginx and Envoy, into bench/results/: some 20 minutes; ARGS=--quick tries it in two (Linux)
	@./scripts/setup.sh bench
	@./scripts/bench.sh $(ARGS)

bench-readme: ## the README's table from the newest result of the bench; ARGS=NAME for another
	@python3 -B bench/readme.py $(ARGS)

bench-testers: ## the same rush hour by requester, wrk and oha: do they agree? Into bench/results/ (Linux)
	@./scripts/setup.sh bench
	@./scripts/bench-generators.sh $(ARGS)

bench-scrape: ## what reading gauges costs: CPU time a scrape, with 100 and 1,000 substations (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/scrape.py $(ARGS)

bench-scale: ## how far it scales: what one of each costs, and what many would; the tables of docs/operations.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/scale.py $(ARGS)

profile: ## what a request costs, part by part: time, instructions, memory; the tables of docs/performance.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/profiling.py $(ARGS)

bench-micro: ## one decision, one scrape: nanoseconds each
	@./scripts/setup.sh
	@$(CARGO) bench --profile dist --locked --workspace --bench '*' -- $(ARGS)

simulate: ## every policy against its peers and an oracle, on the real ledger: docs/balancing.md
	@./scripts/setup.sh
	@$(CARGO) run --release --locked -p switchyard-simulator --bin simulate -- $(ARGS)

dashboards: ## write Grafana's dashboards anew from monitoring/dashboards
	@python3 -B -m monitoring.dashboards

fmt: ## format the code
	@$(CARGO) fmt --all

fix: ## apply what the linter can mend by itself, then format
	@$(CARGO) clippy --fix --workspace --all-targets --allow-dirty --allow-staged
	@$(CARGO) fmt --all

clippy: ## the linter, warnings denied
	@./scripts/test.sh lint

fuzz: ## each fuzz target for FUZZ_SECONDS (30); needs a nightly toolchain and cargo-fuzz
	@./scripts/fuzz.sh $(ARGS)

clean: ## remove what builds left
	@$(CARGO) clean
	@rm -rf fuzz/target
