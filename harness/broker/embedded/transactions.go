package embedded

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// transactions are the transactional ids: who has them, and whether a
// transaction is open.
type transactions struct {
	mu   sync.Mutex
	byID map[string]*transactor
}

type transactor struct {
	client string // client is who asked last.
	open   string // open is the client whose transaction has begun, "" for none.
}

// client is who has a transactional id.
func (t *transactions) client(id string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of(id).client
}

func (t *transactions) of(id string) *transactor {
	if t.byID == nil {
		t.byID = map[string]*transactor{}
	}
	if t.byID[id] == nil {
		t.byID[id] = &transactor{}
	}
	return t.byID[id]
}

// transactionOf is the transactional id that a request is for, and whether the
// request begins a transaction if there is none.
func transactionOf(req kmsg.Request) (id string, begins bool) {
	switch req := req.(type) {
	case *kmsg.InitProducerIDRequest:
		return orEmpty(req.TransactionalID), false
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

// asked notes who has a transactional id, before the broker gets the request.
func (t *transactions) asked(x *exchange) {
	id, _ := transactionOf(x.req)
	if id == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(id).client = x.client
}

// over returns the ends of transactions that an exchange means: one that was asked
// for, and the abort of an open one that a new owner of its id brings about.
func (t *transactions) over(x *exchange) (ends []harness.Transaction) {
	id, begins := transactionOf(x.req)
	if id == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of(id)
	switch resp := x.resp.(type) {
	case *kmsg.InitProducerIDResponse:
		if resp.ErrorCode == 0 && of.open != "" {
			ends = append(ends, harness.Transaction{At: x.at, ClientID: of.open, ID: id, Outcome: ledger.OutcomeCancelled})
			of.open = ""
		}
	case *kmsg.EndTxnResponse:
		if resp.ErrorCode == 0 {
			outcome := ledger.OutcomeCancelled
			if x.req.(*kmsg.EndTxnRequest).Commit {
				outcome = ledger.OutcomeConfirmed
			}
			ends = append(ends, harness.Transaction{At: x.at, ClientID: x.client, ID: id, Outcome: outcome})
			of.open = ""
		}
	case nil:
		if _, ok := x.req.(*kmsg.EndTxnRequest); ok {
			ends = append(ends, harness.Transaction{At: x.at, ClientID: x.client, ID: id, Outcome: ledger.OutcomeUnknown})
		}
	default:
		if begins {
			of.open = x.client
		}
	}
	return ends
}
