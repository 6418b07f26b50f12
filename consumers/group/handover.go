package group

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// handover is what an assignment knows of completed offsets, where commits carry them:
// those of the previous owner, which it does not work on again, and those that it
// hands over with each commit. It is under the assignment's lock.
//
// All offsets handed over are of one leader epoch, the newest. Few records of an older
// epoch are in the window, and only for a moment. Of those, the next owner repeats what
// lies above the commit.
type handover struct {
	log      logID
	previous kgo.EpochOffset // previous is the commit of the previous owner, below 0 if there is none
	text     string          // text is the metadata of that commit, until the log is known

	runs      []offsetRange // runs were completed by the previous owner, in the epoch below
	epoch     int32
	first     int64 // first is the first offset accepted, -1 before
	last      int64 // last is the highest offset accepted
	truncated bool  // truncated: the last metadata had no room for all
}

func newHandover(partition int32) *handover {
	return &handover{log: logID{partition: partition}, previous: kgo.EpochOffset{Epoch: -1, Offset: -1}, epoch: -1, first: -1, last: -1}
}

// setPrevious remembers the commit of the previous owner, unless records were accepted.
func (h *handover) setPrevious(commit kgo.EpochOffset, metadata string) {
	if h.first < 0 {
		h.previous, h.text = commit, cutMemberID(metadata)
	}
}

// startAt is called before records are accepted: with the id of their topic, the first
// offset, and the end of the log.
func (h *handover) startAt(topic [16]byte, first, end int64) {
	if h.first >= 0 {
		return
	}
	h.first, h.log.topic = first, topic
	if h.text != "" && h.hasTopicID() && h.previous.Offset >= 0 && first >= h.previous.Offset {
		h.runs, h.epoch = decodeOffsets(h.text, topic, h.log.partition, h.previous.Offset, end)
	}
	h.text = ""
}

// hasTopicID reports whether the broker names topics by ids. Without an id a topic that
// was deleted and created again looks like the old one, and nothing is handed over.
func (h *handover) hasTopicID() bool { return h.log.topic != [16]byte{} }

// noteAccepted notes that a record was accepted, and reports whether the previous owner
// completed it.
func (h *handover) noteAccepted(offset int64, epoch int32) (completed bool) {
	h.last = max(h.last, offset)
	return len(h.runs) > 0 && epoch == h.epoch && containsOffset(h.runs, offset)
}

// nextCommit is the offset to commit and its metadata, of at most room characters.
func (h *handover) nextCommit(w *Watermark, room int) (at kgo.EpochOffset, text string, ok bool) {
	at, ok = w.Offset()
	if !ok && h.first >= 0 { // nothing is below the watermark yet
		if at = h.previous; at.Offset < 0 || h.first < at.Offset {
			at = kgo.EpochOffset{Epoch: -1, Offset: h.first}
		}
	}
	if h.first < 0 || !h.hasTopicID() {
		return at, "", ok
	}
	log := h.log
	var runs []offsetRange
	runs, log.epoch = h.completedAbove(w, at.Offset)
	text = encodeOffsets(log, at.Offset, runs, room)
	h.truncated = len(text) > room*9/10 // the next text may not fit
	return at, text, ok || text != ""
}

// completedAbove are the completed offsets above base, of the newest epoch with any.
func (h *handover) completedAbove(w *Watermark, base int64) (runs []offsetRange, epoch int32) {
	var ahead []offsetRange // ahead was completed by the previous owner and is not accepted yet
	for _, r := range h.runs {
		if r.from = max(r.from, h.last+1, base); r.from < r.to {
			ahead = append(ahead, r)
		}
	}
	epoch = w.newestCompletedEpoch()
	if len(ahead) > 0 {
		epoch = h.epoch
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
