package wire

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// ReportRequest reports what the request of an exchange asks of a group, before the broker gets
// it: commits and members. The parameters are those of [ReportEvents].
func ReportRequest(x *Exchange, topicName func(topic string, id [16]byte) string, notify func(group string, call func(harness.GroupEvents))) {
	r := reporter{x, topicName, notify}
	r.reportCommits(false)
	r.reportJoin()
}

// CommitsIn returns the commits that a request asks for, transactional or not.
func CommitsIn(req kmsg.Request, topicName func(topic string, id [16]byte) string) (commits []harness.Commit) {
	add := func(of harness.Commit, partition int32, offset int64, metadata *string) {
		of.Partition, of.Offset, of.Metadata = partition, offset, valueOf(metadata)
		commits = append(commits, of)
	}
	switch req := req.(type) {
	case *kmsg.OffsetCommitRequest:
		of := harness.Commit{Group: req.Group, MemberID: req.MemberID, Generation: req.Generation}
		for _, t := range req.Topics {
			of.Topic = topicName(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				add(of, p.Partition, p.Offset, p.Metadata)
			}
		}
	case *kmsg.TxnOffsetCommitRequest:
		of := harness.Commit{Group: req.Group, MemberID: req.MemberID, Generation: req.Generation, Transactional: true}
		for _, t := range req.Topics {
			of.Topic = topicName(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				add(of, p.Partition, p.Offset, p.Metadata)
			}
		}
	}
	return commits
}

// reportCommits reports each commit of the request. ended: the exchange is over.
func (x *reporter) reportCommits(ended bool) {
	commits := CommitsIn(x.Request, x.topicName)
	if len(commits) == 0 {
		return
	}
	codes := commitCodes(x.Response, x.topicName)
	var producer int64
	if req, ok := x.Request.(*kmsg.TxnOffsetCommitRequest); ok {
		producer = req.ProducerID
	}
	for _, c := range commits {
		c.At, c.ClientID = x.At, x.Client
		r := harness.CommitRequest{ID: x.ID, Commit: c, ProducerID: producer, Ended: ended, AnsweredAt: x.AnsweredAt}
		code, answered := codes[partitionName{c.Topic, c.Partition}]
		switch {
		case !answered || isUndecided(code):
		case code == 0:
			r.Confirmed = true
		default:
			r.Refused, r.Code = true, code
		}
		x.notify(c.Group, func(see harness.GroupEvents) {
			if see.CommitRequest != nil {
				see.CommitRequest(r)
			}
		})
	}
}

// partitionName is a partition of a topic, by the topic's name.
type partitionName struct {
	topic     string
	partition int32
}

// commitCodes returns the error codes of a response to commits.
func commitCodes(resp kmsg.Response, topicName func(topic string, id [16]byte) string) map[partitionName]int16 {
	codes := map[partitionName]int16{}
	switch resp := resp.(type) {
	case *kmsg.OffsetCommitResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[partitionName{topicName(t.Topic, t.TopicID), p.Partition}] = p.ErrorCode
			}
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[partitionName{topicName(t.Topic, t.TopicID), p.Partition}] = p.ErrorCode
			}
		}
	}
	return codes
}

// isUndecided reports whether a commit with an error code may hold all the same: a coordinator
// answers so too if the commit was written and not replicated in time.
func isUndecided(code int16) bool {
	switch code {
	case kerr.RequestTimedOut.Code, kerr.CoordinatorLoadInProgress.Code, kerr.CoordinatorNotAvailable.Code, kerr.NotCoordinator.Code:
		return true
	}
	return false
}
