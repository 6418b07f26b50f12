package wire

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Transactions follows the transactional ids: the owner of each, and whether its
// transaction is open. The zero value has seen none. Safe for concurrent use.
type Transactions struct {
	mu   sync.Mutex
	byID map[string]*transactionalID
}

type transactionalID struct {
	owner  string // owner is the client of the last request.
	openBy string // openBy is the client whose transaction is open, "" for none.
}

// OwnerOf returns the client that uses a transactional id.
func (t *Transactions) OwnerOf(id string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entryOf(id).owner
}

func (t *Transactions) entryOf(id string) *transactionalID {
	if t.byID == nil {
		t.byID = map[string]*transactionalID{}
	}
	if t.byID[id] == nil {
		t.byID[id] = &transactionalID{}
	}
	return t.byID[id]
}

// transactionOf returns the transactional id of a request, and whether the
// request opens a transaction if there is none.
func transactionOf(req kmsg.Request) (id string, begins bool) {
	switch req := req.(type) {
	case *kmsg.InitProducerIDRequest:
		return valueOf(req.TransactionalID), false
	case *kmsg.AddPartitionsToTxnRequest:
		return req.TransactionalID, true
	case *kmsg.AddOffsetsToTxnRequest:
		return req.TransactionalID, true
	case *kmsg.TxnOffsetCommitRequest:
		return req.TransactionalID, true
	case *kmsg.EndTxnRequest:
		return req.TransactionalID, false
	}
	return "", false
}

// NoteOwner records the owner of a transactional id before the broker gets the
// request.
func (t *Transactions) NoteOwner(x *Exchange) {
	id, _ := transactionOf(x.Request)
	if id == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entryOf(id).owner = x.Client
}

// EndedBy returns the transactions that an exchange ended: by EndTxn, or by the
// InitProducerID of a new owner, which aborts an open transaction.
func (t *Transactions) EndedBy(x *Exchange) (ends []harness.Transaction) {
	id, begins := transactionOf(x.Request)
	if id == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.entryOf(id)
	switch resp := x.Response.(type) {
	case *kmsg.InitProducerIDResponse:
		if resp.ErrorCode == 0 && of.openBy != "" {
			ends = append(ends, harness.Transaction{At: x.At, ClientID: of.openBy, ID: id, ProducerID: resp.ProducerID, Outcome: ledger.OutcomeCancelled})
			of.openBy = ""
		}
	case *kmsg.EndTxnResponse:
		if resp.ErrorCode == 0 {
			outcome := ledger.OutcomeCancelled
			req := x.Request.(*kmsg.EndTxnRequest)
			if req.Commit {
				outcome = ledger.OutcomeConfirmed
			}
			ends = append(ends, harness.Transaction{At: x.At, ClientID: x.Client, ID: id, ProducerID: req.ProducerID, Outcome: outcome})
			of.openBy = ""
		}
	case nil:
		if req, ok := x.Request.(*kmsg.EndTxnRequest); ok {
			ends = append(ends, harness.Transaction{At: x.At, ClientID: x.Client, ID: id, ProducerID: req.ProducerID, Outcome: ledger.OutcomeUnknown})
		}
	default:
		if begins {
			of.openBy = x.Client
		}
	}
	return ends
}
