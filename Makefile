# Stampede. Each target is a line or two; make help shows them and their variables.
OUT      ?= out
IN       ?= $(OUT)/result.json
SCENARIO ?= $(if $(QUICK),steady$(comma)pod-crash,*)
CONSUMER ?= $(if $(QUICK),keyed$(comma)naive$(comma)serial)
DURATION ?= $(if $(QUICK),4s)
comma = ,

# A value as one word of the shell, and a path as an absolute one; abspath would take a
# path with spaces for several.
quote = '$(subst ','\'',$(1))'
path   = $(call quote,$(if $(patsubst /%,,$(firstword $(1))),$(CURDIR)/$(1),$(1)))
option = $(if $($(1)),-$(2)=$(call quote,$($(1))))

# Variables of the command line become flags of the test binary.
flags = -scenario=$(call quote,$(SCENARIO)) -out=$(call path,$(OUT)) $(call option,CONSUMER,consumer) $(call option,SUITE,suite) \
  $(call option,BROKER,broker) $(call option,REPEAT,repeat) $(call option,SEED,seed) \
  $(call option,RATE,rate) $(call option,DURATION,load-duration) $(call option,PARTITIONS,partitions) \
  $(call option,PODS,pods) $(call option,WORKERS,workers) $(call option,WINDOW,window) \
  $(call option,SERVICE,service) $(call option,KEYS,keys) $(call option,PAYLOAD,payload) \
  $(if $(PROFILE),-profile=$(call path,$(PROFILE))) $(call option,SLO,slo) $(call option,BASELINE,baseline) $(if $(KEEP),-keep) $(if $(DIRECT),-direct) \
  $(call option,COMMIT,commit) $(call option,SESSION,session) $(call option,IMAGE,kafka-image) \
  $(call option,ACKS,acks) $(call option,IDEMPOTENCE,idempotence) $(call option,LINGER,linger) $(call option,BATCH,batch) \
  $(call option,COMPRESSION,compression)

# The results of make bench name the commit, where git knows it.
VCS = $(if $(shell git rev-parse -q --verify HEAD 2>/dev/null),-buildvcs=true)

# Packages with tests in virtual time, which takes the build tag.
VIRTUAL = ./consumers ./consumers/client ./consumers/mutants ./consumers/relay ./consumers/soak ./harness/bench ./harness/broker/virtual ./harness/engine ./harness/profile

# Packages whose tests start no broker and no pod.
PURE = ./consumers/group ./consumers/pool ./harness/ledger ./harness/load ./harness/measure ./harness/metric ./harness/observe ./harness/oracle ./harness/slo \
  ./harness/fault ./harness/profile ./reports ./scenarios

# Packages with goroutines, whose tests and imports are small. Elsewhere the race detector finds nothing.
RACE = ./consumers/client ./consumers/group ./consumers/pool ./consumers/relay ./consumers/sharegroup ./consumers/txn \
  ./harness/bench ./harness/broker/embedded ./harness/broker/wire ./harness/capacity ./harness/engine ./harness/fault ./harness/ledger \
  ./harness/load ./harness/lock ./harness/observe ./harness/oracle ./harness/pod ./internal/launcher

# Platforms that lint compiles for. Windows lacks the signals that pause a pod.
PLATFORMS = linux/arm64 darwin/arm64

# Fuzz targets, each run for FUZZTIME.
FUZZ = harness/ledger:FuzzReaders harness/ledger:FuzzSeal harness/ledger:FuzzDecodeIdentity \
  harness/broker/wire:FuzzConn harness/observe:FuzzOffsetsRecord harness/observe:FuzzRange harness/observe:FuzzPlainBatches reports:FuzzReadJSON \
  harness/profile:FuzzParse harness/profile:FuzzDump consumers/group:FuzzOffsetMap harness/plain:FuzzText harness/slo:FuzzParse
FUZZTIME ?= 10s

# How much the soaks run.
HISTORIES   ?= 100000
SEEDS       ?= 50
SOAK        ?= virtual=20,embedded=3,docker=3
SOAK_HONEST ?= virtual=1000,embedded=100,docker=30
KILLS       ?= 20
ROOM        ?= 20
MOMENTS     ?= 20
MOMENTS_DOCKER ?= 10
MINUTES     ?= 30
KILLS_DOCKER ?= 5
REPORTS     ?= virtual=3,embedded=3,docker=3

.PHONY: help bounds capacity plan chaos demo check test race lint compile bench list profile report reports judge snapshot golden golden-run fuzz kafka-image \
  bench-consumers bench-front bench-measures bench-memory bench-oracle bench-pipeline bench-report bench-shim bench-virtual soak-consumers soak-faults soak-kills soak-moments soak-mutants soak-oracle soak-room soak-scenarios
help: ## this text
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables of make bench:"
	@echo "  SCENARIO=broker-kill,pod-crash   scenarios, a comma list with * globs"
	@echo "  QUICK=1                          keyed, naive and serial with and without a crash: 70 s"
	@echo "  SUITE=faults                     what a glob selects from: smoke (the default, 5 scenarios), faults"
	@echo "                                   (all in which something goes wrong) or full (all)"
	@echo "  CONSUMER='keyed@848?workers=50'  consumers, a comma list with * globs (default: those that each"
	@echo "                                   scenario names)"
	@echo "  BROKER=embedded                  simulated Kafka (kfake) in this process; the default"
	@echo "  BROKER=docker                    three real Kafka nodes; IMAGE names their image"
	@echo "  DIRECT=1                         pods of BROKER=docker use the published ports, without fronts: for speed"
	@echo "                                   alone, since checks and faults that need the wire are missing"
	@echo "  BROKER=virtual                   kfake in virtual time: minutes take seconds; CPU is not modeled"
	@echo "  REPEAT=3 SEED=7 OUT=out          repeats of a run, seed of load and faults, report folder"
	@echo "  KEEP=1                           keep the ledger of every run under OUT, not only of failed runs"
	@echo "  RATE=200 DURATION=20s PAYLOAD=1000 SERVICE=lognormal:10ms/100ms KEYS=hot:0.2/1/10000"
	@echo "  PARTITIONS=12 PODS=3 WORKERS=50 WINDOW=500 COMMIT=1s SESSION=6s"
	@echo "  PROFILE=profile.json@x2          the load of a topic in production at twice its rate, see make profile"
	@echo "  SLO='p99<500ms, trend<1%, recovery(kill broker)<30s'   what each run must reach; see harness/JUDGING.md"
	@echo "  BASELINE=bare                    also run clients without work, shim and judge, and compare with them"
	@echo "  ACKS=all IDEMPOTENCE=true LINGER=25ms BATCH=65536 COMPRESSION=lz4"
	@echo "                                   override these settings in every scenario; at most 10,000 partitions,"
	@echo "                                   1,000 pods, 100,000 workers and a window of 10,000,000 for each pod"
	@echo
	@echo "Variables of make capacity, in addition to most of those above:"
	@echo "  SEEK=rate                        the highest rate that the pods hold (the default), or the fewest pods, workers or"
	@echo "                                   partitions that hold RATE"
	@echo "  SWEEP='pods=2,4;keys=uniform:20000,hot:0.2/1/10000'"
	@echo "                                   an answer for each combination of rate, pods, partitions, workers, window, keys,"
	@echo "                                   service and payload"
	@echo "  BUDGET=5m WIDTH=0.03             real time for one answer, and how close its bounds must be"
	@echo "  PEAK=3x                          make plan: the peak, as a factor of RATE"
	@echo "  CHECK=embedded,docker            search again in real time, and compare"
	@echo
	@echo "Exit status of the test binary (go test -c): 0 all runs as expected, 1 a run failed, 2 a run could not be made."

check: lint ## lint, tests without brokers, generated pages, a short run (1 minute)
	@go run ./internal/runtests -- $(PURE) -- -run 'Readme|Doc|Page|Proven' . ./consumers ./consumers/mutants -- -count=1 -run '^TestCompare$$' . -scenario=steady -consumer=keyed -load-duration=3s

# Four runs in real time at once: they wait most of the time. Those in virtual time use the processors meanwhile.
test: ## all tests, with brokers and pods (20 minutes with a Docker engine)
	@go run ./internal/runtests -- STAMPEDE_E2E=1 -timeout 25m -parallel 4 ./... --meanwhile -timeout 25m -tags synctests $(VIRTUAL)

# A pod with a race ends at once, so its run fails. The load is small: a checked program is slow.
race: ## tests without brokers and two short runs under the race detector (2 minutes)
	@go run ./internal/runtests -- STAMPEDE_HISTORIES=300 -race -vet=off $(RACE) -- GORACE=halt_on_error=1 -race -vet=off -count=1 -run '^TestCompare$$' . -scenario=steady,pod-crash -consumer=keyed -load-duration=5s -rate=400 -service=100ms

lint: ## gofmt, vet, staticcheck, and the rules on imports, words and names
	@test -z "$$(gofmt -l .)" || { echo "gofmt -w these:"; gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags synctests $(VIRTUAL)
	@for p in $(PLATFORMS); do echo "go vet ./... for $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; done
	go tool staticcheck ./...
	go test -count=1 ./harness

bounds: ## rates and drains of designs next to their bounds, in virtual time (5 min)
	STAMPEDE_BOUNDS=1 go test -count=1 -timeout 30m -v -tags synctests -run 'Bound$$|^TestDrain.*Predicted$$' ./harness/bench ./consumers

demo: ## keyed and naive while a pod crashes: half a minute once compiled
	$(MAKE) --no-print-directory bench SCENARIO=pod-crash CONSUMER=keyed,naive

# The go command is silent while it compiles. A line says so once it takes more than a moment.
tags = $(if $(filter virtual,$(BROKER)),-tags synctests)
bench capacity plan list profile report reports judge: compile
compile:
	@trap 'kill $$say 2> /dev/null' EXIT; { sleep 2 > /dev/null 2>&1; kill -0 $$$$ && echo 'compiling: takes about 2 minutes the first time' >&2; } & say=$$!; \
	  go list -export -deps -test $(tags) . > /dev/null

bench: ## compare consumers, write OUT/report.html (5 minutes; all with CONSUMER='*')
	go test $(VCS) $(tags) -count=1 -timeout 0 -v -run '^TestCompare$$' $(flags)

# Virtual time unless BROKER says otherwise, and the scenario steady unless SCENARIO does.
capacity: BROKER := $(or $(BROKER),virtual)
capacity: compile ## search the highest rate that consumers hold, in virtual time (5 minutes)
	go test $(VCS) $(tags) -count=1 -timeout 0 -v -run '^TestCapacity$$' $(subst -scenario='*',,$(flags)) -seek=$(or $(SEEK),rate) \
	  $(call option,SWEEP,sweep) $(call option,BUDGET,budget) $(call option,CHECK,check) $(call option,WIDTH,width)

plan: BROKER := $(or $(BROKER),virtual)
plan: compile ## plan the pods of each design for RATE and PEAK, in virtual time (5 minutes)
	go test $(VCS) $(tags) -count=1 -timeout 0 -v -run '^TestPlan$$' $(subst -scenario='*',,$(flags)) -peak=$(or $(PEAK),3x) $(call option,BUDGET,budget)

list: ## list consumers, their knobs, and scenarios
	@COLUMNS=$$(stty size 2> /dev/null | cut -d' ' -f2) go test -count=1 -run '^$$' -scenarios | grep -v '^ok'

# A profile is made of a dump if IN names one.
profile: ## profile a topic: make profile BOOTSTRAP=host:port TOPIC=orders [SINCE=1h]
	@go test -count=1 -timeout 0 -run '^$$' $(call option,BOOTSTRAP,profile-bootstrap) $(call option,TOPIC,profile-topic) \
	  $(call option,FOR,profile-for) $(call option,SINCE,profile-since) $(call option,LIMIT,profile-limit) $(call option,BYTES,profile-bytes) $(call option,SEED,seed) \
	  $(if $(filter file,$(origin IN)),,-profile-dump=$(call path,$(IN))) -profile-out=$(if $(filter file,$(origin OUT)),profile.json,$(call path,$(OUT)))

report: ## render a saved result again: make report IN=out/result.json
	@go test -count=1 -run '^$$' -in=$(call path,$(IN)) -out=$(if $(filter file,$(origin OUT)),"$$(dirname $(call path,$(IN)))",$(call path,$(OUT)))

judge: ## judge a saved ledger again: make judge IN=out/ledger/... (no IN: list them)
	@go test -count=1 -run '^$$' $(if $(filter file,$(origin IN)),-ledgers,-judge=$(call path,$(IN))) -out=$(call path,$(OUT))

snapshot: ## copy results into the docs: make snapshot IN='out/all out/docker'
	STAMPEDE_SNAPSHOT='$(abspath $(IN))' go test -count=1 -run '^TestReadme$$' ./consumers

golden: ## render testdata/run into the golden reports and README's picture
	go test -count=1 -v -run '^Test(Golden|Picture)$$' ./reports -update | grep -v '^=== '

# Each line is a real comparison in virtual time; the last one wins where two have the same cell.
GOLDEN = STAMPEDE_GOLDEN=1 $(MAKE) bench BROKER=virtual
golden-run: ## make the comparison of testdata/run again, in virtual time
	$(GOLDEN) OUT='$(OUT)/golden/all' CONSUMER=serial,naive,keyed SCENARIO=steady,hot-key,broker-kill,pod-crash,workers
	-$(GOLDEN) OUT='$(OUT)/golden/inconclusive' CONSUMER=serial,naive,keyed SCENARIO=pause SERVICE=5ms
	$(GOLDEN) OUT='$(OUT)/golden/repeated' CONSUMER=keyed SCENARIO=pod-crash REPEAT=3
	$(GOLDEN) OUT='$(OUT)/golden/skipped' CONSUMER=external SCENARIO=steady
	STAMPEDE_MERGE='$(foreach r,all inconclusive repeated skipped,$(abspath $(OUT))/golden/$(r))' go test -count=1 -run '^TestMergeSavedRun$$' ./reports
	$(MAKE) golden

fuzz: ## fuzz each reader of bytes for FUZZTIME (10s)
	@for t in $(FUZZ); do echo "$$t"; \
	  go test -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "./$${t%:*}" || exit 1; done

kafka-image: ## build stampede/kafka:4.3.1 without a registry (needs root and Docker)
	testdata/kafka-image/build.sh

chaos: compile ## MINUTES (30) of random schedules of all faults, by SEED
	STAMPEDE_CHAOS='$(MINUTES)/$(or $(SEED),1)/$(or $(BROKER),embedded)' go test $(VCS) $(tags) -count=1 -timeout 0 -v -run '^TestChaos$$' $(subst -scenario='*',-suite=full -scenario='chaos-*',$(flags))

bench-front: ## throughput of a client behind a front of docker, compared with a direct one
	STAMPEDE_E2E=1 go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkFront$$' -benchtime=10x -v ./harness/broker/docker

bench-consumers: ## throughput of each design as a share of its bound; ns/op of shared parts
	STAMPEDE_E2E=1 go test -count=1 -timeout 0 -run '^$$' -bench '^Benchmark(Reach|HotKey)$$' -benchtime=1x ./consumers
	go test -count=1 -run '^$$' -bench . ./consumers/group ./consumers/pool

bench-memory: ## peak memory of harness and pod at 1, 5 and 20 million records
	go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkMemory$$' -benchtime=1x

bench-oracle: ## all checks in loops of the CPU and scans, at 5 to 100 million records
	@for n in 5 10 50 100; do echo "$$n million records:"; \
	  STAMPEDE_RECORDS=$$n go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkJudge$$' -benchtime 1x ./harness/oracle | grep ns/record || exit 1; done
	@echo "a sealed ledger of 5 million records:"
	@go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkJudgeLedger$$' -benchtime 1x ./harness/oracle | grep ns/record

bench-pipeline: ## throughput of Stampede itself, compared with plain clients
	STAMPEDE_RECORDS=$(if $(filter docker,$(BROKER)),5,1) go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkPipeline$$' -benchtime=$(if $(filter docker,$(BROKER)),5x,15x) . -broker $(or $(BROKER),embedded)

bench-report: ## make report and its page in Chromium, at 600 and 3,000 runs
	go test -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkReport$$' -benchtime=1x .

bench-shim: ## ns/record of the pod's shim and journal at 1, 2, 8 and 64 workers
	go test -count=1 -run '^$$' -bench '^BenchmarkShim$$' -benchtime=2000000x ./harness/pod
	go test -count=3 -run '^$$' -bench '^BenchmarkShimPolls$$' -benchtime=30x ./harness/pod

bench-measures: ## ns/event of the measures of a replay, and what the stages of the latency add
	go test -count=5 -run '^$$' -bench '^BenchmarkObserve$$' -benchtime=4000000x ./harness/measure

bench-virtual: ## virtual seconds per second and loop of the CPU, and memory, to 500 pods
	go test -tags synctests -count=1 -timeout 0 -run '^$$' -bench '^BenchmarkVirtual$$' -benchtime=5x ./harness/bench

reports: ## catch each public bug report by a built-in scenario (an hour); see REPORTS
	STAMPEDE_E2E=1 STAMPEDE_REPORTS='$(REPORTS)' go test -tags synctests -count=1 -timeout 0 -v -run '^TestReportsAreCaught$$' ./consumers/mutants

soak-consumers: ## every consumer under random faults (SEEDS: 50), all of TestConformance
	STAMPEDE_FINAL_READ=compare STAMPEDE_SEEDS=$(SEEDS) go test -tags synctests -count=1 -timeout 0 -v -run '^TestAllDesigns' ./consumers/soak
	STAMPEDE_FINAL_READ=compare STAMPEDE_E2E=1 STAMPEDE_CONFORMANCE=all go test -count=1 -timeout 0 -run '^TestConformance$$' ./consumers

soak-faults: ## inject each known fault on the embedded back end and on real Kafka
	STAMPEDE_E2E=1 STAMPEDE_FAULTS=all go test -count=1 -timeout 0 -v -run '^TestEachFault(OfBrokers)?TakesEffect' ./harness/engine

soak-room: ## ROOM (20) saturated runs are marked and calm ones are not (quiet machine)
	STAMPEDE_E2E=1 STAMPEDE_ROOM=$(ROOM) go test -count=1 -timeout 0 -v -run '^TestPlantedSaturationIsMarked' ./harness/engine

soak-kills: ## kill KILLS (20) harnesses, KILLS_DOCKER (5) on real Kafka: nothing is left
	STAMPEDE_E2E=1 STAMPEDE_KILLS=$(KILLS) go test -count=1 -timeout 0 -v -run '^TestNothingIsLeftOfA' ./harness/bench
	STAMPEDE_E2E=1 STAMPEDE_KILLS_DOCKER=$(KILLS_DOCKER) go test -count=1 -timeout 0 -v -run '^TestKilledHarnessLeavesNo' ./harness/engine

soak-moments: ## faults at each moment MOMENTS (20) times, MOMENTS_DOCKER (10) on real Kafka
	STAMPEDE_MOMENTS=$(MOMENTS) go test -tags synctests -count=1 -timeout 0 -v -run '^TestMomentsAreHitInVirtualTime$$' ./harness/engine
	STAMPEDE_E2E=1 STAMPEDE_MOMENTS=$(MOMENTS) go test -count=1 -timeout 0 -v -run '^TestMomentsAreHit$$' ./harness/engine
	STAMPEDE_E2E=1 STAMPEDE_MOMENTS=$(MOMENTS_DOCKER) go test -count=1 -timeout 0 -v -run '^TestMomentsAreHitOnRealKafka$$' ./harness/engine

soak-mutants: ## what each check catches over many seeds (hours); see SOAK and SOAK_HONEST
	STAMPEDE_FINAL_READ=compare STAMPEDE_E2E=1 STAMPEDE_SOAK='$(SOAK)' STAMPEDE_SOAK_HONEST='$(SOAK_HONEST)' go test -tags synctests -count=1 -timeout 0 -run '^TestSoak$$' ./consumers/mutants

soak-oracle: ## compare all checks with a slow reference on HISTORIES (100000) runs
	STAMPEDE_HISTORIES=$(HISTORIES) go test -count=1 -timeout 0 -v -run '^TestOraclesAgree$$' ./harness/oracle

soak-scenarios: ## every consumer in every scenario, in virtual time or BROKER=embedded (SEEDS)
	STAMPEDE_FINAL_READ=compare STAMPEDE_E2E=1 STAMPEDE_SEEDS=$(SEEDS) STAMPEDE_BROKER=$(or $(BROKER),virtual) go test -tags synctests -count=1 -timeout 0 -v -run '^TestEachDesignKeepsItsClaimsInEachScenario$$' ./consumers/soak
