package load

import (
	"context"
	"errors"

	"github.com/stampede-bench/stampede/harness"
)

// Kill implements [harness.ProducerControl]. The client closes its connections and gives up
// all records that it has. The broker may have appended any of them.
func (p *Producer) Kill(context.Context) error {
	client := p.client.Swap(nil)
	if client == nil {
		return errors.New("the producer does not run")
	}
	client.Close()
	return nil
}

// LeaveLog ends the client once each record that it has got its outcome. What is sent after the
// next Start is for the next log, see [ledger.Identity].
func (p *Producer) LeaveLog(ctx context.Context) error {
	client := p.client.Swap(nil)
	if client == nil {
		return errors.New("the producer does not run")
	}
	defer client.Close()
	err := client.Flush(ctx)
	p.log.Add(1)
	return err
}

// Start implements [harness.ProducerControl]. The new client has a producer id of its own. It
// connects when it sends, so that it starts while a broker is down.
func (p *Producer) Start(context.Context) error {
	if p.Running() {
		return nil
	}
	client, err := p.newClient()
	if err != nil {
		return err
	}
	p.client.Store(client)
	return nil
}

// Running implements [harness.ProducerControl].
func (p *Producer) Running() bool { return p.client.Load() != nil }

var _ harness.ProducerControl = (*Producer)(nil)
