package profile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const t0 = 1_700_000_000_000

func TestDumpsAreRead(t *testing.T) {
	kcat := fmt.Sprintf("%d 0 100 alpha\n%d 2 50 a key with spaces\n%d 2 -1 alpha\n%d 1 7 \n%d 1 7 cut off", t0, t0+500, t0+1200, t0+1999, t0)
	console := fmt.Sprintf("CreateTime:%d\tPartition:0\talpha\t%s\nLogAppendTime:%d\tPartition:2\tOffset:17\tbeta\tline one\nand two\tof it\n"+
		"CreateTime:%d\tPartition:2\talpha\tnull\nCreateTime:%d\tPartition:1\tnull\t{\"x\": 1}\n", t0, strings.Repeat("v", 100), t0+500, t0+1200, t0+1999)
	for source, text := range map[string]string{"kcat": kcat, "console-consumer": console} {
		p, err := ReadDump(strings.NewReader(text), time.UnixMilli(t0))
		if err != nil {
			t.Fatal(source, err)
		}
		if p.Source != source || p.Records != 4 || p.Keys.Keyless != 1 || p.Keys.Distinct.Records != 2 || p.Keys.Top[0].Records != 2 || p.Sizes.Tombstones != 1 {
			t.Errorf("%s: %+v, keys %+v, sizes %+v", source, p, p.Keys, p.Sizes)
		}
		if got := p.Partitions.Records; len(got) != 3 || got[0] != 1 || got[1] != 1 || got[2] != 2 {
			t.Errorf("%s: partitions %v", source, got)
		}
		if p.Length != 2*time.Second || len(p.Rate.Steps) != 2 || p.Rate.Steps[0].Records != 2 {
			t.Errorf("%s: %v, rate %+v", source, p.Length, p.Rate)
		}
		want := map[string]int{"kcat": 100, "console-consumer": 100}[source]
		if largest := p.Sizes.Buckets[len(p.Sizes.Buckets)-1].Bytes; largest != want {
			t.Errorf("%s: the largest value has %d bytes, want %d", source, largest, want)
		}
		if source == "console-consumer" && p.Sizes.Buckets[len(p.Sizes.Buckets)-2].Bytes != len("line one\nand two\tof it") {
			t.Errorf("a value of two lines has another length: %+v", p.Sizes.Buckets)
		}
	}
}

func TestBadDumpsAreRefused(t *testing.T) {
	good := fmt.Sprintf("%d 0 100 alpha\n", t0)
	console := fmt.Sprintf("CreateTime:%d\tPartition:0\talpha\tvalue\n", t0)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "no record in the window"},
		"one cut line":         {good[:10], "no record in the window"},
		"kcat's JSON":          {`{"topic":"t","partition":0}` + "\n", "kcat -C"},
		"prose":                {"hello world\n", "kafka-console-consumer.sh"},
		"only values":          {"alpha\nbeta\n", "kcat -C"},
		"no key":               {fmt.Sprintf("%d 0 100\n", t0), "kcat -C"},
		"a broken line":        {good + "nonsense\n", "line 2: no time, partition, length and key"},
		"no time":              {"-1 0 100 alpha\n", "kcat -C"},
		"no time later":        {good + "-1 0 100 alpha\n", "line 2: the record has no time"},
		"an absurd partition":  {good + fmt.Sprintf("%d 100000 100 alpha\n", t0), "line 2: partition 100000"},
		"an absurd length":     {good + fmt.Sprintf("%d 0 -2 alpha\n", t0), "line 2: a value of -2 bytes"},
		"console without time": {"NO_TIMESTAMP\tPartition:0\ta\tb\n", "the record has no time"},
		"no partition":         {fmt.Sprintf("CreateTime:%d\talpha\tvalue\n", t0), "no partition after the time"},
		"no value":             {fmt.Sprintf("CreateTime:%d\tPartition:0\talpha\n", t0), "no key and value"},
		"headers":              {fmt.Sprintf("CreateTime:%d\tPartition:0\tNO_HEADERS\talpha\tvalue\n", t0), "no key and value"},
		"a broken time":        {console + "CreateTime:x\tPartition:0\talpha\tvalue\n", "line 2: no time in ms"},
		"a line without end":   {good + strings.Repeat("x", maxLine+2<<20), "line 2: longer than 16 MiB"},
	} {
		if _, err := ReadDump(strings.NewReader(c.text), time.UnixMilli(t0)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
}
