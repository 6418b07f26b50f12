package harness

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Protocol is the group protocol that a consumer joins with.
type Protocol string

// The group protocols, as they follow the @ in a consumer's name.
const (
	Eager       Protocol = "eager"       // classic, range assignor: each rebalance revokes all partitions
	Cooperative Protocol = "cooperative" // classic, cooperative-sticky: a rebalance revokes what moves
	Server      Protocol = "848"         // KIP-848: the broker assigns
	Static      Protocol = "static"      // cooperative, each pod a static member (KIP-345) under [Config.InstanceID]
)

// Protocols lists the group protocols, the default first.
var Protocols = []Protocol{Cooperative, Eager, Server, Static}

// Config is what the harness gives a consumer. It is the same for all consumers
// of a comparison, except for the knobs that each declares, and the report
// prints it.
type Config struct {
	Seeds  []string                                                          `json:"seeds"` // Seeds are the bootstrap brokers, host:port.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error) `json:"-"`     // Dialer is nil for the ordinary network.

	// Log takes what the consumer has to say, such as why a commit failed. Its lines stand
	// in the stories of the report at their time. Debug lines are left out. A line is cut
	// after 400 bytes, and lines that come too fast are dropped and counted. Log is nil
	// outside of a run: see [Config.Logger].
	Log *slog.Logger `json:"-"`

	// Polled is to be called with each range of offsets, [from, to), that a poll of the client
	// returns. The report then tells the wait for the fetch from the wait in the consumer. It is nil
	// outside of a run, and safe for many goroutines. A consumer need not call it.
	Polled func(topic string, partition int32, from, to int64) `json:"-"`

	Topic      string            `json:"topic"`                 // Topic is the source.
	SideTopics map[string]string `json:"side_topics,omitempty"` // SideTopics has the names of the side topics by [SideTopic.Name].
	Group      string            `json:"group"`                 // Group is the consumer group; names of further groups begin with it.

	// Partitions is the largest number of source partitions that a pod gets in an
	// even assignment. 0 if it is not known.
	Partitions int `json:"partitions"`

	Pod         string `json:"pod"`         // Pod is the name of the pod, equal across its restarts.
	Incarnation int    `json:"incarnation"` // Incarnation counts the starts of the pod, from 1.
	// InstanceID is the group.instance.id of a static member: the name of the pod, unless a fault
	// lets the pod have the id of another one.
	InstanceID string `json:"instance_id"`

	Workers int `json:"workers"`  // Workers is W, the parallel workers of a pod.
	Window  int `json:"window"`   // Window is M, the most records fetched and not yet under the low watermark.
	MaxPoll int `json:"max_poll"` // MaxPoll is the most records of one poll.

	Commit        time.Duration `json:"commit_ns"`         // Commit is the interval between commits.
	Session       time.Duration `json:"session_ns"`        // Session is the session timeout.
	Heartbeat     time.Duration `json:"heartbeat_ns"`      // Heartbeat is the heartbeat interval.
	Rebalance     time.Duration `json:"rebalance_ns"`      // Rebalance is how long the group waits for a member in a rebalance.
	RevokeTimeout time.Duration `json:"revoke_timeout_ns"` // RevokeTimeout is how long a consumer may finish work when partitions are revoked or it stops.

	// Metadata is how often at least a client asks for the partitions of its topics, so that it
	// finds new ones. FetchWait is how long a fetch waits for records. Both grow with the number
	// of pods. 0 for [DefaultMetadata] and [DefaultFetchWait].
	Metadata  time.Duration `json:"metadata_ns"`
	FetchWait time.Duration `json:"fetch_wait_ns"`

	Protocol Protocol          `json:"protocol"`
	Knobs    map[string]string `json:"knobs,omitempty"` // Knobs are the settings that the implementation declares, defaults filled in.
	Seed     uint64            `json:"seed"`            // Seed is for random choices of the consumer.

	// ShareLock and DeliveryLimit are settings of a share group (KIP-932): how long
	// an acquired record stays locked, and the most deliveries of a record.
	ShareLock     time.Duration `json:"share_lock_ns"`
	DeliveryLimit int           `json:"delivery_limit"`
}

// Logger is [Config.Log], or a logger without an effect where that is nil.
func (c Config) Logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// ClientID is the client id that the consumer's clients must use. Observers tell
// by it which pod a member or a commit belongs to.
func (c Config) ClientID() string { return ClientID(c.Pod, c.Incarnation) }

// Settings of the clients of all consumers, so that their metrics compare.
const (
	// DefaultMetadata is how late a client may find partitions that were added. With franz-go's
	// default that takes five minutes.
	DefaultMetadata = 2 * time.Second
	// DefaultFetchWait is how long a fetch waits for records. A member that gets a partition of a
	// broker first gets the response to its fetch from there, so a long wait delays it.
	DefaultFetchWait = 250 * time.Millisecond
	// FetchBytes limits a fetch of a partition. Franz-go's default of 1 MiB is thousands of small
	// records. They are decoded long before they are worked on, and have left the
	// processor's caches when they are.
	FetchBytes = 128 << 10
)

// ClientID is the client id of one incarnation of a pod.
func ClientID(pod string, incarnation int) string { return fmt.Sprintf("%s.%d", pod, incarnation) }
