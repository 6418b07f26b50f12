package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/lock"
)

// answersOfKafka has what real Kafka answers to the talks of these tests.
var answersOfKafka = filepath.Join("..", "..", "..", "testdata", "answers.txt")

// answersOfKfake are the answers of kfake that differ, by their question. KFAKE.md has the reasons.
var answersOfKfake = map[string]string{
	"classic, commit after the leave":      "ILLEGAL_GENERATION",
	"txn, commit of a newer epoch":         "PRODUCER_FENCED",
	"txn, commit of a fenced producer":     "PRODUCER_FENCED",
	"txn, stable commits while it is open": strings.TrimSpace(strings.Repeat(strings.Repeat("offset=-1 UNSTABLE_OFFSET_COMMIT ", 4)+"ok ", 2)),
}

// Real Kafka answers as testdata/answers.txt says. STAMPEDE_UPDATE=1 writes the file.
func TestKafkaAnswersAsRecorded(t *testing.T) {
	b := prepared(t)
	c, err := b.Start(t.Context(), harness.ClusterSpec{Nodes: 1, Session: 6 * time.Second, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	got := talkTo(t, c)
	if os.Getenv("STAMPEDE_UPDATE") == "1" {
		if err := os.WriteFile(answersOfKafka, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compareAnswers(t, got, nil)
}

// kfake answers as Kafka does, but for the differences that are listed.
func TestKfakeAnswersAsKafkaDoes(t *testing.T) {
	lock.Machine(t)
	c, err := embedded.Backend{}.Start(t.Context(), harness.ClusterSpec{Nodes: 1, Session: 6 * time.Second, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	compareAnswers(t, talkTo(t, c), answersOfKfake)
}

func compareAnswers(t *testing.T, got []string, differ map[string]string) {
	t.Helper()
	text, err := os.ReadFile(answersOfKafka)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for n, line := range want {
		question, _, _ := strings.Cut(line, ": ")
		if other, ok := differ[question]; ok {
			if line == question+": "+other {
				t.Errorf("%s: the answers are the same: take it off the list", question)
			}
			want[n] = question + ": " + other
		}
	}
	for n := range max(len(got), len(want)) {
		switch {
		case n >= len(got):
			t.Errorf("no answer for %q", want[n])
		case n >= len(want) || got[n] != want[n]:
			t.Errorf("got  %s\nwant %s", got[n], want[min(n, len(want)-1)])
		}
	}
}

// talk is a conversation with a broker: one request after the other, and the answers as text.
type talk struct {
	t       *testing.T
	ctx     context.Context
	client  *kgo.Client
	second  *kgo.Client // second is for a request that waits, which would hold up the others of its client
	name    string      // name is the group, the transaction and the topic
	topicID [16]byte
	epoch   int32 // epoch is the next one of the share session
	lines   []string
}

// talks are the conversations, by protocol.
var talks = []struct {
	name string
	talk func(*talk)
}{{"classic", talkClassic}, {"848", talkConsumer}, {"share", talkShare}, {"txn", talkTransaction}}

// talkTo has all conversations with a cluster, each with a topic of four partitions.
func talkTo(t *testing.T, c harness.Cluster) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cl, second := newTalker(t, c), newTalker(t, c)
	for _, one := range talks {
		name := "talk-" + one.name
		created, err := kadm.NewClient(cl).CreateTopic(ctx, 4, 1, nil, name)
		if err != nil {
			t.Fatal(err)
		}
		for p := range int32(4) {
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: name, Partition: p, Value: []byte("v")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		with := &talk{t: t, ctx: ctx, client: cl, second: second, name: name, topicID: created.ID}
		one.talk(with)
		for _, line := range with.lines {
			lines = append(lines, one.name+", "+line)
		}
	}
	return lines
}

func newTalker(t *testing.T, c harness.Cluster) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Seeds()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// ask sends a request and notes the answer.
func (k *talk) ask(question string, req kmsg.Request) kmsg.Response {
	k.t.Helper()
	resp, err := k.client.Request(k.ctx, req)
	if err != nil {
		k.t.Fatalf("%s: %v", question, err)
	}
	k.note(question, resp)
	return resp
}

func (k *talk) note(question string, resp kmsg.Response) {
	k.lines = append(k.lines, question+": "+strings.Join(describeAnswer(reflect.ValueOf(resp).Elem(), nil), " "))
}

// told are the fields of answers that do not vary from run to run.
var told = []string{"Generation", "Offset", "Metadata", "State", "Protocol", "FirstOffset", "LastOffset", "DeliveryCount", "GroupState"}

// describeAnswer has all error codes of an answer, and the told fields, in order.
func describeAnswer(v reflect.Value, words []string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return describeAnswer(v.Elem(), words)
		}
	case reflect.Slice:
		for n := range v.Len() {
			words = describeAnswer(v.Index(n), words)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			name, field := v.Type().Field(n).Name, v.Field(n)
			if field.Kind() == reflect.Pointer && !field.IsNil() && field.Elem().Kind() == reflect.String {
				field = field.Elem()
			}
			switch {
			case name == "Metadata" && field.Kind() == reflect.String && field.Len() == 0: // or null
			case strings.HasSuffix(name, "ErrorCode"):
				words = append(words, nameError(int16(field.Int())))
			case name == "Metadata" && field.Kind() == reflect.String && field.Len() > 20:
				words = append(words, fmt.Sprintf("metadata of %d bytes", field.Len()))
			case slices.Contains(told, name) && field.Kind() != reflect.Pointer:
				words = append(words, strings.ToLower(name)+"="+fmt.Sprint(field.Interface()))
			default:
				words = describeAnswer(field, words)
			}
		}
	}
	return words
}

func nameError(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

// pointer is the address of a copy.
func pointer[T any](v T) *T { return &v }

// await waits until something holds.
func (k *talk) await(what string, holds func() bool) {
	k.t.Helper()
	for !holds() {
		select {
		case <-k.ctx.Done():
			k.t.Fatalf("%s: %v", what, k.ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
