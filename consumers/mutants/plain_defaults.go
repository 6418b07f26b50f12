package mutants

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-defaults",
	"Polls and works, and leaves all else to the defaults of the client: it commits the last poll at intervals, once the next one has begun.",
	habit{
		options: func(*habitPod) []kgo.Opt { return []kgo.Opt{kgo.AutoCommitInterval(time.Second)} },
		loop:    func(p *habitPod) error { return workOff(p, func(*kgo.Record) {}) },
	}))
