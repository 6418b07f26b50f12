package slo_test

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness/metric"
	"github.com/stampede-bench/stampede/harness/slo"
)

func TestObjectivesAreReadAndWrittenBack(t *testing.T) {
	for text, want := range map[string]string{
		"":          "",
		"p99<500ms": "p99<500ms",
		"p99<500ms, trend<1%, age<5s, drain<60s, recovery<30s, recovery(kill broker)<30s, p99@steady<1s, rss-max<64MiB, of-bound>=90%": "p99<500ms, trend<1%, age<5s, drain<1m, recovery<30s, recovery(kill broker)<30s, p99@steady<1s, rss-max<64MiB, of-bound>=90%",
		" p99.9 <= 1500ms ,max@kill broker < 1m30s":           "p99.9<=1.5s, max@kill broker<1m30s",
		"p99-e2e-sec<2h,rss-max-B<=1000B":                     "p99<2h, rss-max<=1000B",
		"p99@all<1s":                                          "p99<1s",
		"records/s>900/s, records/s<1000, backlog-max<=5000":  "records/s>900/s, records/s<1000/s, backlog-max<=5000",
		"trend<-0.5%, others-p99<500ms, starvation<2s":        "trend<-0.5%, others-p99<500ms, starvation<2s",
		"recovery(cut network of pods 1, 2)<7%"[:34] + "<30s": "recovery(cut network of pods 1, 2)<30s",
		"trend<7%, p50>1ms, p50<10ms":                         "trend<7%, p50>1ms, p50<10ms",
		"p99@cut pods 1, 2<1s, age<5s":                        "p99@cut pods 1, 2<1s, age<5s",
		"redelivered<=0, p99@steady>1s, p99<500ms":            "redelivered<=0, p99@steady>1s, p99<500ms",
	} {
		all, err := slo.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := all.String(); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		if again, err := slo.Parse(all.String()); err != nil || again.String() != want {
			t.Errorf("%q is read back as %q, %v", want, again, err)
		}
	}
}

func TestBadObjectivesAreRefusedInWords(t *testing.T) {
	for text, want := range map[string]string{
		"p99":                         "has no comparison",
		"p99=1s":                      "want <, <=, > or >= after p99",
		"p99<":                        "p99 is compared with a time, as 500ms",
		"p99<500":                     "p99 is compared with a time, as 500ms",
		"p99<5MiB":                    "p99 is compared with a time, as 500ms",
		"trend<1":                     "trend is compared with a share in percent, as 1%",
		"trend<1s":                    "trend is compared with a share in percent, as 1%",
		"trend<NaN%":                  "trend is compared with a share in percent, as 1%",
		"trend<1e9%":                  "trend is compared with a share in percent, as 1%",
		"rss-max<64":                  "rss-max is compared with a size, as 64MiB",
		"backlog-max<5s":              "backlog-max is compared with a number of records",
		"records/s>5s":                "records/s is compared with a rate",
		"p99<-1s":                     "p99 is never below 0",
		"tend<1%":                     "did you mean trend?",
		"agee<1s":                     "did you mean age?",
		"rss<1MiB":                    "no metric \"rss\"",
		"p100<1s":                     "above 0 and below 100; the highest latency is max",
		"p0<1s":                       "above 0 and below 100",
		"<1s":                         "no metric \"\"",
		"p99<1s,":                     "end in a comma",
		"p99<1s,,age<1s":              "no metric",
		"age@steady<1s":               "age is not of a phase",
		"age(kill pod)<1s":            "age is not of a fault",
		"recovery(kill pod<1s":        "want the name of a fault in brackets",
		"recovery()<1s":               "want the name of a fault in brackets",
		"p99@<1s":                     "want the name of a phase after @",
		"starvation>2s":               "starvation has a limit from above alone",
		"p99<1s, p99<2s":              "objectives p99<1s and p99<2s limit the same",
		"p99<1s, p99<=1s":             "limit the same",
		"p99<1s, p99>2s":              "no run meets both objectives p99<1s and p99>2s",
		"p99<500ms, p50>1s":           "no run meets both objectives p99<500ms and p50>1s",
		"p99>=1s, max<1s":             "no run meets both objectives p99>=1s and max<1s",
		"of-bound>=90%, of-bound<80%": "no run meets both",
	} {
		if all, err := slo.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v with the error %v, want one with %q", text, all, err, want)
		}
	}
}

// Equal limits are no contradiction if a value can lie on both, and a lower percentile may be
// above the limit of none.
func TestObjectivesThatOneRunCanMeetAreAccepted(t *testing.T) {
	for _, text := range []string{"p99<=1s, p99>=1s", "p99>1s, p50<500ms", "p99@steady>1s, p99@recovery<500ms", "recovery(kill pod)>1s, recovery(kill broker)<1s"} {
		if _, err := slo.Parse(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAListTakesThePlaceOfTheSameLimits(t *testing.T) {
	own, over := mustParse(t, "p99<500ms, trend<1%, p99@steady<1s, of-bound>=90%"), mustParse(t, "p99<=2s, of-bound<100%, age<5s")
	all, err := own.With(over)
	if want := "trend<1%, p99@steady<1s, of-bound>=90%, p99<=2s, of-bound<100%, age<5s"; err != nil || all.String() != want {
		t.Errorf("together they are %q, %v; want %q", all, err, want)
	}
	if _, err := own.With(mustParse(t, "of-bound<50%")); err == nil {
		t.Error("a contradiction of both lists is accepted")
	}
}

func TestEveryMetricCanBeAnObjective(t *testing.T) {
	values := map[metric.Unit]string{metric.Seconds: "<1s", metric.Share: "<1%", metric.Bytes: "<1MiB", metric.Records: "<1", metric.RecordsPerSecond: "<1/s"}
	for _, m := range append(metric.All(), metric.Percentiles()...) {
		for _, name := range []string{m.Name, m.Bench} {
			if name == "" {
				continue
			}
			if all, err := slo.Parse(name + values[m.Unit]); err != nil || all[0].Metric.Name != m.Name || all[0].String() != m.Name+values[m.Unit] {
				t.Errorf("%s%s is %v, %v", name, values[m.Unit], all, err)
			}
		}
	}
}

func mustParse(t *testing.T, text string) slo.Objectives {
	t.Helper()
	all, err := slo.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func FuzzParse(f *testing.F) {
	f.Add("p99<500ms, trend<1%, recovery(kill broker)<30s, p99@steady<1s, rss-max<64MiB, of-bound>=90%")
	f.Add("p99.99<=1h1m1s,records/s>0.5/s")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := slo.Parse(text)
		if err != nil {
			return
		}
		again, err := slo.Parse(all.String())
		if err != nil || again.String() != all.String() {
			t.Errorf("%q is written as %q and read back as %q, %v", text, all, again, err)
		}
	})
}
