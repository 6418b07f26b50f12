package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// FinalRead is how the source is read at the end of a run. oracle/CHECKS.md says what is proven without.
type FinalRead string

// The ways to read. The environment variable STAMPEDE_FINAL_READ has one for plans without: the tests of
// many runs (make soak-...) compare.
const (
	FinalReadUnproven FinalRead = ""        // FinalReadUnproven reads what is not proven.
	FinalReadWhole    FinalRead = "whole"   // FinalReadWhole reads all.
	FinalReadCompare  FinalRead = "compare" // FinalReadCompare reads what is not proven, then all, and fails the run if they differ.
)

// useEnvironment takes the way to read from the environment, if the plan has none.
func (f *FinalRead) useEnvironment() error {
	*f = cmp.Or(*f, FinalRead(os.Getenv("STAMPEDE_FINAL_READ")))
	if !slices.Contains([]FinalRead{FinalReadUnproven, FinalReadWhole, FinalReadCompare}, *f) {
		return fmt.Errorf("STAMPEDE_FINAL_READ=%q: want %q, %q or nothing", string(*f), FinalReadWhole, FinalReadCompare)
	}
	return nil
}

// leastProven is how many proven offsets in a row are worth two requests more.
const leastProven = 512

// readSource is the final read of the source, into the journal of what was appended.
func readSource(ctx context.Context, s *setup, c *course) (read sourceReading, err error) {
	if s.FinalRead == FinalReadWhole {
		return sourceReading{whole: "the plan says so"}, s.source.ReadAll(ctx)
	}
	if read.whole = s.doubtLog(ctx, c.load); read.whole != "" {
		return read, s.source.ReadAll(ctx)
	}
	least := int64(leastProven)
	if s.FinalRead == FinalReadCompare {
		least = 1 // the more is skipped, the more is compared
	}
	if err := s.sends.Close(); err != nil {
		return read, err
	}
	proof, err := s.work.prove(s.journalPath(sendsJournal), s.clock, least)
	if err != nil {
		return read, err
	}
	read.proven, err = s.source.ReadUnproven(ctx, proof)
	if err == nil && s.FinalRead == FinalReadCompare {
		err = s.compareWithWhole(ctx)
	}
	return read, err
}

// sourceReading is how the source was read.
type sourceReading struct {
	proven int64  // proven is how many records were not read.
	whole  string // whole is why all was read, "" if only what was not proven.
}

// doubtLog is why acknowledgements and attempts do not prove what the log holds now, "" if they do.
func (s *setup) doubtLog(ctx context.Context, l *sentLoad) string {
	faults := l.faults.injectedFaults()
	for _, f := range faults {
		if !sparesLog(f.target) {
			return fmt.Sprintf("%s may have changed the log", f.name)
		}
	}
	settings := slices.Collect(maps.Keys(s.Scenario.TopicConfig))
	switch {
	case len(faults) < len(s.Scenario.Injections):
		return "not all faults were injected as planned"
	case s.logChanged.Load():
		return "a fault changed the topic"
	case slices.ContainsFunc(settings, func(name string) bool { return name != "min.insync.replicas" }):
		return "the topic has settings of its own"
	case s.Scenario.Producer.Acks == harness.AcksNone:
		return "no send was acknowledged"
	}
	epochs, led, err := s.client.LeaderEpochs(ctx)
	if err != nil || !led || l.epochs == nil || !slices.Equal(epochs, l.epochs) {
		return "a leader was elected, or it is not known whether one was"
	}
	return ""
}

// sparesLog reports whether a fault affects a pod or the producer, and neither the brokers nor the topic.
func sparesLog(t harness.Target) bool {
	return len(t.Nodes) == 0 && !t.Silent && (t.None || t.Pod != "")
}

// compareWithWhole reads all of the source and compares it with what is in the journal of what was appended.
func (s *setup) compareWithWhole(ctx context.Context) error {
	path := s.journalPath("whole-" + appendedJournal)
	whole, err := ledger.NewWriter(path)
	if err != nil {
		return err
	}
	defer whole.Close()
	err = observe.NewSourceReader(s.client, s.topics[0], s.id, whole.Append).ReadAll(ctx)
	if err := errors.Join(err, whole.Close(), s.appended.Close()); err != nil {
		return err
	}
	if err := ledger.CompareAppended(s.journalPath(appendedJournal), path); err != nil {
		return differingReads{err}
	}
	return nil
}

// differingReads is the error of a run in which something was proven that is not so.
type differingReads struct{ error }

func (d differingReads) Unwrap() error { return d.error }

// noteReadError breaks an assumption if the final read failed. It returns the errors that no
// verdict may hide.
func (s *setup) noteReadError(err error) error {
	if errors.As(err, new(differingReads)) {
		return err
	}
	if err != nil {
		s.incidents.breakAssumption(oracle.LedgerComplete, err.Error())
	}
	return nil
}
