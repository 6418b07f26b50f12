package reports

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

const errNoSpace = syscall.ENOSPC

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"another version": {`{"version":7,"runs":"of another shape"}`, fmt.Sprintf("version 7, this Stampede reads %d", harness.ResultVersion)},
		"no version":      {`{"runs":[]}`, "no version"},
		"another file":    {`[1,2]`, "no result of Stampede"},
		"no JSON":         {`goos: linux`, "no result of Stampede"},
		"empty":           {" \n", "empty"},
		"cut short":       {`{"version":4,"seed":12,"runs":[{"scen`, "cut short after 37 bytes"},
		"more after it":   {`{"version":4}{"version":4}`, "no result of Stampede"},
		"wrong type":      {`{"version":4,"seed":"x"}`, "damaged"},
		"unknown names":   {`{"version":4,"runs":[{"scenario":"a","consumer":"b"}]}`, "run 0 is of a and b"},
		"older version":   {`{"version":1,"runs":[{"verdicts":[{"check":"loss pending"}]}]}`, fmt.Sprintf("version 1, this Stampede reads %d: render it with the Stampede that wrote it", harness.ResultVersion)},
		"unknown check":   {`{"version":4,"scenarios":[{"name":"a"}],"consumers":[{"name":"b"}],"runs":[{"scenario":"a","consumer":"b","verdicts":[{"check":"premature comit"}]}]}`, `"premature commit"`},
		"must fail":       {`{"version":4,"consumers":[{"name":"b","must_fail":[{"check":"los"}]}]}`, `"loss"`},
		"wild index":      {`{"version":4,"scenarios":[{"name":"a"}],"consumers":[{"name":"b"}],"cells":[{"scenario":"a","consumer":"b","runs":[3]}]}`, "run 3 of 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadJSON(strings.NewReader(c.data))
			wantError(t, err, c.want)
		})
	}
}

// Every prefix of a saved result is either refused or the whole result.
func TestReadJSONRefusesPrefixes(t *testing.T) {
	c := saved(t)
	c.Runs, c.Cells = c.Runs[:1], c.Cells[:1]
	whole := render(t, renderJSON, c)
	want, err := ReadJSON(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		got, err := ReadJSON(bytes.NewReader(whole[:n]))
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("the first %d of %d bytes are read as something else", n, len(whole))
		}
		if err != nil && n > 0 && !strings.Contains(err.Error(), "cut short") {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestJSONRefusesNaN(t *testing.T) {
	c := saved(t)
	c.Runs[0].Completed = math.NaN()
	wantError(t, renderJSON(new(bytes.Buffer), c), "encode the result")
}
