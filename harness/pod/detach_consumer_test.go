package pod_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/stampede-bench/stampede/harness"
)

// detached is how a child leaves its pod. Each command prints the process id of the child.
var detached = map[string]*exec.Cmd{
	"group":    exec.Command("sh", "-c", "echo $$; exec sleep 3600"),
	"session":  exec.Command("setsid", "sh", "-c", "echo $$; exec sleep 3600"),
	"daemon":   exec.Command("setsid", "sh", "-c", "sleep 3600 > /dev/null & echo $!"),
	"stripped": exec.Command("setsid", "env", "-i", "sh", "-c", "sleep 3600 > /dev/null & echo $!"),
}

// startDetached starts a child of each kind, and writes its process id to KIND.pid.
func startDetached(cfg harness.Config) error {
	for kind, cmd := range detached {
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return err
		}
		path := filepath.Join(cfg.Knobs["dir"], kind+".pid")
		if err := os.WriteFile(path+".new", []byte(line), 0o644); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}

// detachChildren starts children and waits for the end.
func detachChildren(ctx context.Context, cfg harness.Config, _ harness.Work) error {
	if err := startDetached(cfg); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
