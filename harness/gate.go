package harness

import "context"

// Gate is called before each call of the work. An error takes the call's place.
// leave, unless it is nil, is called with the result of the call.
type Gate func(ctx context.Context) (leave func(error), err error)

// GateWork is w behind a gate. It has the abilities that w has: [BatchWork] and
// [PreparedWork]. It adds no allocation to a call.
func GateWork(w Work, gate Gate) Work {
	do := gatedWork{w, gate}
	b, isBatch := w.(BatchWork)
	p, isPrepared := w.(PreparedWork)
	switch {
	case isBatch && isPrepared:
		return struct {
			gatedWork
			gatedBatch
			gatedPrepare
		}{do, gatedBatch{b, gate}, gatedPrepare{p, gate}}
	case isBatch:
		return struct {
			gatedWork
			gatedBatch
		}{do, gatedBatch{b, gate}}
	case isPrepared:
		return struct {
			gatedWork
			gatedPrepare
		}{do, gatedPrepare{p, gate}}
	}
	return do
}

type gatedWork struct {
	work Work
	gate Gate
}

func (w gatedWork) Do(ctx context.Context, r *Record) (err error) {
	leave, err := w.gate(ctx)
	if err != nil {
		return err
	}
	if leave != nil {
		defer func() { leave(err) }()
	}
	return w.work.Do(ctx, r)
}

type gatedBatch struct {
	work BatchWork
	gate Gate
}

func (w gatedBatch) DoBatch(ctx context.Context, records []Record) (err error) {
	leave, err := w.gate(ctx)
	if err != nil {
		return err
	}
	if leave != nil {
		defer func() { leave(err) }()
	}
	return w.work.DoBatch(ctx, records)
}

type gatedPrepare struct {
	work PreparedWork
	gate Gate
}

func (w gatedPrepare) Prepare(ctx context.Context, r *Record) (err error) {
	leave, err := w.gate(ctx)
	if err != nil {
		return err
	}
	if leave != nil {
		defer func() { leave(err) }()
	}
	return w.work.Prepare(ctx, r)
}
