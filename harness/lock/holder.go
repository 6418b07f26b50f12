package lock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/plain"
)

// readInode returns the inode of an open file, 0 if it is not known.
func readInode(f *os.File) uint64 {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return 0
	}
	return stat.Ino
}

// describeHolder names the process that holds the lock on the file of an inode, if
// /proc knows it.
func describeHolder(of uint64) string {
	const unknown = "of an unknown process"
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return unknown
	}
	inode := fmt.Sprintf(":%d", of)
	for line := range strings.Lines(string(locks)) {
		w := strings.Fields(line) // number, FLOCK, ADVISORY, WRITE, process, device:inode, ...; a waiting process has -> after the number
		if len(w) < 6 || w[1] != "FLOCK" || !strings.HasSuffix(w[5], inode) {
			continue
		}
		command, err := os.ReadFile(filepath.Join("/proc", w[4], "cmdline"))
		if err != nil {
			return "process " + w[4]
		}
		return fmt.Sprintf("process %s: %s", w[4], shortenCommand(string(command)))
	}
	return unknown
}

// shortenCommand is a command line without the folder of its program and without the
// flags that go test adds. It cuts a long line.
func shortenCommand(command string) string {
	const most = 100
	words := strings.Split(strings.TrimRight(command, "\x00"), "\x00")
	kept := []string{filepath.Base(words[0])}
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-test.") || strings.HasPrefix(w, "-test.run=") {
			kept = append(kept, w)
		}
	}
	s := strings.Join(kept, " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return plain.Line(s)
}
