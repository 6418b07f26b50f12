package group

import "github.com/twmb/franz-go/pkg/kgo"

// Task is one record accepted under an assignment. It is a value of three words.
//
//	if t.Start() {
//		err := work(t.Assignment.Context(), t.Record)
//		t.Finish(err == nil)
//	}
type Task struct {
	Record     *kgo.Record
	Assignment *Assignment
	seq        uint64
}

// Start asks to begin the work on the record. If it reports false the caller drops the
// record: the assignment has ended, and the next owner of the partition gets it.
func (t Task) Start() bool { return t.Assignment.startRecord(t.seq) }

// Finish must follow each Start that reports true. completed says that the work is done;
// without it the record stays outstanding and may start again.
func (t Task) Finish(completed bool) { t.Assignment.finishRecord(t.seq, completed) }
