package mutants_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// bugReport is a public report of a bug, and what catches such a bug here.
type bugReport struct {
	of       string // of is the project and the number, of each report of this bug.
	consumer string // consumer has the same bug.
	scenario string // scenario is a built-in one.
	check    string // check names the mechanism.
	wire     bool   // wire says that the bug shows by answers of brokers, so real Kafka has to show it too.
}

// bugReports are all public reports that Stampede was held against, in the order of their mechanisms:
// work, commits, rebalances, and answers of brokers.
var bugReports = []bugReport{
	{of: "vectordotdev/vector #24543", consumer: "mutant-gives-up-failed", scenario: "failing-work", check: oracle.CheckLoss},
	{of: "spring-projects/spring-kafka #1382, #1435", consumer: "mutant-redoes-batch", scenario: "failing-work", check: oracle.CheckUnexplainedDuplicate},
	{of: "spring-projects/spring-kafka #2968", consumer: "mutant-dead-letters-again", scenario: "poison-pills", check: oracle.CheckConflictingOutcomes},
	{of: "confluentinc/librdkafka #2557, #3471, confluentinc/confluent-kafka-python #1270", consumer: "mutant-drops-when-paused", scenario: "pod-crash", check: oracle.CheckLoss},
	{of: "yaalalabs/agent-kernel PR #630, spring-kafka before 2.7", consumer: "mutant-drops-unsent-dead-letter", scenario: "dead-letters-refused", check: oracle.CheckLoss, wire: true},
	{of: "smallrye/smallrye-reactive-messaging #1811, quarkusio/quarkus #22561", consumer: "mutant-stops-at-old-record", scenario: "pod-crash", check: oracle.CheckStall},
	{of: "aio-libs/aiokafka #848, spring-projects/spring-kafka #742", consumer: "mutant-exceeds-poll-interval", scenario: "long-poll", check: oracle.CheckLivelock},

	{of: "twmb/franz-go #57, apache/beam #21742", consumer: "naive", scenario: "pod-crash", check: oracle.CheckLoss},
	{of: "faust-streaming/faust #312", consumer: "mutant-commits-past-first-gap", scenario: "poison-key", check: oracle.CheckPrematureCommit},
	{of: "segmentio/kafka-go #439, IBM/sarama #2940", consumer: "mutant-commits-overtake", scenario: "churn", check: oracle.CheckCommitRegression},
	{of: "confluentinc/librdkafka #1811, haskell-works/hw-kafka-client PR #49", consumer: "mutant-commits-last-offset", scenario: "churn", check: oracle.CheckStalledCommit},
	{of: "faust-streaming/faust #517", consumer: "mutant-remembers-in-memory", scenario: "pod-crash", check: oracle.CheckRedelivery},

	{of: "confluentinc/parallel-consumer #826", consumer: "mutant-commits-skipped", scenario: "deploy-under-load", check: oracle.CheckLoss},
	{of: "zio/zio-kafka #469", consumer: "mutant-drops-kept-partitions", scenario: "deploy-under-load", check: oracle.CheckLoss},
	{of: "akka/alpakka-kafka #872, #1038, ThreeDotsLabs/watermill-kafka PR #30, #31", consumer: "mutant-works-after-revoke", scenario: "deploy-under-load", check: oracle.CheckZombie},
	{of: "redpanda-data/connect PR #4477", consumer: "mutant-commits-after-revoke", scenario: "scale-out-and-in", check: oracle.CheckCommitRegression},
	{of: "typelevel/fs2-kafka #1051", consumer: "mutant-resumes-where-it-fetched", scenario: "scale-out-and-in", check: oracle.CheckLoss},
	{of: "spring-projects/spring-kafka #2222", consumer: "mutant-resumes-at-rebalance", scenario: "retry-in-rebalance", check: oracle.CheckPrematureCommit},
	{of: "twmb/franz-go #507, atleon/atleon #422, confluentinc/confluent-kafka-go #193", consumer: "mutant-stays-paused", scenario: "scale-out-and-in", check: oracle.CheckStall},

	{of: "confluentinc/librdkafka #2933", consumer: "mutant-never-resumes-fetching", scenario: "commit-in-rebalance", check: oracle.CheckStall, wire: true},
	{of: "confluentinc/librdkafka #2944, #5586", consumer: "mutant-forgets-partition", scenario: "offset-fetch-refused", check: oracle.CheckStall, wire: true},
	{of: "line/decaton #201", consumer: "mutant-stops-after-refused-commit", scenario: "commit-in-rebalance", check: oracle.CheckStall, wire: true},
	{of: "tulios/kafkajs #267", consumer: "mutant-commits-no-more", scenario: "commit-refused", check: oracle.CheckStalledCommit, wire: true},
	{of: "astubbs/parallel-consumer #108", consumer: "mutant-forgets-refused-commit", scenario: "commit-refused", check: oracle.CheckStalledCommit, wire: true},
	{of: "confluentinc/parallel-consumer #47, #647", consumer: "mutant-writes-long-metadata", scenario: "workers", check: oracle.CheckStalledCommit, wire: true},
	{of: "IBM/sarama #2855, #2682", consumer: "mutant-ends-out-of-range", scenario: "retention-overtakes", check: oracle.CheckStall, wire: true},
	{of: "STORM-2505, robinhood/faust #379, tulios/kafkajs #562, knative-extensions/eventing-kafka-broker #4451", consumer: "mutant-waits-for-deleted-offset", scenario: "retention-overtakes", check: oracle.CheckStalledCommit, wire: true},
	{of: "IBM/sarama #1739, Flink FLIP-288", consumer: "mutant-begins-at-end", scenario: "partitions-added", check: oracle.CheckLoss, wire: true},
	{of: "KAFKA-13435", consumer: "mutant-ignores-added-partitions", scenario: "partitions-added", check: oracle.CheckStall, wire: true},
	{of: "knative-extensions/eventing-kafka #549, FLINK-28303", consumer: "mutant-begins-at-end", scenario: "crash-before-first-commit", check: oracle.CheckLoss, wire: true},
	{of: "confluentinc/librdkafka #1442, Parsely/pykafka #504, Dekaf #2259", consumer: "mutant-begins-at-end", scenario: "commits-expired", check: oracle.CheckLoss, wire: true},
}

// Each report has a consumer that must fail a built-in scenario by the check that names the
// mechanism. TestMutantsAreCaughtInVirtualTime runs the mutants.
func TestEachReportIsCaughtByABuiltInScenario(t *testing.T) {
	for _, b := range bugReports {
		i, err := harness.FindImplementation(b.consumer)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := harness.FindScenario(b.scenario); err != nil {
			t.Errorf("%s: %v", b.of, err)
		}
		if !slices.Contains(i.MustFail, harness.Expectation{Scenario: b.scenario, Check: b.check}) {
			t.Errorf("%s: %s does not have to fail %q in %s", b.of, b.consumer, b.check, b.scenario)
		}
	}
}

// TestReportsAreCaught is make reports. STAMPEDE_REPORTS is how many seeds each report has on
// each back end, as virtual=3,embedded=3,docker=3. On docker only those run that show by answers of
// brokers.
func TestReportsAreCaught(t *testing.T) {
	wanted := wantedRuns(t, "STAMPEDE_REPORTS")
	if len(wanted) == 0 {
		t.Skip("set STAMPEDE_REPORTS (make reports does)")
	}
	for _, backend := range backends {
		if wanted[backend] > 0 {
			t.Run(backend, func(t *testing.T) {
				openBackend(t, backend)
				for _, b := range bugReports {
					if backend != "docker" || b.wire {
						t.Run(b.consumer+"/"+b.scenario, func(t *testing.T) { catchReport(t, backend, b, wanted[backend]) })
					}
				}
			})
		}
	}
}

// catchReport fails unless each of n seeds is caught by the check that names the mechanism.
func catchReport(t *testing.T, backend string, b bugReport, n int) {
	if backend != "docker" {
		t.Parallel()
	}
	s, _ := findScenario(b.scenario)
	caught := 0
	for seed := range n {
		r := trial.RunOn(t, backend, s, b.consumer, uint64(seed+1))
		v := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == b.check })
		if r.Status == harness.Fail && v >= 0 && trial.HasFinding(r.Verdicts[v]) {
			caught++
			t.Logf("seed %d: %s: %d, found %v", seed+1, b.check, r.Verdicts[v].Count, trial.FindingsOf(r))
		} else {
			t.Errorf("seed %d: %s is not caught by %q: %s %v, found %v", seed+1, b.of, b.check, r.Status, r.Reasons, trial.FindingsOf(r))
		}
	}
	t.Logf("%s: caught %d of %d by %q", b.of, caught, n, b.check)
}

func renderReports(b *strings.Builder) {
	b.WriteString("\n## Public bug reports\n\nEach row is a bug that others reported, a consumer with the same bug, a built-in scenario, and the check that names the\n" +
		"mechanism. `make reports` runs all of them. *Real Kafka* marks those that show by what brokers answer.\n\n" +
		"| report | consumer | scenario | check | real Kafka |\n|---|---|---|---|---|\n")
	for _, r := range bugReports {
		kafka := ""
		if r.wire {
			kafka = "yes"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.of, r.consumer, r.scenario, r.check, kafka)
	}
}
