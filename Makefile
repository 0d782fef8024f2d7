# The task runner. Recipes are a line or two; longer ones are scripts in scripts/. Runs on GNU make 3.81 and later.
#   make demo ARGS='--help'      passes ARGS to the program that a target runs

ARGS  ?=
# Also finds a cargo that is not on the shell's PATH yet.
CARGO := . ./scripts/common.sh && cargo

.DEFAULT_GOAL := help
.PHONY: help demo rush-hour test release-check advisories up down images pictures pictures-dashboards dashboards
.PHONY: soak soak-page bench bench-readme bench-testers bench-scrape bench-held bench-slow bench-inference bench-scale bench-queries bench-store
.PHONY: bench-micro profile
.PHONY: book links reference man
.PHONY: simulate simulate-faults simulate-proof attack fmt fix clippy miri fuzz differential mutants clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

demo: ## run proxy, three substations and a rush hour in one process, and show what happens
	@./scripts/setup.sh
	@$(CARGO) build --release --locked
	@$(CARGO) run --quiet --release --locked -p switchyard -- demo $(ARGS)

rush-hour: ## a day of 100,000 cars in ten minutes; fails unless nothing is lost, load is even and all counts agree
	@./scripts/setup.sh
	@$(CARGO) build --release --locked
	@$(CARGO) run --quiet --release --locked -p switchyard -- demo --sessions 100000 --hours 00:00-24:00 \
	  --duration 10m --report rush-hour.html --output rush-hour.json --fail-if 'lost>0' --fail-if 'errors>0' \
	  --fail-if 'spread>2' --fail-if 'violations>0' --fail-if 'disagreements>0' $(ARGS)

test: ## run everything that CI runs; says what it skips and why
	@./scripts/setup.sh $(if $(ARGS),test)
	@./scripts/test.sh $(ARGS)

release-check: ## build packages, static programs and images as for a release, and try each; ARGS=STEP… runs some (Linux)
	@./scripts/release.sh $(ARGS)

advisories: ## ask for known weaknesses of all dependencies, which takes a download of the RustSec database
	@./scripts/advisories.sh

up: ## start the stack in containers: proxy, substations, Prometheus, Grafana; ARGS='--scale substation=10' for more
	@./scripts/up.sh $(ARGS)

down: ## stop the stack and delete what it recorded
	@. ./scripts/common.sh && compose --profile rush-hour --profile fleet --profile traces down --volumes $(ARGS)

images: ## build the three images that are shipped, in a container
	@./scripts/setup.sh test
	@. ./scripts/common.sh && $$tools/bin/python3 -B -m deploy.lib.images $(ARGS)

pictures-dashboards: ## draw docs/dashboards.svg from Prometheus' answers during a real rush hour (Linux)
	@./scripts/setup.sh test
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation --bin requester
	@. ./scripts/common.sh && $$tools/bin/python3 -B -m monitoring.pictures $(ARGS)

book: ## build the documentation site into target/book/html, and check its links; installs mdBook
	@./scripts/setup.sh book
	@./scripts/book.sh build

links: ## follow the links of all documents that lead to other sites; needs the network
	@./scripts/setup.sh book
	@./scripts/book.sh outside

reference: ## write what the code decides in the reference pages: keys, metrics, errors; and commands, after `make man`
	@./scripts/setup.sh
	@. ./scripts/common.sh && UPDATE_REFERENCE=1 cargo test --locked -p switchyard --test docs -- reference
	@python3 -B -m book.manual

soak: ## ten minutes of faults, a fleet in a storm, a minute of kills; fails if anything is lost, leaks or doubles; SOAK_SECONDS, FLEET_KEYS, CHAOS_SECONDS
	@./scripts/setup.sh test
	@$(CARGO) build --locked -p switchyard
	@. ./scripts/common.sh && SOAK_SECONDS=$${SOAK_SECONDS:-600} cargo test --locked -p switchyard --test e2e -- \
	  --exact --nocapture soak::nothing_leaks_and_no_client_gets_a_wrong_answer_whatever_goes_wrong
	@. ./scripts/common.sh && CHAOS_SECONDS=$${CHAOS_SECONDS:-60} FLEET_KEYS=$${FLEET_KEYS:-20000} cargo test --locked -p switchyard --test e2e -- \
	  --test-threads 1 --nocapture fleet::storm chaos::three_of_five

soak-page: ## ten minutes of the live page in a browser; fails if its memory grows; PAGE_SECONDS sets the length
	@./scripts/setup.sh browser
	@. ./scripts/common.sh && PAGE_SECONDS=$${PAGE_SECONDS:-600} cargo test --locked -p switchyard --test page -- \
	  --exact --nocapture speed::memory_stays_flat_while_the_page_is_open

pictures: ## take the README's pictures of the live page of a release build in a real rush hour, into docs/pictures/
	@./scripts/setup.sh browser
	@$(CARGO) test --release --locked -p switchyard --test page -- \
	  --ignored --exact --nocapture pictures::keeps_the_pictures_of_the_readme
	@! command -v pngquant >/dev/null || pngquant --force --skip-if-larger --ext .png --speed 1 docs/pictures/*.png

bench: ## measure beside six other proxies, into bench/results/; about an hour, three minutes with ARGS=--quick (Linux)
	@./scripts/setup.sh bench
	@./scripts/bench.sh $(ARGS)

bench-readme: ## write the README's table from the newest result of the bench; ARGS=NAME picks another
	@python3 -B bench/readme.py $(ARGS)

bench-testers: ## compare requester, wrk and oha in the same rush hour, into bench/results/ (Linux)
	@./scripts/setup.sh bench
	@./scripts/bench-generators.sh $(ARGS)

bench-scrape: ## measure the CPU time of a scrape, with 100 and 1,000 substations (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/scrape.py $(ARGS)

bench-held: ## measure how even load is that lasts as long as its answer, beside HAProxy (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/held.py $(ARGS)

bench-slow: ## slow, silent, frozen and new substations, beside HAProxy and Envoy: docs/balancing.md; about 8 minutes (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation --bin requester
	@. ./scripts/common.sh && python3 -B bench/slow.py --envoy "$$bench_tools/bin/envoy" $(ARGS)

bench-inference: ## how even inference servers are behind 1, 4 and 16 proxies, beside HAProxy and Envoy: docs/balancing.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard
	@$(CARGO) build --profile dist --locked --package switchyard-inference-mock
	@. ./scripts/common.sh && python3 -B bench/inference.py --envoy "$$bench_tools/bin/envoy" $(ARGS)

bench-scale: ## measure one proxy and one substation, extrapolate to many; the tables of docs/operations/scaling.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/scale.py $(ARGS)

bench-queries: ## what it costs a proxy to take all gauges from Prometheus: docs/operations/prometheus.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard
	@python3 -B bench/queries.py $(ARGS)

profile: ## measure each part of a request: time, instructions, memory; the tables of docs/performance.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/profiling.py $(ARGS)

bench-store: ## measure what a fleet's keys cost their store, in time and memory; the tables of docs/operations/scaling.md (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@python3 -B bench/store.py $(ARGS)

bench-micro: ## measure one decision and one scrape, in nanoseconds
	@./scripts/setup.sh
	@$(CARGO) bench --profile dist --locked --workspace --bench '*' -- $(ARGS)

simulate: ## simulate every policy beside its peers and an oracle, on the real ledger: docs/balancing.md
	@./scripts/setup.sh
	@$(CARGO) build --release --locked
	@$(CARGO) run --quiet --release --locked -p switchyard-simulator -- $(ARGS)

simulate-faults: ## days of the real proxy in a simulated world, judged: docs/testing.md; SEEDS=N (1000), FROM=SEED (Linux)
	@./scripts/setup.sh
	@$(CARGO) run --quiet --release --locked -p switchyard-simulation --example simulate-faults -- \
	  --seeds $${SEEDS:-1000} --from $${FROM:-0} $(ARGS)

attack: ## hostile clients against the proxy, nginx, HAProxy and Envoy: docs/security.md; about 20 minutes (Linux)
	@./scripts/setup.sh bench
	@$(CARGO) build --profile dist --locked --bin switchyard --bin substation
	@$(CARGO) build --profile dist --locked --package switchyard-faults --example attack
	@. ./scripts/common.sh && python3 -B bench/attack.py --envoy "$$bench_tools/bin/envoy" $(ARGS)

dashboards: ## write Grafana's dashboards from monitoring/dashboards
	@python3 -B -m monitoring.dashboards

man: ## write the manual pages in docs/man, as the command lines say
	@. ./scripts/common.sh && UPDATE_MAN=1 cargo test --locked -p switchyard -p requester -p substation --bins -- say_what_the_command_line_does says_what_the_command_line_does

fmt: ## format the code
	@$(CARGO) fmt --all

fix: ## apply what the linter can fix by itself, then format
	@$(CARGO) clippy --fix --workspace --all-targets --allow-dirty --allow-staged
	@$(CARGO) fmt --all

clippy: ## run the linter, warnings denied
	@./scripts/test.sh lint

simulate-proof: ## put bugs back that were mended before, and see that the simulation finds each; ARGS=WORD picks some
	@./simulation/prove.sh $(ARGS)

miri: ## unit tests of the ledger under Miri, which checks each access; needs a nightly toolchain with miri; ARGS picks tests
	@./scripts/miri.sh $(ARGS)

fuzz: ## run each fuzz target, or ARGS='NAME …', for FUZZ_SECONDS (30), one a core; needs a C++ compiler
	@./scripts/fuzz.sh $(ARGS)

mutants: ## change the code in place after place: which changes does no test notice? A night; ARGS='--file FILE' takes less
	@./scripts/mutants.sh $(ARGS)

differential: ## odd requests and answers through the proxy, HAProxy, nginx and h11; ARGS=--write for docs/testing.md (Linux)
	@./scripts/setup.sh test
	@$(CARGO) build --locked --bin switchyard
	@. ./scripts/common.sh && $$tools/bin/python3 -B bench/differential.py $(ARGS)

clean: ## remove what builds wrote
	@$(CARGO) clean
	@rm -rf fuzz/target
