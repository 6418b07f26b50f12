# Stampede. Every target is a line or two; the flags behind them are in `make help`.
OUT      ?= out
IN       ?= $(OUT)/result.json
SCENARIO ?= *
CONSUMER ?=

# Variables of the command line become flags of the test binary.
flags = -scenario='$(SCENARIO)' -out='$(abspath $(OUT))' $(if $(CONSUMER),-consumer='$(CONSUMER)') \
  $(if $(BROKER),-broker='$(BROKER)') $(if $(REPEAT),-repeat='$(REPEAT)') $(if $(SEED),-seed='$(SEED)') \
  $(if $(RATE),-rate='$(RATE)') $(if $(DURATION),-load-duration='$(DURATION)') $(if $(PARTITIONS),-partitions='$(PARTITIONS)') \
  $(if $(PODS),-pods='$(PODS)') $(if $(WORKERS),-workers='$(WORKERS)') $(if $(WINDOW),-window='$(WINDOW)') \
  $(if $(SERVICE),-service='$(SERVICE)') $(if $(KEYS),-keys='$(KEYS)') $(if $(PAYLOAD),-payload='$(PAYLOAD)') \
  $(if $(KEEP),-keep) \
  $(if $(COMMIT),-commit='$(COMMIT)') $(if $(SESSION),-session='$(SESSION)') $(if $(IMAGE),-kafka-image='$(IMAGE)')

# The results of make bench name the commit, where git knows it.
VCS = $(if $(shell git rev-parse -q --verify HEAD 2>/dev/null),-buildvcs=true)

# What make fuzz feeds with arbitrary bytes, each for FUZZTIME.
FUZZTIME ?= 10s
HISTORIES ?= 100000
FIELD ?= 50
FUZZ = harness/ledger:FuzzReaders harness/ledger:FuzzSeal harness/ledger:FuzzDecodeIdentity \
  harness/observe:FuzzOffsetsRecord harness/observe:FuzzRange harness/observe:FuzzPlainBatches reports:FuzzReadJSON consumers:FuzzFinished

# Packages with tests in virtual time, which takes the build tag.
VIRTUAL = ./consumers ./consumers/mutants ./harness/bench ./harness/broker/virtual ./harness/engine

.PHONY: help test lint bench list report judge kafka-image bench-virtual bench-shim bench-field field-figures bench-memory bench-pipeline fuzz soak-oracle bench-oracle soak-mutants soak-field
help: ## this text
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables of make bench:"
	@echo "  SCENARIO CONSUMER   comma lists with * globs, as SCENARIO=broker-kill,pod-crash CONSUMER='keyed@848?workers=50&window=500';"
	@echo "                      without CONSUMER each scenario has those it names, CONSUMER='*' is all"
	@echo "  BROKER              embedded (kfake, the default), docker (three real Kafka nodes; IMAGE names its image) or"
	@echo "                      virtual (kfake in virtual time: seconds for minutes, models waiting and no CPU)"
	@echo "  KEEP                1 keeps the ledger of every run under OUT, not only of those that failed"
	@echo "  REPEAT SEED OUT     repeats, seed of load and faults, folder of the reports (out)"
	@echo "  RATE DURATION SERVICE KEYS PAYLOAD PARTITIONS PODS WORKERS WINDOW COMMIT SESSION"
	@echo "                      override every scenario, as RATE=200 DURATION=20s SERVICE=lognormal:10ms/100ms KEYS=hot:0.2/1/10000"
	@echo
	@echo "Exit status of the compiled binary (go test -c): 0 all as claimed, 1 a verdict failed, 2 nothing could be run."

test: ## all tests; those that start brokers and pods too (some fourteen minutes with a Docker engine)
	STAMPEDE_E2E=1 go test -timeout 25m ./...
	go test -timeout 10m -tags synctests $(VIRTUAL)

lint: ## gofmt, vet, staticcheck, and the rules that tests in ./harness check: imports, words, names
	@test -z "$$(gofmt -l .)" || { echo "gofmt -w these:"; gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags synctests $(VIRTUAL)
	go tool staticcheck ./...
	go test -count=1 ./harness

fuzz: ## each reader of bytes for FUZZTIME (10s)
	@for t in $(FUZZ); do echo "$$t"; \
	  go test -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "./$${t%:*}" || exit 1; done

bench-oracle: ## all checks over 5, 10, 50 and 100 million records of a million keys, and over a ledger on disk
	@for n in 5 10 50 100; do echo "$$n million records:"; \
	  STAMPEDE_RECORDS=$$n go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkJudge$$' -benchtime 1x ./harness/oracle | grep ns/record || exit 1; done
	@echo "a sealed ledger of 5 million records:"
	@go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkJudgeLedger$$' -benchtime 1x ./harness/oracle | grep ns/record

soak-oracle: ## HISTORIES (100000) generated runs, judged by the checks and by a slow reference
	STAMPEDE_HISTORIES=$(HISTORIES) go test -count=1 -timeout 0 -v -run '^TestOraclesAgree$$' ./harness/oracle

bench: ## compare consumers: the first three in all scenarios on kfake take under 6 minutes, CONSUMER='*' all; writes $(OUT)/report.html
	go test $(VCS) $(if $(filter virtual,$(BROKER)),-tags synctests) -count=1 -timeout 0 -v -run '^TestCompare$$' $(flags)

field-figures: ## take results into testdata/field.json and consumers/README.md, in place of those of their back ends: make field-figures IN='out/all out/docker'
	STAMPEDE_FIGURES='$(abspath $(IN))' go test -count=1 -run '^TestReadme$$' ./consumers

bench-virtual: ## seconds of virtual time a second, the whole harness included, at 20, 100 and 1,000 records/s
	GOGC=400 go test -tags synctests -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkVirtual$$' -benchtime=5x ./harness/bench

bench-shim: ## ns a record of the pods' shim and journal at 1, 2, 8 and 64 workers
	go test -count=1 -run '^$$' -bench '^BenchmarkShim$$' -benchtime=2000000x ./harness/pod

bench-field: ## what of its workers' time, or of bare fetching, a pod of each design uses on a backlog; what a hot key does to the others; ns a record of the shared parts
	STAMPEDE_E2E=1 go test -count=1 -timeout 0 -run '^$$' -bench '^Benchmark(Reach|HotKey)$$' -benchtime=1x ./consumers
	go test -count=1 -run '^$$' -bench '^Benchmark(Scheduler|Tracker|Keyed|Finished)' ./consumers

bench-memory: ## peak memory of the harness and of a pod at 1, 5 and 20 million records on kfake
	go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkMemory$$' -benchtime=1x

bench-pipeline: ## Stampede's own speed against bare franz-go clients
	go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkPipeline$$' -benchtime=15x

SOAK        ?= virtual=20,embedded=3,docker=3
SOAK_HONEST ?= virtual=1000,embedded=100,docker=30
soak-mutants: ## what each check catches, over many seeds (hours; what testdata has is not run again): SOAK=virtual=20 SOAK_HONEST=
	STAMPEDE_E2E=1 STAMPEDE_SOAK='$(SOAK)' STAMPEDE_SOAK_HONEST='$(SOAK_HONEST)' go test -tags synctests -count=1 -timeout 0 -run '^TestSoak$$' ./consumers/mutants

soak-field: ## every consumer under every protocol through random kills, pauses, leaves and joins, FIELD (50) seeds each, in virtual time
	STAMPEDE_FIELD=$(FIELD) go test -tags synctests -count=1 -timeout 0 -v -run '^TestField$$' ./consumers/mutants

list: ## consumers, their knobs, scenarios
	@go test -count=1 -run '^$$' -scenarios | grep -v '^ok'

report: ## render a saved result again: make report IN=out/result.json; beside it, or into OUT
	@go test -count=1 -run '^$$' -in='$(abspath $(IN))' -out='$(abspath $(if $(filter file,$(origin OUT)),$(dir $(IN)),$(OUT)))'

judge: ## judge a saved ledger again: make judge IN=out/ledger/...; without IN it lists them. A failing run leaves its own, KEEP=1 keeps all
	@go test -count=1 -run '^$$' -judge='$(abspath $(if $(filter file,$(origin IN)),$(OUT)/ledger,$(IN)))' -out='$(abspath $(OUT))'

kafka-image: ## build stampede/kafka:4.3.1 where no container registry is reachable (root, a running Docker engine)
	testdata/kafka-image/build.sh
