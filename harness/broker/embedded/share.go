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

// sweepsPerLock is how often kfake checks for expired locks within the duration
// of one lock. A lock lasts at most that fraction longer.
const sweepsPerLock = 20

// ConfigureShareGroup sets how long a share group locks a delivered record, and
// how often it delivers a record at most. The group begins at the start of the
// log. kfake has one value of each for all groups.
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
	client, err := kgo.NewClient(kgo.SeedBrokers(c.livingNodes()[0].port.addr), kgo.Dialer(c.network.base.Dial), kgo.AlwaysRetryEOF())
	if err != nil {
		return fmt.Errorf("configure share group %s: %w", group, err)
	}
	defer client.Close()
	var configs []kadm.AlterConfig
	for name, value := range map[string]string{
		"group.share.record.lock.duration.ms": millis(lock), "group.share.delivery.count.limit": strconv.Itoa(deliveries),
		"share.record.lock.sweep.interval.ms": millis(lock / sweepsPerLock),
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
