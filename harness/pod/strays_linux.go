package pod

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// markProcess marks this process and all that it starts. Where the system forbids it,
// the process group is all that the harness can end.
func markProcess(m mark) {
	if m == 0 {
		return
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_LOCKS, &limit) == nil {
		limit.Cur = uint64(m)
		_ = unix.Setrlimit(unix.RLIMIT_LOCKS, &limit)
	}
}

// findMarked finds the living processes with a mark that fits, in our namespace of
// process ids: elsewhere the number of a harness means another process.
func findMarked(fits func(mark) bool) (found []stray) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil || !seesOwnProc() {
		return nil
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if m, ok := readMark(pid); !ok || !fits(m) || pid == os.Getpid() {
			continue
		} else if its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); err != nil || its != namespace {
			continue
		} else if _, alive := readStartTime(pid); alive {
			found = append(found, stray{pid, m})
		}
	}
	return found
}

// seesOwnProc reports whether /proc has the process ids of this process's namespace. After
// unshare without --mount-proc it has others.
func seesOwnProc() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// readMark is the mark of a process. It has none if ok is false.
func readMark(pid int) (m mark, ok bool) {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, false
	}
	_, line, found := bytes.Cut(limits, []byte("\nMax file locks"))
	if !found {
		return 0, false
	}
	soft, _, _ := bytes.Cut(bytes.TrimLeft(line, " "), []byte(" "))
	n, err := strconv.ParseUint(string(soft), 10, 64)
	return mark(n), err == nil && n>>62 == markBit>>62 && n != math.MaxInt64 // which others set for "no limit"
}

// readStartTime is when a process started, in ticks since the start of the system. It
// returns false for a process that has ended.
func readStartTime(pid int) (ticks uint64, alive bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name, in parentheses, may hold anything. The state is the 3rd field, the start
	// time the 22nd.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, err == nil
}

// readCommand is the command line of a process, cut if it is long.
func readCommand(pid int) string {
	const most = 100
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(raw) == 0 {
		return "its command is unknown"
	}
	line := strings.ReplaceAll(strings.TrimRight(string(raw), "\x00"), "\x00", " ")
	if len(line) > most {
		line = line[:most] + "..."
	}
	return strings.ToValidUTF8(line, "?")
}
