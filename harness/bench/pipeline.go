package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// The load and the time limits of [Pipeline].
const (
	pipelineMillions   = 1 // of records, if the environment does not say otherwise
	pipelinePayload    = 100
	pipelinePartitions = 12

	baselineTimeout = 2 * time.Minute
	pipelineTimeout = 10 * time.Minute // from the first record to the last effect
)

// pipeline is what goes through [Pipeline].
type pipeline struct {
	backend string
	records uint64
}

// Pipeline measures Stampede itself. A flood of STAMPEDE_RECORDS million records (1) goes
// through the back end of -broker to a pod of keyed without work, is journaled and replayed.
// In turn the same records go through plain franz-go clients, the baseline, and through
// Stampede with a final read of the whole source. The baseline produces and consumes at once.
// The time runs from the first send to the last record replayed or read, without forming the
// group. ratio has all of it, load-drain-ratio only the part until the last effect.
//
// It reports the rates, the median of the ratios to the baseline, and the share of each
// part of a run. It also reports the CPU time of a record: by part in this process, brokers
// included, and in the pods. A busy machine changes CPU times less than rates. What ends
// in /whole-read is of the run with the whole read.
func Pipeline(b *testing.B) {
	lock.Hold(b)
	p := pipeline{opts.broker, benchRecords(b)}
	var baseline cost
	now, whole := newPipelineCosts(""), newPipelineCosts("/whole-read")
	for b.Loop() {
		c, err := p.runBaseline(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		baseline.addCost(c)
		for _, way := range []struct {
			read  engine.FinalRead
			costs *pipelineCosts
		}{{engine.FinalReadWhole, whole}, {engine.FinalReadUnproven, now}} {
			o, err := p.runStampede(b.Context(), way.read)
			if err != nil {
				b.Fatal(err)
			}
			way.costs.addRun(o, c)
		}
	}
	total := float64(b.N) * float64(p.records)
	b.ReportMetric(total/baseline.took.Seconds(), "baseline-records/s")
	b.ReportMetric(float64(baseline.harness)/total, "baseline-cpu-ns/record")
	b.ReportMetric(float64(baseline.pods)/total, "baseline-pods-cpu-ns/record")
	now.reportTo(b, total, baseline)
	whole.reportTo(b, total, baseline)
}

// pipelineCosts are the costs of some runs of the pipeline.
type pipelineCosts struct {
	suffix string // suffix ends the names of the metrics.
	all    cost
	parts  map[string]*cost
	ratios []float64 // ratios of the time of the baseline to that of each run
	worked []float64 // worked are the same for load and drain alone.
}

func newPipelineCosts(suffix string) *pipelineCosts {
	return &pipelineCosts{suffix: suffix, parts: map[string]*cost{}}
}

// addRun adds a run and its ratio to the baseline next to it.
func (p *pipelineCosts) addRun(o *engine.Outcome, baseline cost) {
	var took, working time.Duration
	for _, usage := range o.Run.Pods {
		p.all.addCost(cost{pods: usage.CPU})
	}
	for _, part := range o.Run.Parts {
		if part.Name == "prepare" || part.Name == "form" {
			continue
		}
		if took += part.Took; part.Name == "load" || part.Name == "drain" {
			working += part.Took
		}
		if p.parts[part.Name] == nil {
			p.parts[part.Name] = &cost{}
		}
		p.parts[part.Name].addCost(cost{took: part.Took, harness: part.CPU})
		p.all.addCost(cost{took: part.Took, harness: part.CPU})
	}
	p.ratios = append(p.ratios, baseline.took.Seconds()/took.Seconds())
	p.worked = append(p.worked, baseline.took.Seconds()/working.Seconds())
}

func (p *pipelineCosts) reportTo(b *testing.B, records float64, baseline cost) {
	slices.Sort(p.ratios)
	slices.Sort(p.worked)
	report := func(value float64, name string) { b.ReportMetric(value, name+p.suffix) }
	report(records/p.all.took.Seconds(), "records/s")
	report(p.ratios[len(p.ratios)/2], "ratio")
	report(p.worked[len(p.worked)/2], "load-drain-ratio")
	report(p.ratios[0], "least-ratio")
	report(p.ratios[len(p.ratios)-1], "most-ratio")
	report(float64(baseline.harness+baseline.pods)/float64(p.all.harness+p.all.pods), "cpu-ratio")
	report(float64(p.all.pods)/records, "pods-cpu-ns/record")
	for name, c := range p.parts {
		report(100*c.took.Seconds()/p.all.took.Seconds(), "%-"+metricName(name))
		report(float64(c.harness)/records, metricName(name)+"-cpu-ns/record")
	}
}

// benchRecords is the number of records of a benchmark.
func benchRecords(b *testing.B) uint64 {
	b.Helper()
	millions := uint64(pipelineMillions)
	if s := os.Getenv("STAMPEDE_RECORDS"); s != "" {
		var err error
		if millions, err = strconv.ParseUint(s, 10, 32); err != nil || millions == 0 {
			b.Fatalf("STAMPEDE_RECORDS=%q: want a number of million records, at least 1", s)
		}
	}
	return millions * 1_000_000
}

// cost is the time of a part of a pipeline, and the CPU time of this process and of
// the pods.
type cost struct{ took, harness, pods time.Duration }

func (c *cost) addCost(o cost) {
	c.took += o.took
	c.harness += o.harness
	c.pods += o.pods
}

// metricName makes a name of a metric: spaces become hyphens.
func metricName(s string) string {
	out := []byte(s)
	for i := range out {
		if out[i] == ' ' {
			out[i] = '-'
		}
	}
	return string(out)
}

// runStampede makes one run of the pipeline, which must pass.
func (p pipeline) runStampede(ctx context.Context, read engine.FinalRead) (*engine.Outcome, error) {
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "pipeline", Load: harness.Load{Pacer: load.Flood{Records: p.records}, Keys: load.Uniform{N: 10_000}, Payload: pipelinePayload},
		Service: load.Fixed(0), Partitions: pipelinePartitions, Pods: 1, Workers: 16, Window: 10_000, MaxPoll: 1_000, Drain: pipelineTimeout,
	})
	if err != nil {
		return nil, err
	}
	selections, err := harness.ParseSelection("keyed")
	if err != nil {
		return nil, err
	}
	backend, err := harness.FindBackend(p.backend)
	if err != nil {
		return nil, err
	}
	closeAtExit(backend)
	o, err := engine.Run(ctx, engine.Plan{Scenario: s, Consumer: selections[0], Backend: backend, Repeat: 1, Seed: 1, FinalRead: read})
	if err != nil {
		return nil, err
	}
	if o.Run.Status != harness.Pass || o.Run.Counts.Completed != int64(p.records) {
		return nil, fmt.Errorf("the run did not pass: %s %v, %d finished", o.Run.Status, o.Run.Reasons, o.Run.Counts.Completed)
	}
	return o, nil
}

// runBaseline is the cost from the first send until a pod with nothing but a client
// has read all records.
func (p pipeline) runBaseline(ctx context.Context) (c cost, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, baselineTimeout, fmt.Errorf("the baseline client did not read %d records within %v", p.records, baselineTimeout))
	defer cancel()
	backend, err := harness.FindBackend(p.backend)
	if err != nil {
		return c, err
	}
	closeAtExit(backend)
	cluster, err := backend.Start(ctx, harness.ClusterSpec{Session: 6 * time.Second, Heartbeat: time.Second})
	if err != nil {
		return c, err
	}
	defer cluster.Close()
	const topic = "baseline"
	admin, err := observe.NewClient(cluster.Seeds(), nil, topic, topic)
	if err != nil {
		return c, err
	}
	defer admin.Close()
	if err := admin.CreateTopic(ctx, observe.Topic{Name: topic, Partitions: pipelinePartitions}); err != nil {
		return c, err
	}
	dir, err := os.MkdirTemp("", "stampede-baseline-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	clock := ledger.NewClock()
	ended := make(chan pod.Incarnation, 1)
	fleet, err := pod.NewFleet(pod.Options{
		Implementation: baselineName, Service: "0s", Pods: 1, Dir: dir, Clock: clock,
		Config: harness.Config{Seeds: cluster.Seeds(), Topic: topic, Group: topic, Knobs: map[string]string{"records": fmt.Sprint(p.records)}},
		Exited: func(in pod.Incarnation) { ended <- in },
	})
	if err != nil {
		return c, err
	}
	defer fleet.Kill()
	if err := fleet.Start(ctx); err != nil {
		return c, err
	}
	if err := awaitOwnership(ctx, admin, fleet); err != nil {
		return c, withStderr(err, fleet)
	}
	start, cpu := clock.Now(), measure.CPU()
	if err := p.floodTopic(ctx, cluster.Seeds(), topic); err != nil {
		return c, err
	}
	select {
	case in := <-ended:
		if in.Exit != pod.ExitReturned {
			return c, withStderr(fmt.Errorf("the baseline client ended: %s", in.Cause), fleet)
		}
		c = cost{took: time.Duration(in.Down - start), harness: measure.CPU() - cpu}
		for _, used := range fleet.Usage() {
			c.pods += used.CPU
		}
		return c, nil
	case <-ctx.Done():
		return c, withStderr(context.Cause(ctx), fleet)
	}
}

// withStderr adds the standard error of the pods to an error.
func withStderr(err error, fleet *pod.Fleet) error {
	for _, in := range fleet.Incarnations() {
		if in.Stderr != "" {
			err = fmt.Errorf("%w; the pod printed: %s", err, in.Excerpt(pod.ReportSize))
		}
	}
	return err
}

// awaitOwnership waits until the only member of the group owns all partitions.
func awaitOwnership(ctx context.Context, client *observe.Client, fleet *pod.Fleet) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		members, err := client.Members(ctx)
		if err == nil && len(members) == 1 && len(members[0].Partitions[client.Topic]) == pipelinePartitions {
			return nil
		}
		if in := fleet.Incarnations()[0]; in.Down != 0 {
			return fmt.Errorf("the baseline client ended: %s", in.Cause)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// floodTopic sends the records with a plain client and the settings of the harness's
// producer.
func (p pipeline) floodTopic(ctx context.Context, seeds []string, topic string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(harness.DefaultLinger), kgo.MaxBufferedRecords(1<<20),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		return err
	}
	defer cl.Close()
	random := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, pipelinePayload)
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	keys := load.Uniform{N: 10_000}
	records := make([]kgo.Record, p.records)
	var failed error
	for i := range records {
		records[i].Key, records[i].Value = load.KeyBytes(keys.Key(uint64(i), random)), value
		cl.Produce(ctx, &records[i], func(_ *kgo.Record, err error) {
			if err != nil && failed == nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	return failed
}
