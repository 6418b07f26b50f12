package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// ReportEvents reports what an exchange shows of a group: rewinds, acquisitions and
// acknowledgements. topicName is the name of a topic by its name, or by its id where the
// request has no name. notify passes an event on to the observers of a group.
func ReportEvents(x *Exchange, topicName func(topic string, id [16]byte) string, notify func(group string, call func(harness.GroupEvents))) {
	r := reporter{x, topicName, notify}
	switch req := x.Request.(type) {
	case *kmsg.OffsetFetchRequest:
		r.reportRewinds(req)
	case *kmsg.ShareFetchRequest:
		r.reportAcks(valueOf(req.GroupID), ackRangesIn(req))
		r.reportAcquisitions(valueOf(req.GroupID))
	case *kmsg.ShareAcknowledgeRequest:
		r.reportAcks(valueOf(req.GroupID), ackRangesIn(req))
	}
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// reporter reports one exchange.
type reporter struct {
	*Exchange
	topicName func(topic string, id [16]byte) string
	notify    func(group string, call func(harness.GroupEvents))
}
