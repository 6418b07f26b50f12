package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/profile"
)

func TestMakeProfileSavesTheProfileOfADump(t *testing.T) {
	dir := t.TempDir()
	dump, saved := filepath.Join(dir, "dump.txt"), filepath.Join(dir, "p.json")
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "%d %d 120 user-%d\n", 1_700_000_000_000+10*i, i%6, i*i%50)
	}
	if err := os.WriteFile(dump, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := makeProfile(t.Context(), &out, &profileOptions{dump: dump, out: saved}, 1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1000 records in 9.991s", "partitions: 6", "saved as " + saved, "PROFILE=" + saved + "@x2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not say %q:\n%s", want, &out)
		}
	}
	if p, err := profile.Open(saved); err != nil || p.Records != 1000 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestMakeProfileRefusesFlagsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		o    profileOptions
		want string
	}{
		"a topic without a cluster": {profileOptions{topic: "orders"}, "BOOTSTRAP=host:port TOPIC=orders"},
		"a cluster without a topic": {profileOptions{bootstrap: "h:9092"}, "BOOTSTRAP=host:port TOPIC=orders"},
		"only a file to save":       {profileOptions{out: "p.json"}, "make profile IN=dump.txt"},
		"a topic and a dump":        {profileOptions{topic: "orders", bootstrap: "h:9092", dump: "d"}, "not of both"},
		"a dump with a limit":       {profileOptions{dump: "d", limit: 5}, "not of both"},
		"a dump for a time":         {profileOptions{dump: "d", reading: time.Second}, "not of both"},
		"a dump that is not there":  {profileOptions{dump: filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		if err := makeProfile(t.Context(), &bytes.Buffer{}, &c.o, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
		if !c.o.isAsked() {
			t.Errorf("%s: no profile is made", name)
		}
	}
	if (&profileOptions{}).isAsked() {
		t.Error("a profile is made without a flag")
	}
}
