package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/plain"
)

// renderJSON writes the comparison as result.json, in the format of
// [harness.ResultVersion], for [ReadJSON]. It fails on numbers that JSON does
// not have (NaN, infinities).
func renderJSON(w io.Writer, c *harness.Comparison) error {
	saved := plain.Copy(*c)
	saved.Version = harness.ResultVersion
	runs := saved.Runs
	saved.Runs = nil
	rest, err := encodeJSON(&saved)
	if err != nil {
		return err
	}
	if runs == nil {
		_, err := w.Write(append(rest, '\n'))
		return err
	}
	head, tail, _ := bytes.Cut(rest, []byte(noRuns))
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `%s"runs":[`, head)
	for i := range runs { // one by one: all of them can have tens of megabytes
		run, err := encodeJSON(&runs[i])
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(run)
	}
	fmt.Fprintf(out, "]%s\n", tail)
	return out.Flush()
}

// noRuns stands in an encoded comparison without runs. A text cannot have it, because its
// quotes are escaped.
const noRuns = `"runs":null`

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ReadJSON reads what [renderJSON] wrote. It refuses a result of another version, a result
// that is cut short or inconsistent, and an unknown check. The error says what to do.
func ReadJSON(r io.Reader) (*harness.Comparison, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	if err := checkVersion(data); err != nil {
		return nil, err
	}
	c := new(harness.Comparison)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, explainDamage(data, err)
	}
	if err := checkReferences(c); err != nil {
		return nil, fmt.Errorf("it is damaged: %w; take an unharmed copy or run the comparison again", err)
	}
	if err := checkCheckNames(c); err != nil {
		return nil, fmt.Errorf("%w; render it with the Stampede that wrote it, or run the comparison again", err)
	}
	for i := range c.Runs {
		oracle.DropRecordsOfPods(c.Runs[i].Verdicts)
	}
	return plain.Copy(c), nil
}

// checkCheckNames refuses a check that does not exist, and names the nearest one.
func checkCheckNames(c *harness.Comparison) error {
	known := map[string]bool{}
	find := func(check string) error {
		if known[check] {
			return nil
		}
		known[check] = true // an error ends the search
		return oracle.FindCheck(check)
	}
	for i, r := range c.Runs {
		for _, v := range r.Verdicts {
			if err := find(v.Check); err != nil {
				return fmt.Errorf("run %d: %w", i, err)
			}
		}
	}
	for _, i := range c.Consumers {
		for _, e := range i.MustFail {
			if err := find(e.Check); err != nil {
				return fmt.Errorf("consumer %s: %w", i.Name, err)
			}
		}
	}
	return nil
}

// checkVersion reads only the version, because another version may have another shape.
func checkVersion(data []byte) error {
	var head struct {
		Version *int `json:"version"`
	}
	if version, ok := firstVersion(data); ok {
		head.Version = &version
	} else if err := json.Unmarshal(data, &head); err != nil {
		return explainDamage(data, err)
	}
	switch {
	case head.Version == nil:
		return errors.New("no result of Stampede: it has no version")
	case *head.Version != harness.ResultVersion:
		return fmt.Errorf("it is version %d, this Stampede reads %d: render it with the Stampede that wrote it, or run the comparison again",
			*head.Version, harness.ResultVersion)
	}
	return nil
}

// firstVersion is the version if a result begins with it, as all of [renderJSON] do.
func firstVersion(data []byte) (version int, ok bool) {
	text, begins := bytes.CutPrefix(data, []byte(`{"version":`))
	digits, _, ends := bytes.Cut(text[:min(len(text), 20)], []byte(","))
	version, err := strconv.Atoi(string(digits))
	return version, begins && ends && err == nil
}

// explainDamage says what is wrong with data that is no comparison in JSON.
func explainDamage(data []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("it is empty; take an unharmed copy or run the comparison again")
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(bytes.TrimSpace(data))):
		return fmt.Errorf("it is cut short after %d bytes; take a whole copy or run the comparison again", len(data))
	case errors.As(err, &syntax) || !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return fmt.Errorf("no result of Stampede: %w", err)
	}
	return fmt.Errorf("it is damaged: %w; take an unharmed copy or run the comparison again", err)
}

// readAll reads all of r, a file into memory of its size.
func readAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil {
			b.Grow(int(min(info.Size(), 1<<30)) + bytes.MinRead)
		}
	}
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// checkReferences checks that names and indices refer to something, as all renderers
// assume.
func checkReferences(c *harness.Comparison) error {
	scenario := func(name string) bool {
		return slices.ContainsFunc(c.Scenarios, func(s harness.ScenarioInfo) bool { return s.Name == name })
	}
	consumer := func(name string) bool {
		return slices.ContainsFunc(c.Consumers, func(i harness.ConsumerInfo) bool { return i.Name == name })
	}
	for i, r := range c.Runs {
		if !scenario(r.Scenario) || !consumer(r.Consumer) {
			return fmt.Errorf("run %d is of %s and %s, which it does not describe", i, r.Scenario, r.Consumer)
		}
	}
	for _, cell := range c.Cells {
		if !scenario(cell.Scenario) || !consumer(cell.Consumer) {
			return fmt.Errorf("a cell is of %s and %s, which it does not describe", cell.Scenario, cell.Consumer)
		}
		for _, i := range cell.Runs {
			if i < 0 || i >= len(c.Runs) {
				return fmt.Errorf("the cell of %s and %s has run %d of %d", cell.Scenario, cell.Consumer, i, len(c.Runs))
			}
		}
	}
	return nil
}
