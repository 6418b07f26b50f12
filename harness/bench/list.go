package bench

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain"
)

const (
	defaultWidth = 80 // of a list that goes to no terminal
	minWidth     = 60
	nameColumn   = 20 // where the text next to a name begins
)

// terminalWidth returns the columns of the terminal behind out. If there is none,
// COLUMNS decides, by which make list tells the width of its own terminal.
func terminalWidth(out *os.File) int {
	if size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return max(minWidth, int(size.Col))
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return max(minWidth, columns)
	}
	return defaultWidth
}

// printList prints what can be run in lines of at most width columns.
func printList(out io.Writer, width int) {
	fmt.Fprintln(out, wrapText("CONSUMERS  ", "name[@protocol][?knob=value&knob=value]; protocols: "+protocolNames(), width))
	for _, i := range harness.Implementations() {
		if !i.Mutant {
			listConsumer(out, width, i)
		}
	}
	fmt.Fprintln(out, "\nSCENARIOS")
	for _, s := range harness.Scenarios() {
		listScenario(out, width, s)
	}
}

// listEntry prints a name and the lines next to it; an empty line is left out.
func listEntry(out io.Writer, width int, name string, lines ...string) {
	fmt.Fprintln(out)
	if len(name) > nameColumn-4 {
		fmt.Fprintln(out, "  "+name)
		name = ""
	}
	for _, line := range plain.Map(lines, plain.Line) {
		if line != "" {
			fmt.Fprintln(out, wrapText(fmt.Sprintf("  %-*s", nameColumn-2, name), line, width))
			name = ""
		}
	}
}

func listConsumer(out io.Writer, width int, i *harness.Implementation) {
	claims := harness.DescribeClaims(i.Delivery, i.Redelivery, i.Order)
	if i.Control() {
		claims += ", control: " + describeMustFail(i)
	}
	listEntry(out, width, i.Name, claims, i.Doc, "knobs: "+describeKnobs(i))
}

func listScenario(out io.Writer, width int, s *harness.Scenario) {
	applied, err := engine.Overrides{}.Apply(*s)
	if err != nil {
		listEntry(out, width, s.Name, err.Error())
		return
	}
	info := engine.Info(applied)
	lines := []string{
		s.Doc,
		fmt.Sprintf("load: %s, keys %s, work %s, %d bytes; %d partitions, %d pods of %d workers",
			info.Pacer, info.Keys, info.Service, info.Payload, info.Partitions, info.Pods, info.Workers),
		labelText("failures: ", info.Failures),
		labelText("slowdown: ", info.Slowdown),
		labelText("producer: ", info.Producer),
		labelText("topic: ", info.Topic),
	}
	for _, f := range info.Faults {
		lines = append(lines, "fault: "+f)
	}
	lines = append(lines, labelText("default consumers: ", strings.Join(s.Consumers, ", ")))
	duration := fmt.Sprintf("takes about %v with a consumer that keeps up", engine.Estimate(applied, applied.Workers).Round(time.Second))
	if s.Extra {
		duration += "; extra: runs in the suite full, or if it is named"
	}
	listEntry(out, width, s.Name, append(lines, duration)...)
}

// labelText puts a label before a text, unless that is empty.
func labelText(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

// wrapText breaks a text between words into lines of at most width columns. The
// first line begins with the prefix, the others with as many spaces. A longer
// word has a line of its own.
func wrapText(prefix, text string, width int) string {
	var b strings.Builder
	b.WriteString(prefix)
	column, begun := len(prefix), false
	for word := range strings.FieldsSeq(text) {
		length := len([]rune(word))
		switch {
		case !begun:
		case column+1+length > width:
			b.WriteString("\n" + strings.Repeat(" ", len(prefix)))
			column = len(prefix)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, begun = column+length, true
	}
	return b.String()
}

func protocolNames() string {
	var names []string
	for _, p := range harness.Protocols {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ") + " (default " + names[0] + ")"
}

func describeMustFail(i *harness.Implementation) string {
	var all []string
	for _, e := range i.MustFail {
		all = append(all, fmt.Sprintf("must fail %s by %s", e.Scenario, e.Check))
	}
	return strings.Join(all, ", ")
}

func describeKnobs(i *harness.Implementation) string {
	all := append([]string(nil), harness.SharedKnobs...)
	for _, k := range i.Knobs {
		all = append(all, fmt.Sprintf("%s=%s (%s)", k.Name, k.Default, k.Doc))
	}
	return strings.Join(all, ", ")
}
