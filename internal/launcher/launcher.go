// Package launcher notices when a command that launched this process has ended.
//
// A process outlives a go test or a make that was killed, and nothing tells it. So this
// package looks at the ancestors at the start: the go command, above it the make whose
// recipe it belongs to, and so on. All of these wait for their child. If one of them
// has ended, it was killed, and no command waits for the result any more.
//
// All other ancestors may end as they like: a shell, a terminal, nohup, a service
// manager. So a binary that a user starts directly ends with no other process.
package launcher

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// pollInterval is how often the ancestors are looked at.
const pollInterval = 500 * time.Millisecond

// command is a process among the ancestors.
type command struct {
	id   int
	name string
}

// EndedError says which launcher has ended.
type EndedError struct{ ended command }

// Error implements error.
func (e EndedError) Error() string {
	return fmt.Sprintf("%s (process %d), which launched it, has ended", e.ended.name, e.ended.id)
}

// WithEnd is ctx, which ends also when a launcher of this process ends. Its cause is an
// [EndedError] then. Call it early: a launcher that has ended before is not known.
func WithEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	launchers := selectLaunchers(ancestors())
	within, end := context.WithCancelCause(ctx)
	if len(launchers) > 0 {
		go func() {
			if ended, ok := awaitEnd(within, launchers); ok {
				end(EndedError{ended})
			}
		}()
	}
	return within, func() { end(context.Canceled) }
}

// Commands that wait for the process that they launch. One name is of our own tests.
var (
	makes  = []string{"make", "gmake"}
	waits  = append(makes, "go", "runtests")
	shells = []string{"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh"}
)

// selectLaunchers returns the ancestors that wait for this process, the parent first.
// The shell of a recipe is one of them, and an interactive one is not.
func selectLaunchers(ancestors []command) []command {
	n := 0
	for i, a := range ancestors {
		isRecipe := i+1 < len(ancestors) && slices.Contains(shells, a.name) && slices.Contains(makes, ancestors[i+1].name)
		switch {
		case slices.Contains(waits, a.name):
			n = i + 1
		case !isRecipe:
			return ancestors[:n]
		}
	}
	return ancestors[:n]
}

// ancestors are the parent of this process, its parent, and so on, as far as the system
// tells.
func ancestors() (list []command) {
	const most = 20
	for id := os.Getppid(); id > 1 && len(list) < most; {
		name, parent, err := readProcess(id)
		if err != nil {
			break
		}
		list = append(list, command{id, name})
		id = parent
	}
	return list
}

// awaitEnd returns the first of the launchers that has ended. It returns false if ctx
// ends first.
func awaitEnd(ctx context.Context, launchers []command) (command, bool) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		if ended, ok := findEnded(launchers); ok {
			return ended, true
		}
		select {
		case <-ctx.Done():
			return command{}, false
		case <-poll.C:
		}
	}
}

// findEnded finds a launcher that has ended: its child has another parent then. The
// number of the process may be in use again. A process that cannot be read proves
// nothing: if it has ended, the next poll finds that its child has another parent.
func findEnded(launchers []command) (command, bool) {
	parent := os.Getppid()
	for _, l := range launchers {
		if parent != l.id {
			return l, true
		}
		var err error
		if _, parent, err = readProcess(l.id); err != nil {
			return command{}, false
		}
	}
	return command{}, false
}
