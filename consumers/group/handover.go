package group

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// handover is what an assignment of a consumer that keeps its finished offsets in
// its commits knows of them: those of the owner before, which it does not work on
// again, and those it hands on with each commit of its own. It belongs to an
// assignment and is under its lock.
//
// The offsets handed on are all of one leader epoch, the newest. Of records that
// finished under the leader before, which are few and in the window only for a
// moment, the next owner repeats what lies above the commit.
type handover struct {
	log      logID
	previous kgo.EpochOffset // previous is the commit of the owner before, below 0 if there is none
	text     string          // text is what came with it, until the log is known

	runs      []offsetRange // runs of the owner before, in the epoch below
	epoch     int32
	first     int64 // first offset taken, -1 before
	last      int64 // last is the highest offset taken
	truncated bool  // truncated: the last text had no room for all
}

func newHandover(partition int32) *handover {
	return &handover{log: logID{partition: partition}, previous: kgo.EpochOffset{Epoch: -1, Offset: -1}, epoch: -1, first: -1, last: -1}
}

// setPrevious has the commit of the owner before. It counts as long as nothing was taken.
func (p *handover) setPrevious(commit kgo.EpochOffset, metadata string) {
	if p.first < 0 {
		p.previous, p.text = commit, cutMemberID(metadata)
	}
}

// startAt is told before records are taken: of which incarnation of the topic they
// are, from where on, and where the log ends.
func (p *handover) startAt(topic [16]byte, first, end int64) {
	if p.first >= 0 {
		return
	}
	p.first, p.log.topic = first, topic
	if p.text != "" && p.hasTopicID() && p.previous.Offset >= 0 && first >= p.previous.Offset {
		p.runs, p.epoch = decodeOffsets(p.text, topic, p.log.partition, p.previous.Offset, end)
	}
	p.text = ""
}

// hasTopicID says that the broker names topics by an id; without it there is no telling
// two of one name apart, and nothing is kept.
func (p *handover) hasTopicID() bool { return p.log.topic != [16]byte{} }

// noteAccepted notes that a record was taken and reports whether it was finished before.
func (p *handover) noteAccepted(offset int64, epoch int32) (finished bool) {
	p.last = max(p.last, offset)
	return len(p.runs) > 0 && epoch == p.epoch && containsOffset(p.runs, offset)
}

// nextCommit is the commit to make of a watermark and the text to go with it, in room
// characters.
func (p *handover) nextCommit(w *Watermark, room int) (at kgo.EpochOffset, text string, ok bool) {
	at, ok = w.Offset()
	if !ok && p.first >= 0 { // nothing is under the watermark yet
		if at = p.previous; at.Offset < 0 || p.first < at.Offset {
			at = kgo.EpochOffset{Epoch: -1, Offset: p.first}
		}
	}
	if p.first < 0 || !p.hasTopicID() {
		return at, "", ok
	}
	log := p.log
	var runs []offsetRange
	runs, log.epoch = p.completedAbove(w, at.Offset)
	text = encodeOffsets(log, at.Offset, runs, room)
	p.truncated = len(text) > room*9/10 // it may not fit the next time
	return at, text, ok || text != ""
}

// completedAbove are the offsets above base that are finished, of the newest epoch of
// which there are any.
func (p *handover) completedAbove(w *Watermark, base int64) (runs []offsetRange, epoch int32) {
	var ahead []offsetRange // ahead was finished by the owner before and is not taken yet
	for _, r := range p.runs {
		if r.from = max(r.from, p.last+1, base); r.from < r.to {
			ahead = append(ahead, r)
		}
	}
	epoch = w.newestCompletedEpoch()
	if len(ahead) > 0 {
		epoch = p.epoch
	}
	runs = w.appendCompleted(runs, base, epoch)
	for _, r := range ahead {
		if n := len(runs); n > 0 && runs[n-1].to == r.from {
			runs[n-1].to = r.to
			continue
		}
		runs = append(runs, r)
	}
	return runs, epoch
}

// newestCompletedEpoch is the leader epoch of the newest record above the watermark that is finished, -1
// without one.
func (w *Watermark) newestCompletedEpoch() int32 {
	for seq := w.high; seq > w.low; seq-- {
		if t := &w.ring[(seq-1)&uint64(len(w.ring)-1)]; t.completed {
			return t.epoch
		}
	}
	return -1
}

// appendCompleted appends the offsets from base on that are finished above the watermark, of one
// epoch. Where the client went back in the log it ends: what lies there twice may be
// finished once.
func (w *Watermark) appendCompleted(runs []offsetRange, base int64, epoch int32) []offsetRange {
	before := base - 1
	for seq := w.low; seq < w.high; seq++ {
		t := &w.ring[seq&uint64(len(w.ring)-1)]
		if t.offset <= before {
			break
		}
		before = t.offset
		if t.completed && t.epoch == epoch {
			runs = appendOffset(runs, t.offset)
		}
	}
	return runs
}
