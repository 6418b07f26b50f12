package docker

import (
	"encoding/json"
	"errors"
	"os"
)

// process tells a process from every other one, in a label of a container.
type process struct {
	Boot       string `json:"boot"`       // Boot is the start of the kernel that the process runs on.
	Namespaces string `json:"namespaces"` // Namespaces have the number and the clock of the process.
	PID        int    `json:"pid"`
	Start      string `json:"start"` // Start is the time of its start. A later process with the same number has another.
}

// errNoProcess is the error of a process that does not exist, or has ended.
var errNoProcess = errors.New("no such process")

// thisProcess returns this process. On a platform that does not tell enough it is
// empty, and then is never taken for dead.
func thisProcess() process {
	p := process{PID: os.Getpid()}
	var err error
	if p.Boot, p.Namespaces, err = identifyKernel(); err != nil {
		return process{}
	}
	if p.Start, err = processStart(p.PID); err != nil {
		return process{}
	}
	return p
}

// parseProcess reads a label. A text that is none gives an empty process.
func parseProcess(label string) (p process) {
	if json.Unmarshal([]byte(label), &p) != nil {
		return process{}
	}
	return p
}

// label is the process as text.
func (p process) label() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // strings and a number always are JSON
	}
	return string(text)
}

// isDead reports whether the process has surely ended. A process of another machine,
// or of a container with processes of its own, is out of sight of self.
func (p process) isDead(self process) bool {
	if p.Boot == "" || p.Boot != self.Boot || p.Namespaces != self.Namespaces {
		return false
	}
	start, err := processStart(p.PID)
	if err != nil {
		return errors.Is(err, errNoProcess)
	}
	return start != p.Start
}
