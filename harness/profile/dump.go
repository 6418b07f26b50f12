package profile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Formats of a dump.
const (
	// KcatCommand writes a line for each record: time in ms, partition, length of the value, key.
	// The key is the rest of the line, and empty for none.
	KcatCommand = `kcat -C -b HOST:PORT -t TOPIC -o -100000 -e -f '%T %p %S %k\n'`
	// ConsoleCommand writes fields between tabs: time, partition, key, value. The key null is none.
	ConsoleCommand = `kafka-console-consumer.sh --bootstrap-server HOST:PORT --topic TOPIC --timeout-ms 10000 ` +
		`--property print.timestamp=true --property print.partition=true --property print.key=true`
)

var errFormat = errors.New("a dump has the output of one of these two:\n  " + KcatCommand + "\n  " + ConsoleCommand)

// maxLine is the longest line of a dump.
const maxLine = 16 << 20

// OpenDump reads a file with the output of kcat or of the console consumer.
func OpenDump(path string, made time.Time) (*Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a dump: %w", err)
	}
	defer f.Close()
	p, err := ReadDump(f, made)
	if err != nil {
		return nil, fmt.Errorf("dump %s: %w", path, err)
	}
	return p, nil
}

// ReadDump makes a profile of the output of kcat or of the console consumer. The
// first line tells which. A last line without an end is left out, since it may have been cut.
func ReadDump(in io.Reader, made time.Time) (*Profile, error) {
	d := &dump{collector: NewCollector(), about: About{Made: made}}
	lines := bufio.NewReaderSize(in, 1<<20)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = d.addLine(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := d.addPending(); err != nil {
		return nil, err
	}
	d.about.Notes = append(d.about.Notes, "from a dump: a partition above the highest one with a record is not seen, and the window begins and ends with a record")
	return d.collector.Profile(d.about)
}

// readLine reads a line without its end. The bytes are valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull && len(long) <= maxLine {
			line, err = r.ReadSlice('\n')
			long = append(long, line...)
		}
		if line = long; err == bufio.ErrBufferFull {
			return nil, fmt.Errorf("longer than %d MiB", maxLine>>20)
		}
	}
	if err != nil {
		return nil, err // an end without a line feed too
	}
	return line[:len(line)-1], nil
}

// dump reads the lines of a file.
type dump struct {
	collector *Collector
	about     About
	parse     func([]byte) (Record, error)

	pending Record // pending may go on in the next line; its key is a copy
	waits   bool   // waits: there is a pending record.
}

// addLine adds the record of a line, or a line to the value of the last record.
func (d *dump) addLine(line []byte) error {
	if d.parse == nil {
		if err := d.detectFormat(line); err != nil {
			return err
		}
	}
	if d.about.Source == sourceConsole && d.waits && !startsRecord(line) {
		d.pending.Size += 1 + len(line) // a value with a line feed
		return nil
	}
	if err := d.addPending(); err != nil {
		return err
	}
	r, err := d.parse(line)
	if err != nil {
		return err
	}
	if r.Key != nil {
		r.Key = append([]byte{}, r.Key...)
	}
	d.pending, d.waits = r, true
	return nil
}

// addPending adds the last record.
func (d *dump) addPending() error {
	if !d.waits {
		return nil
	}
	d.waits = false
	return d.collector.Add(d.pending)
}

// Sources of a profile.
const (
	SourceTopic   = "topic"
	sourceKcat    = "kcat"
	sourceConsole = "console-consumer"
)

func (d *dump) detectFormat(line []byte) error {
	if startsRecord(line) {
		d.about.Source, d.parse = sourceConsole, parseConsoleLine
		return nil
	}
	if _, err := parseKcatLine(line); err == nil {
		d.about.Source, d.parse = sourceKcat, parseKcatLine
		return nil
	}
	return errFormat
}

// parseKcatLine reads time, partition, length and key between spaces.
func parseKcatLine(line []byte) (r Record, err error) {
	var numbers [3]int64
	rest := line
	for i := range numbers {
		field, after, ok := bytes.Cut(rest, []byte{' '})
		if numbers[i], err = strconv.ParseInt(string(field), 10, 64); err != nil || !ok {
			return r, fmt.Errorf("no time, partition, length and key between spaces: %w", errFormat)
		}
		rest = after
	}
	return newDumpRecord(numbers[0], numbers[1], numbers[2], rest, len(rest) == 0)
}

// newDumpRecord checks the fields of a line.
func newDumpRecord(millis, partition, size int64, key []byte, keyless bool) (r Record, err error) {
	switch {
	case millis <= 0:
		return r, errors.New("the record has no time")
	case partition < 0 || partition >= MaxPartitions:
		return r, fmt.Errorf("partition %d: want 0 to %d", partition, MaxPartitions-1)
	case size < -1 || size > maxSize:
		return r, fmt.Errorf("a value of %d bytes", size)
	}
	r = Record{Time: time.UnixMilli(millis), Partition: int(partition), Size: int(size)}
	if !keyless {
		r.Key = key
	}
	return r, nil
}

var (
	createTime  = []byte("CreateTime:")
	appendTime  = []byte("LogAppendTime:")
	noTimestamp = []byte("NO_TIMESTAMP")
)

// startsRecord reports whether a line of the console consumer begins a record.
func startsRecord(line []byte) bool {
	return bytes.HasPrefix(line, createTime) || bytes.HasPrefix(line, appendTime) || bytes.HasPrefix(line, noTimestamp)
}

// parseConsoleLine reads time, partition, key and value between tabs. An offset after the partition is
// allowed.
func parseConsoleLine(line []byte) (r Record, err error) {
	stamp, rest, _ := bytes.Cut(line, []byte{'\t'})
	if bytes.Equal(stamp, noTimestamp) {
		return r, errors.New("the record has no time")
	}
	_, digits, _ := bytes.Cut(stamp, []byte{':'})
	millis, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return r, fmt.Errorf("no time in ms: %w", errFormat)
	}
	field, rest, _ := bytes.Cut(rest, []byte{'\t'})
	digits, ok := bytes.CutPrefix(field, []byte("Partition:"))
	partition, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || !ok {
		return r, fmt.Errorf("no partition after the time: %w", errFormat)
	}
	if offset, after, ok := bytes.Cut(rest, []byte{'\t'}); ok && bytes.HasPrefix(offset, []byte("Offset:")) {
		rest = after
	}
	key, value, ok := bytes.Cut(rest, []byte{'\t'})
	if !ok || bytes.Equal(key, []byte("NO_HEADERS")) {
		return r, fmt.Errorf("no key and value after the partition: %w", errFormat)
	}
	size := int64(len(value))
	if bytes.Equal(value, []byte("null")) {
		size = -1
	}
	return newDumpRecord(millis, partition, size, key, bytes.Equal(key, []byte("null")))
}
