package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/harness/profile"
	"github.com/stampede-bench/stampede/internal/launcher"
)

// profileOptions are the flags that make a profile of a topic.
type profileOptions struct {
	bootstrap, topic, dump string
	out                    string
	reading, since         time.Duration
	limit, bytes           int
}

func (o *profileOptions) defineFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.bootstrap, "profile-bootstrap", "", "brokers of a production cluster, host:port with commas: makes a profile of -profile-topic; runs nothing")
	fs.StringVar(&o.topic, "profile-topic", "", "topic to make a profile of: no group, no commit, no write; not with TLS or SASL yet")
	fs.Var(pathFlag(&o.dump, "output of kcat or of the console consumer"), "profile-dump", "make the profile of this file, in place of a topic")
	fs.Var(pathFlag(&o.out, "a profile"), "profile-out", "file for the profile (default profile.json)")
	fs.Var(positiveDuration(&o.reading), "profile-for", "how long to read the topic (default 1m)")
	fs.Var(positiveDuration(&o.since), "profile-since", "make the profile of the past, back to so long ago (default: of what comes from now on)")
	fs.Var(positiveInt(&o.limit), "profile-limit", "most records read from the topic in a second (default 20000)")
	fs.Var(positiveInt(&o.bytes), "profile-bytes", "most bytes of records read from the topic in a second (default 10485760)")
}

// isAsked reports whether a flag asks for a profile.
func (o *profileOptions) isAsked() bool { return *o != profileOptions{} }

// check refuses flags that do not fit together.
func (o *profileOptions) check() error {
	switch {
	case o.dump != "" && (o.bootstrap != "" || o.topic != "" || o.reading+o.since != 0 || o.limit+o.bytes != 0):
		return errors.New("a profile is of a dump (IN=) or of a topic (BOOTSTRAP= and TOPIC=, with FOR=, SINCE=, LIMIT= and BYTES=), not of both")
	case o.dump == "" && (o.bootstrap == "" || o.topic == ""):
		return errors.New("a profile needs a topic and its cluster: make profile BOOTSTRAP=host:port TOPIC=orders, or a dump: make profile IN=dump.txt")
	}
	return nil
}

// makeProfile reads a topic or a dump, saves its profile and says what is in it. The seed decides which
// records are skipped above a limit. The end of ctx ends the reading, and what was read is saved.
func makeProfile(ctx context.Context, out io.Writer, o *profileOptions, seed uint64) error {
	if err := o.check(); err != nil {
		return err
	}
	p, err := o.read(ctx, out, seed)
	if err != nil {
		return err
	}
	path := o.out
	if path == "" {
		path = "profile.json"
	}
	if err := p.Save(path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\nsaved as %s; replay it with: make bench PROFILE=%s, or PROFILE=%s@x2 at twice the rate\n", plain.Text(p.Summary()), path, path, path)
	return err
}

func (o *profileOptions) read(ctx context.Context, out io.Writer, seed uint64) (*profile.Profile, error) {
	if o.dump != "" {
		return profile.OpenDump(o.dump, time.Now())
	}
	return profile.Topic{
		Seeds: strings.Split(o.bootstrap, ","), Name: o.topic, For: o.reading, Since: o.since, Limit: o.limit, Bytes: o.bytes,
		Seed: seed, Tell: func(line string) { fmt.Fprintln(out, plain.Text(line)) },
	}.Read(ctx)
}

// profileContext ends with the first signal or with the launcher; a second signal ends the process.
func profileContext() (context.Context, context.CancelFunc) {
	signaled, stop := signal.NotifyContext(context.Background(), endSignals()...)
	ctx, cancel := launcher.WithEnd(signaled)
	context.AfterFunc(ctx, stop)
	return ctx, func() { cancel(); stop() }
}
