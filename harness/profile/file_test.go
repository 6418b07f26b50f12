package profile

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"hash/crc64"
	"hash/fnv"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAProfileIsReadAsSaved(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := Open(path)
	if err != nil || !reflect.DeepEqual(read, made) {
		t.Fatalf("the profile changed on its way: %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("files %v", left)
	}
}

func TestBadProfilesAreRefused(t *testing.T) {
	whole := func(change func(*Profile)) string {
		path := filepath.Join(t.TempDir(), "p")
		if err := smallProfile(change).Save(path); err != nil {
			t.Fatal(err)
		}
		raw, _ := os.ReadFile(path)
		return string(raw)
	}
	good := whole(func(*Profile) {})
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ raw, want string }{
		"empty":              {"", "it is empty"},
		"cut short":          {good[:len(good)/2], "it was cut short after"},
		"no JSON":            {"orders 12", "it is no profile"},
		"another JSON":       {`{"runs":[]}`, "it has no version"},
		"another version":    {strings.Replace(good, `"version": 1`, `"version": 2`, 1), "it has version 2, and this program reads version 1"},
		"a text as count":    {strings.Replace(good, `"records": 100`, `"records": "x"`, 1), "records"},
		"no records":         {whole(func(p *Profile) { p.Records = 0 }), "0 records"},
		"no time":            {whole(func(p *Profile) { p.Length = 0 }), "a window of 0s"},
		"no steps":           {whole(func(p *Profile) { p.Rate.Steps = nil }), "rate: 0 steps"},
		"steps too long":     {whole(func(p *Profile) { p.Length = p.Rate.Step }), "rate: 2 steps of 1s in a window of 1s"},
		"another rate":       {whole(func(p *Profile) { p.Rate.Steps[0].Records = 10 }), "rate: 60 records in all, and the profile has 100"},
		"another size":       {whole(func(p *Profile) { p.Sizes.Buckets[0].Records = 10 }), "sizes: 10 records in all"},
		"sizes in disorder":  {whole(func(p *Profile) { p.Sizes.Buckets = []Bucket{{100, 50}, {90, 50}} }), "want lengths that rise"},
		"another skew":       {whole(func(p *Profile) { p.Keys.Top[0].Records = 10 }), "keys: 50 records in all"},
		"a rank without":     {whole(func(p *Profile) { p.Keys.Top[0].Records = 0 }), "rank 1 has no records"},
		"a gap in the ranks": {whole(func(p *Profile) { p.Keys.Tail = []Segment{{From: 9, To: 10}} }), "want them to follow rank 2"},
		"no partitions":      {whole(func(p *Profile) { p.Partitions.Records = nil }), "0 partitions"},
		"too few errors":     {whole(func(p *Profile) { p.Partitions.Errors = nil }), "0 errors of 2 partitions"},
	} {
		if _, err := Parse([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no file: no error")
	}
}

// The file says nothing of a key but the rank and the share.
func TestAProfileHasNeitherKeysNorHashes(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.ToLower(raw)
	partition := kgo.StickyKeyPartitioner(nil).ForTopic("")
	for rank := range 200 {
		key := []byte(usualTopic.keyName(rank))
		for _, trace := range tracesOf(key, partition) {
			if bytes.Contains(text, []byte(strings.ToLower(trace))) {
				t.Errorf("the profile has %q, a trace of the key of rank %d", trace, rank+1)
			}
		}
	}
	if found := tracesOf([]byte("customer-00001"), partition); len(found) < 20 {
		t.Errorf("only %d traces were looked for", len(found))
	}
}

// tracesOf are a key and its common hashes, in the ways in which a file would have them.
func tracesOf(key []byte, p kgo.TopicPartitioner) (all []string) {
	all = append(all, string(key), string(key[len("customer-"):])+`"`, hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key))
	m, s, l := md5.Sum(key), sha1.Sum(key), sha256.Sum256(key)
	for _, sum := range [][]byte{m[:], s[:], l[:]} {
		all = append(all, hex.EncodeToString(sum), base64.StdEncoding.EncodeToString(sum), hex.EncodeToString(sum[:8]))
	}
	f32, f64 := fnv.New32a(), fnv.New64a()
	f32.Write(key)
	f64.Write(key)
	murmur := p.Partition(&kgo.Record{Key: key}, 1<<31-1) // Kafka's murmur2 up to its highest bit
	for _, n := range []uint64{
		uint64(f32.Sum32()), f64.Sum64(), uint64(crc32.ChecksumIEEE(key)), uint64(crc32.Checksum(key, crc32.MakeTable(crc32.Castagnoli))),
		crc64.Checksum(key, crc64.MakeTable(crc64.ISO)), uint64(adler32.Checksum(key)), uint64(murmur), hashFNV(key),
	} {
		all = append(all, fmt.Sprint(n), fmt.Sprintf("%x", n))
	}
	return all
}
