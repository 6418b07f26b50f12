package launcher

import (
	"bytes"
	"fmt"
	"os"
)

// readProcess returns the name of a process, and its parent.
func readProcess(id int) (name string, parent int, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return "", 0, fmt.Errorf("read process %d: %w", id, err)
	}
	// The name, in parentheses, may hold anything.
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return "", 0, fmt.Errorf("read process %d: %q", id, stat)
	}
	var state byte
	if _, err := fmt.Fscanf(bytes.NewReader(stat[to+1:]), " %c %d", &state, &parent); err != nil {
		return "", 0, fmt.Errorf("read process %d: %w", id, err)
	}
	return string(stat[from+1 : to]), parent, nil
}
