#!/usr/bin/env bash
# Builds stampede/kafka:<version>, for machines that reach a Debian mirror and
# Maven Central (or mirrors of them) but no container registry: a minimal Debian
# with a Java runtime by debootstrap, the broker's jars by Maven. Does nothing
# where the image is there. Needs root, for debootstrap. One to two minutes.
#
#   build.sh [version]              4.3.1 unless said
#   DEBIAN_MIRROR=http://...        the Debian mirror, deb.debian.org unless said
#   TMPDIR=...                      1.5 GB of space for the tree while it grows
set -euo pipefail

version=${1:-4.3.1}
image=stampede/kafka:$version
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
  echo "kafka-image: $*" >&2
  exit 1
}

need() { # need <command> <how to get it>
  command -v "$1" > /dev/null || die "$1 is missing: $2"
}

need docker 'apt-get install docker.io (or any Docker engine)'
docker version > /dev/null 2>&1 ||
  die "no Docker engine answers (docker version: $(docker version 2>&1 | tail -n 1)): start one, as with: dockerd &"
if docker image inspect "$image" > /dev/null 2>&1; then
  echo "kafka-image: $image is there already (docker rmi $image to build it anew)"
  exit 0
fi
need debootstrap 'apt-get install debootstrap'
need mvn 'apt-get install maven'
need java 'apt-get install openjdk-17-jre-headless'
[ "$(id -u)" = 0 ] || die 'debootstrap needs root: run it as root, or with sudo'

work=$(mktemp -d -t stampede-kafka-image.XXXXXX)
name=${work##*/}                    # of the container, and below of the intermediate image: ours alone
base=stampede/kafka-base:${work##*.}
built=

cleanup() {
  docker rm --force --volumes "$name" > /dev/null 2>&1 || true
  # With the image built, this takes the name and leaves the layer below it.
  docker rmi "$base" > /dev/null 2>&1 || true
  [ -n "$built" ] || docker rmi "$image" > /dev/null 2>&1 || true
  # debootstrap unmounts what it mounts unless it is killed; never delete through a mount.
  local at
  while read -r _ at _; do
    case $at in "$work"/*) umount --lazy "$at" || true ;; esac
  done < /proc/mounts
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { echo "kafka-image: $* ($SECONDS s)"; }

# quietly <what> <command...> shows what a command said only if it fails.
quietly() {
  local what=$1
  shift
  if ! "$@" > "$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    die "$what failed; its last lines are above"
  fi
}

step 'Debian and a Java runtime'
quietly debootstrap debootstrap --variant=minbase --include=openjdk-17-jre-headless \
  bookworm "$work/root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"

step "the jars of Kafka $version"
quietly maven mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" -Dkafka.version="$version" \
  dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/root/opt/kafka/libs"

# What a broker never opens is a third of the tree.
rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/* \
  "$work"/root/usr/share/{doc,man,locale}/*

step 'import'
tar -C "$work/root" -cf - . | docker import --message 'Debian, Java, Kafka' - "$base" > /dev/null

step 'class-data archive'
quietly 'the class-data archive' docker run --name "$name" --network none --hostname localhost \
  --volume "$here/archive-classes.sh:/archive-classes.sh:ro" "$base" sh /archive-classes.sh
docker commit --change 'CMD ["bash"]' "$name" "$image" > /dev/null
built=yes

step "built $image"
