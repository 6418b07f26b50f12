package docker

import (
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// startCommand brings up a node in both the local and the official image: it
// needs java, the jars in /opt/kafka/libs and a writable /var/lib/kafka/data.
//
// The data folder is formatted by writing its one file: that spares a JVM for
// the storage tool, and Kafka then takes its latest production version of the
// metadata. The folder lives in the container's own layer, so it outlasts a
// kill. C1 alone and the serial collector start in half the time; an archive
// of classes that does not fit, or is not there, is ignored.
//
// Names are looked up anew each time, since a node that was killed has no
// name until it is back, and a failed look-up is remembered for 10 s by default.
const startCommand = `set -e
run=/dev/shm/stampede
data=/var/lib/kafka/data
mkdir -p "$run" "$data"
printf '%s\n' "$STAMPEDE_PROPERTIES" > "$run/server.properties"
printf '%s\n' "$STAMPEDE_LOG4J" > "$run/log4j2.properties"
printf 'networkaddress.cache.ttl=0\nnetworkaddress.cache.negative.ttl=0\n' > "$run/java.security"
[ -f "$data/meta.properties" ] ||
  printf 'version=1\ncluster.id=%s\nnode.id=%s\n' "$STAMPEDE_CLUSTER" "$STAMPEDE_NODE" > "$data/meta.properties"
exec java -XX:SharedArchiveFile=/opt/kafka/kafka.jsa -Xshare:auto -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  -Xms256m -Xmx384m -Djava.security.properties="$run/java.security" \
  -Dlog4j2.configurationFile="$run/log4j2.properties" \
  -cp "$(echo /opt/kafka/libs/*.jar | tr ' ' ':')" kafka.Kafka "$run/server.properties"
`

// clusterID is the same for every cluster: none of them outlives its containers.
const clusterID = "c3RhbXBlZGUtY2x1c3Rlcg"

// log4jProperties keep the log short, as it is read when a node fails: warnings
// and worse, cut to a line, and of an exception the root cause.
const log4jProperties = `appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c{1}: %.-400m%n%rEx{1}
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console`

// Ports inside a container. Clients come in by externalPort, which is bound to
// a port of the loopback interface.
const (
	internalPort   = 9092
	controllerPort = 9093
	externalPort   = 9094
)

func hostname(id int32) string { return fmt.Sprintf("kafka-%d", id) }

// shape is what a cluster cannot change while it runs. Kafka 4.3.1 refuses
// group.consumer.session.timeout.ms and its like as dynamic settings of a
// broker; it takes them for one group, but a back end does not know the names
// of groups before they form. So they are static, and a run that asks for
// others gets a new cluster.
type shape struct {
	nodes              int
	session, heartbeat time.Duration // of KIP-848 groups
}

// Bounds of what a consumer group may ask for.
const (
	minSession   = time.Second
	minHeartbeat = 100 * time.Millisecond
	maxSession   = 30 * time.Minute
)

// shapeOf fills in what a spec leaves open: three nodes, a session of 6 s, a
// heartbeat of a sixth of the session.
func shapeOf(spec harness.ClusterSpec) (shape, error) {
	s := shape{spec.Nodes, spec.Session, spec.Heartbeat}
	if s.nodes == 0 {
		s.nodes = defaultNodes
	}
	if s.session == 0 {
		s.session = 6 * time.Second
	}
	if s.heartbeat == 0 {
		s.heartbeat = s.session / 6
	}
	switch {
	case s.nodes < 0:
		return shape{}, fmt.Errorf("%d nodes: want one or more", s.nodes)
	case s.session < minSession || s.session > maxSession:
		return shape{}, fmt.Errorf("session timeout %v: Kafka is set to take %v to %v", s.session, minSession, maxSession)
	case s.heartbeat < minHeartbeat || s.heartbeat >= s.session:
		return shape{}, fmt.Errorf("heartbeat %v: want %v or more, and less than the session timeout %v", s.heartbeat, minHeartbeat, s.session)
	}
	return s, nil
}

// serverProperties configure node id of a cluster, reachable at 127.0.0.1 by port.
func serverProperties(id int32, port int, s shape) string {
	var voters []string
	for i := range int32(s.nodes) {
		voters = append(voters, fmt.Sprintf("%d@%s:%d", i+1, hostname(i+1), controllerPort))
	}
	replicas := min(3, s.nodes)
	inSync := min(2, replicas)
	lines := []string{
		fmt.Sprintf("node.id=%d", id),
		"process.roles=broker,controller",
		"controller.quorum.voters=" + strings.Join(voters, ","),
		fmt.Sprintf("listeners=INTERNAL://:%d,CONTROLLER://:%d,EXTERNAL://:%d", internalPort, controllerPort, externalPort),
		fmt.Sprintf("advertised.listeners=INTERNAL://%s:%d,EXTERNAL://127.0.0.1:%d", hostname(id), internalPort, port),
		"listener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT",
		"inter.broker.listener.name=INTERNAL",
		"controller.listener.names=CONTROLLER",
		"log.dirs=/var/lib/kafka/data",

		fmt.Sprintf("default.replication.factor=%d", replicas),
		fmt.Sprintf("min.insync.replicas=%d", inSync),
		fmt.Sprintf("offsets.topic.replication.factor=%d", replicas),
		fmt.Sprintf("transaction.state.log.replication.factor=%d", replicas),
		fmt.Sprintf("transaction.state.log.min.isr=%d", inSync),
		fmt.Sprintf("share.coordinator.state.topic.replication.factor=%d", replicas),
		fmt.Sprintf("share.coordinator.state.topic.min.isr=%d", inSync),
		// Few partitions of the topics that groups live in: a new coordinator
		// reads them before it serves, and an observer follows them all.
		"offsets.topic.num.partitions=6",
		"transaction.state.log.num.partitions=6",
		"share.coordinator.state.topic.num.partitions=6",
		"auto.create.topics.enable=false",

		// A dead node is found out within 3 s, as on a well-tuned cluster.
		millis("broker.session.timeout.ms", 3*time.Second),
		millis("broker.heartbeat.interval.ms", 500*time.Millisecond),

		// Groups form at once. Members of classic groups name their session
		// themselves, those of KIP-848 and of share groups take the broker's.
		"group.initial.rebalance.delay.ms=0",
		millis("group.min.session.timeout.ms", minSession),
		millis("group.max.session.timeout.ms", maxSession),
		millis("group.consumer.min.session.timeout.ms", minSession),
		millis("group.consumer.max.session.timeout.ms", maxSession),
		millis("group.consumer.session.timeout.ms", s.session),
		millis("group.consumer.min.heartbeat.interval.ms", minHeartbeat),
		millis("group.consumer.max.heartbeat.interval.ms", maxSession),
		millis("group.consumer.heartbeat.interval.ms", s.heartbeat),
		millis("group.share.min.session.timeout.ms", minSession),
		millis("group.share.max.session.timeout.ms", maxSession),
		millis("group.share.session.timeout.ms", s.session),
		millis("group.share.min.heartbeat.interval.ms", minHeartbeat),
		millis("group.share.max.heartbeat.interval.ms", maxSession),
		millis("group.share.heartbeat.interval.ms", s.heartbeat),
		millis("group.share.min.record.lock.duration.ms", minSession),
	}
	return strings.Join(lines, "\n")
}

func millis(name string, d time.Duration) string { return fmt.Sprintf("%s=%d", name, d.Milliseconds()) }
