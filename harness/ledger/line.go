package ledger

import (
	"fmt"
	"time"
)

// Line is a line that a consumer logged. Times count from the run's start.
type Line struct {
	At      time.Duration
	Owner   Owner
	Text    string // Text is empty where lines were dropped and no other one followed.
	Dropped uint32 // Dropped is how many lines its owner had to drop until then.
}

// ReadLines are the lines in the journal at path, in the order in which they were
// written, of a run that started at epoch.
func ReadLines(path string, epoch int64) (lines []Line, err error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	open := false // open: a text would belong to the last line
	err = r.Blocks(func(slots []Slot) {
		for i := range slots {
			s := &slots[i]
			switch kind := s.Kind(); {
			case kind == KindLine:
				lines = append(lines, Line{At: sinceEpoch(epoch, s.At()), Owner: s.Owner(), Dropped: s.seq})
				open = true
			case kind == KindText && open:
				last := &lines[len(lines)-1]
				last.Text = string(s.AppendText([]byte(last.Text)))
			default:
				open = false
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	return lines, nil
}
