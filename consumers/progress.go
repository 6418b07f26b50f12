package consumers

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// progress is what an assignment of a consumer that keeps its finished offsets in
// its commits knows of them: those of the owner before, which it does not work on
// again, and those it hands on with each commit of its own. It belongs to an
// assignment and is under its lock.
//
// The offsets handed on are all of one leader epoch, the newest. Of records that
// finished under the leader before, which are few and in the window only for a
// moment, the next owner repeats what lies above the commit.
type progress struct {
	log  logID
	told kgo.EpochOffset // told is the commit of the owner before, below 0 if there is none
	text string          // text is what came with it, until the log is known

	runs  []run // runs of the owner before, in the epoch below
	epoch int32
	first int64 // first offset taken, -1 before
	last  int64 // last is the highest offset taken
	cut   bool  // cut: the last text had no room for all
}

func newProgress(partition int32) *progress {
	return &progress{log: logID{partition: partition}, told: kgo.EpochOffset{Epoch: -1, Offset: -1}, epoch: -1, first: -1, last: -1}
}

// tell has the commit of the owner before. It counts as long as nothing was taken.
func (p *progress) tell(commit kgo.EpochOffset, metadata string) {
	if p.first < 0 {
		p.told, p.text = commit, ofMember(metadata)
	}
}

// begin is told before records are taken: of which incarnation of the topic they
// are, from where on, and where the log ends.
func (p *progress) begin(topic [16]byte, first, end int64) {
	if p.first >= 0 {
		return
	}
	p.first, p.log.topic = first, topic
	if p.text != "" && p.known() && p.told.Offset >= 0 && first >= p.told.Offset {
		p.runs, p.epoch = decodeFinished(p.text, topic, p.log.partition, p.told.Offset, end)
	}
	p.text = ""
}

// known says that the broker names topics by an id; without it there is no telling
// two of one name apart, and nothing is kept.
func (p *progress) known() bool { return p.log.topic != [16]byte{} }

// take notes that a record was taken and reports whether it was finished before.
func (p *progress) take(offset int64, epoch int32) (finished bool) {
	p.last = max(p.last, offset)
	return len(p.runs) > 0 && epoch == p.epoch && within(p.runs, offset)
}

// handOn is the commit to make of a watermark and the text to go with it, in room
// characters.
func (p *progress) handOn(w *watermark, room int) (at kgo.EpochOffset, text string, ok bool) {
	at, ok = w.commit()
	if !ok && p.first >= 0 { // nothing is under the watermark yet
		if at = p.told; at.Offset < 0 || p.first < at.Offset {
			at = kgo.EpochOffset{Epoch: -1, Offset: p.first}
		}
	}
	if p.first < 0 || !p.known() {
		return at, "", ok
	}
	log := p.log
	var runs []run
	runs, log.epoch = p.finished(w, at.Offset)
	text = encodeFinished(log, at.Offset, runs, room)
	p.cut = len(text) > room*9/10 // it may not fit the next time
	return at, text, ok || text != ""
}

// finished are the offsets above base that are finished, of the newest epoch of
// which there are any.
func (p *progress) finished(w *watermark, base int64) (runs []run, epoch int32) {
	var ahead []run // ahead was finished by the owner before and is not taken yet
	for _, r := range p.runs {
		if r.from = max(r.from, p.last+1, base); r.from < r.to {
			ahead = append(ahead, r)
		}
	}
	epoch = w.newest()
	if len(ahead) > 0 {
		epoch = p.epoch
	}
	runs = w.finished(runs, base, epoch)
	for _, r := range ahead {
		if n := len(runs); n > 0 && runs[n-1].to == r.from {
			runs[n-1].to = r.to
			continue
		}
		runs = append(runs, r)
	}
	return runs, epoch
}

// newest is the leader epoch of the newest record above the watermark that is finished, -1
// without one.
func (w *watermark) newest() int32 {
	for seq := w.high; seq > w.low; seq-- {
		if t := &w.ring[(seq-1)&uint64(len(w.ring)-1)]; t.finished {
			return t.epoch
		}
	}
	return -1
}

// finished appends the offsets from base on that are finished above the watermark, of one
// epoch. Where the client went back in the log it ends: what lies there twice may be
// finished once.
func (w *watermark) finished(runs []run, base int64, epoch int32) []run {
	before := base - 1
	for seq := w.low; seq < w.high; seq++ {
		t := &w.ring[seq&uint64(len(w.ring)-1)]
		if t.offset <= before {
			break
		}
		before = t.offset
		if t.finished && t.epoch == epoch {
			runs = with(runs, t.offset)
		}
	}
	return runs
}
