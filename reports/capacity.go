package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/plain"
)

// WriteCapacity writes capacity.json and capacity.html into a directory, which it makes if there is
// no such directory. A file is written whole or not at all.
func WriteCapacity(dir string, r *capacity.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	for name, render := range map[string]func(io.Writer, *capacity.Report) error{"capacity.json": renderCapacityJSON, "capacity.html": renderCapacityHTML} {
		path := filepath.Join(dir, name)
		if err := replaceFile(path, func(w io.Writer) error { return render(w, r) }); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

func renderCapacityJSON(w io.Writer, r *capacity.Report) error {
	saved := plain.Copy(r)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(saved)
}

// ReadCapacity reads what [WriteCapacity] has saved as capacity.json. It refuses another version, and a
// file that is cut short. Texts of the file are harmless afterwards.
func ReadCapacity(r io.Reader) (*capacity.Report, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, explainDamage(data, err)
	}
	if head.Version != capacity.ReportVersion {
		return nil, fmt.Errorf("it has version %d of the format, want %d: render it with the Stampede that wrote it, or search again", head.Version, capacity.ReportVersion)
	}
	report := new(capacity.Report)
	if err := json.Unmarshal(data, report); err != nil {
		return nil, explainDamage(data, err)
	}
	return plain.Copy(report), nil
}

// RenderCapacityText writes what searches found for a terminal: a table of the answers, then why.
func RenderCapacityText(w io.Writer, r *capacity.Report) error {
	t := &capacityText{report: plain.Copy(r)}
	if r.Plan != nil {
		t.writePlan()
	} else {
		t.writeAnswers()
		t.writeBounds()
	}
	t.writeCaveats()
	_, err := io.WriteString(w, t.String())
	return err
}

type capacityText struct {
	strings.Builder
	report *capacity.Report
}

func (t *capacityText) writeAnswers() {
	fmt.Fprintf(t, "\n%s%s\nANSWERS\n", wrap(capacityHeadline(t.report)+".", pageWidth, ""), wrap(capacityAbout(t.report), pageWidth, ""))
	rows := table{right: 2}
	head := []string{"consumer", "setup"}
	shown := slices.DeleteFunc(slices.Clone(capacityColumns), func(k capacityColumn) bool { return k.pageOnly })
	for _, k := range shown {
		head = append(head, k.Title)
	}
	rows.addRow(head...)
	for i := range t.report.Answers {
		a := &t.report.Answers[i]
		row := []string{a.Consumer.Name, describeSetup(a)}
		if a.Result == nil {
			rows.addRow(append(row, missing)...)
			continue
		}
		for _, k := range shown {
			row = append(row, k.of(a))
		}
		rows.addRow(row...)
	}
	rows.writeTo(t)
}

func (t *capacityText) writeBounds() {
	fmt.Fprintf(t, "\nWHAT BOUNDS THEM\n")
	for i := range t.report.Answers {
		a := &t.report.Answers[i]
		if b, ok := capacity.Tightest(a.Bounds); ok {
			t.WriteString(wrap(joinParts(a.Consumer.Name, describeSetup(a))+": "+b.String(), pageWidth, "  "))
		}
		if a.Result != nil {
			for g := range a.Result.Goals {
				t.WriteString(wrap(a.Result.Describe(g), pageWidth, "    "))
			}
		}
		if a.Failed != "" {
			t.WriteString(wrap("no answer: "+a.Failed, pageWidth, "    "))
		}
		if d := a.Saturation; d != nil && d.Remark != "" {
			t.WriteString(wrap("saturation: "+d.Remark, pageWidth, "    "))
		}
		for i := range a.Checks {
			c := newCapacityCheck(&a.Checks[i])
			t.WriteString(wrap(joinParts("on "+c.Backend+": "+c.Found, c.Error, c.Remark), pageWidth, "    "))
		}
		for _, remark := range a.Remarks {
			t.WriteString(wrap("! "+remark, pageWidth, "    "))
		}
	}
}

func (t *capacityText) writeCaveats() {
	for _, c := range capacityCaveats(t.report) {
		fmt.Fprintf(t, "\n%s", wrap("! "+c, pageWidth, ""))
	}
}
