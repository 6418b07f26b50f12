package docker

import (
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// startCommand starts a node in the local and in the official image. It needs
// java, the jars in /opt/kafka/libs and a writable /var/lib/kafka/data.
//
// It formats the data folder by writing the one file in it. That saves a JVM for
// the storage tool, and Kafka then uses its latest production version of the
// metadata. The folder lies in the container's own layer, so it survives a kill.
// With C1 alone and the serial collector a node starts in half the time. The JVM
// ignores a class archive that does not fit or does not exist.
//
// The JVM looks host names up each time. A killed node has no name until it is
// back, and by default Java remembers a failed lookup for 10 s.
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

// clusterID is the same for every cluster: no cluster lives longer than its
// containers.
const clusterID = "c3RhbXBlZGUtY2x1c3Rlcg"

// log4jProperties keep the log short, since it is read when a node fails:
// warnings and errors, cut to one line, and the root cause of an exception.
const log4jProperties = `appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c{1}: %.-400m%n%rEx{1}
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console`

// Ports inside a container. Clients use externalPort, which is bound to
// a port of the loopback interface.
const (
	internalPort   = 9092
	controllerPort = 9093
	externalPort   = 9094
)

func hostname(id int32) string { return fmt.Sprintf("kafka-%d", id) }

// shape is what a cluster cannot change while it runs. Kafka 4.3.1 refuses
// group.consumer.session.timeout.ms and similar settings as dynamic settings of
// a broker. It accepts them for one group, but a back end does not know the
// groups' names before they form. So these settings are static, and a run that
// needs other values gets a new cluster.
type shape struct {
	nodes              int
	session, heartbeat time.Duration // of KIP-848 groups
}

// Limits of what a consumer group may ask for.
const (
	minSession   = time.Second
	minHeartbeat = 100 * time.Millisecond
	maxSession   = 30 * time.Minute
)

// shapeOf fills in the defaults of a spec: three nodes, a session of 6 s, a
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
		return shape{}, fmt.Errorf("session timeout %v: want %v to %v", s.session, minSession, maxSession)
	case s.heartbeat < minHeartbeat || s.heartbeat >= s.session:
		return shape{}, fmt.Errorf("heartbeat %v: want %v or more, and less than the session timeout %v", s.heartbeat, minHeartbeat, s.session)
	}
	return s, nil
}

// serverProperties returns the configuration of node id, which clients reach at
// 127.0.0.1 and port.
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
		// Few partitions for the topics that have the groups' state: a new coordinator
		// reads them before it serves, and an observer follows all of them.
		"offsets.topic.num.partitions=6",
		"transaction.state.log.num.partitions=6",
		"share.coordinator.state.topic.num.partitions=6",
		"auto.create.topics.enable=false",

		// The controller notices a dead node within 3 s, as on a well-tuned cluster.
		millisProperty("broker.session.timeout.ms", 3*time.Second),
		millisProperty("broker.heartbeat.interval.ms", 500*time.Millisecond),

		// Groups form at once. Members of classic groups choose their session
		// themselves; those of KIP-848 and of share groups use the broker's.
		"group.initial.rebalance.delay.ms=0",
		millisProperty("group.min.session.timeout.ms", minSession),
		millisProperty("group.max.session.timeout.ms", maxSession),
		millisProperty("group.consumer.min.session.timeout.ms", minSession),
		millisProperty("group.consumer.max.session.timeout.ms", maxSession),
		millisProperty("group.consumer.session.timeout.ms", s.session),
		millisProperty("group.consumer.min.heartbeat.interval.ms", minHeartbeat),
		millisProperty("group.consumer.max.heartbeat.interval.ms", maxSession),
		millisProperty("group.consumer.heartbeat.interval.ms", s.heartbeat),
		millisProperty("group.share.min.session.timeout.ms", minSession),
		millisProperty("group.share.max.session.timeout.ms", maxSession),
		millisProperty("group.share.session.timeout.ms", s.session),
		millisProperty("group.share.min.heartbeat.interval.ms", minHeartbeat),
		millisProperty("group.share.max.heartbeat.interval.ms", maxSession),
		millisProperty("group.share.heartbeat.interval.ms", s.heartbeat),
		millisProperty("group.share.min.record.lock.duration.ms", minSession),
	}
	return strings.Join(lines, "\n")
}

func millisProperty(name string, d time.Duration) string {
	return fmt.Sprintf("%s=%d", name, d.Milliseconds())
}
