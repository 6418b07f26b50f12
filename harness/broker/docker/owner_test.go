package docker

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// running is a child process, and what is known of it.
func running(t *testing.T) (*exec.Cmd, process) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // "signal: killed"
	})
	p := thisProcess()
	p.PID = cmd.Process.Pid
	var err error
	if p.Start, err = processStart(p.PID); err != nil {
		t.Skip(err)
	}
	return cmd, p
}

// TestOnlySurelyDeadOwnersAreDead has processes that are alive, dead, and out of sight.
func TestOnlySurelyDeadOwnersAreDead(t *testing.T) {
	self := thisProcess()
	if self.Boot == "" {
		t.Skip("this platform does not identify processes")
	}
	_, alive := running(t)
	cmd, dead := running(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // "signal: killed"
	change := func(p process, change func(*process)) process { change(&p); return p }
	for _, c := range []struct {
		name    string
		process process
		want    bool
	}{
		{"this process", self, false},
		{"another that lives", alive, false},
		{"ended", dead, true},
		{"ended, and its number was used again", change(self, func(p *process) { p.Start = dead.Start }), true},
		{"of another machine", change(dead, func(p *process) { p.Boot = "other" }), false},
		{"of another container", change(dead, func(p *process) { p.Namespaces = "other" }), false},
		{"of a platform without identities", process{}, false},
	} {
		for _, self := range []process{self, {}} { // an empty self sees no process
			if got := parseProcess(c.process.label()).isDead(self); got != (c.want && self.Boot != "") {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	}
	if parseProcess("no process").isDead(self) {
		t.Error("a label without a process names a dead one")
	}
}

// TestZombieIsDead kills a process whose parent does not wait for it.
func TestZombieIsDead(t *testing.T) {
	cmd, p := running(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for !p.isDead(thisProcess()) {
		if time.Now().After(deadline) {
			t.Fatal("a killed process counts as alive until its parent notices")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestBootEndsOwners has what is left of earlier boots of the engine's machine.
func TestBootEndsOwners(t *testing.T) {
	self, now := process{Boot: "now", PID: os.Getpid()}, time.Now()
	for _, c := range []struct {
		name   string
		estate estate
		booted time.Time
		want   bool
	}{
		{"of an earlier boot", estate{process: process{Boot: "then"}, newest: now.Add(-time.Hour)}, now, true},
		{"of this boot", estate{process: process{Boot: "now"}, newest: now.Add(-time.Hour)}, now, false},
		{"created since, so by another machine", estate{process: process{Boot: "then"}, newest: now.Add(time.Hour)}, now, false},
		{"still in use", estate{process: process{Boot: "then"}, newest: now.Add(-time.Hour), running: true}, now, false},
		{"of an owner without identity", estate{newest: now.Add(-time.Hour)}, now, false},
		{"in an engine elsewhere", estate{process: process{Boot: "then"}, newest: now.Add(-time.Hour)}, time.Time{}, false},
	} {
		if got := c.estate.precedesBoot(self, c.booted); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
