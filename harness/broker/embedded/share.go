package embedded

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sweeps is how many times within the duration of a lock kfake looks for locks
// that have expired: one lasts that much longer at most.
const sweeps = 20

// ConfigureShareGroup sets how long a share group locks what it hands out, and
// how often it hands a record out at most. It begins at the start of the log. kfake
// has the two for all groups together.
func (c *Cluster) ConfigureShareGroup(ctx context.Context, group string, lock time.Duration, deliveries int) error {
	done, err := c.use()
	if err != nil {
		return fmt.Errorf("configure share group %s: %w", group, err)
	}
	defer done()
	millis := func(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }
	c.kfake.SetGroupConfigs(group, map[string]string{
		"share.auto.offset.reset": "earliest", "share.record.lock.duration.ms": millis(lock), "share.delivery.count.limit": strconv.Itoa(deliveries),
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(c.living()[0].port.addr), kgo.Dialer(c.network.on.Dial), kgo.AlwaysRetryEOF())
	if err != nil {
		return fmt.Errorf("configure share group %s: %w", group, err)
	}
	defer client.Close()
	var configs []kadm.AlterConfig
	for name, value := range map[string]string{
		"group.share.record.lock.duration.ms": millis(lock), "group.share.delivery.count.limit": strconv.Itoa(deliveries),
		"share.record.lock.sweep.interval.ms": millis(lock / sweeps),
	} {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	altered, err := kadm.NewClient(client).AlterBrokerConfigs(ctx, configs)
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		return fmt.Errorf("configure share group %s: %w", group, err)
	}
	return nil
}
