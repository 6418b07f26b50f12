package reports

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// FuzzReadJSON gives arbitrary bytes to the reader of results. An accepted result
// can be written, read again and rendered as text.
func FuzzReadJSON(f *testing.F) {
	c := saved(f)
	c.Runs, c.Cells = c.Runs[:2], c.Cells[:2]
	for i := range c.Runs { // the series are long and all alike
		c.Runs[i].Series, c.Runs[i].Phases = harness.Series{Step: c.Runs[i].Series.Step}, nil
	}
	var whole bytes.Buffer
	if err := renderJSON(&whole, c); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()/2])
	f.Add([]byte(`{"version":4,"scenarios":[{"name":"a"}],"consumers":[{"name":"b"}],"runs":[{"scenario":"a","consumer":"b"}],"cells":[{"scenario":"a","consumer":"b","runs":[0]}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			if c != nil || strings.TrimSpace(err.Error()) == "" {
				t.Fatalf("a result with the error %q", err)
			}
			return
		}
		var saved bytes.Buffer
		if err := renderJSON(&saved, c); err != nil {
			t.Fatal(err)
		}
		again, err := ReadJSON(bytes.NewReader(saved.Bytes()))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("written and read again it is another: %v", err)
		}
		if err := RenderText(io.Discard, c); err != nil {
			t.Fatal(err)
		}
	})
}
