#!/bin/sh
# Runs once in a container of the new image: brings up a lone node, lets it
# stop in good order and leaves /opt/kafka/kafka.jsa, the archive of the classes
# it loaded. A node that starts with it is up in about half the time.
#
# An archive is only taken by a JVM with the same class path and collector:
# keep the java line in step with the start command in harness/broker/docker.
set -eu

run=$(mktemp -d)
log=$run/log

cat > "$run/server.properties" <<P
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/data
offsets.topic.replication.factor=1
P
# Log4j writes errors alone unless told otherwise.
cat > "$run/log4j2.properties" <<P
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
P
# A data folder with this file is a formatted one; it spares a JVM for the
# storage tool.
mkdir "$run/data"
cat > "$run/data/meta.properties" <<P
version=1
cluster.id=c3RhbXBlZGUtYXJjaGl2ZQ
node.id=1
P

class_path=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
java -XX:ArchiveClassesAtExit=/opt/kafka/kafka.jsa -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx384m \
  -Dlog4j2.configurationFile="$run/log4j2.properties" -cp "$class_path" kafka.Kafka "$run/server.properties" > "$log" 2>&1 &
node=$!

fail() {
  echo "archive-classes: $1; the node's last lines:" >&2
  tail -n 20 "$log" >&2
  kill -KILL "$node" 2> /dev/null || true
  exit 1
}

tries=0
until grep -q 'Kafka Server started' "$log"; do
  kill -0 "$node" 2> /dev/null || fail 'the node ended by itself'
  tries=$((tries + 1))
  [ "$tries" -le 120 ] || fail 'the node did not come up within 60 s'
  sleep 0.5
done
kill -TERM "$node"
wait "$node" || true # 143: ended by SIGTERM, after its shutdown hooks
[ -s /opt/kafka/kafka.jsa ] || fail 'the node left no archive'
rm -rf "$run"
