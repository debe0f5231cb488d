// goclients has one Go client library create a topic, produce records, consume them in a group, check and commit them.
// The records are those of tests/interop/lib/records.py. Exit status 0 means that every record came back as it was sent.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

type options struct {
	addr, codec, topic, group string
	partitions                int32
	count                     int
}

type record struct{ key, value, header string }

func recordAt(i int) record {
	return record{fmt.Sprintf("key-%05d", i), fmt.Sprintf("value-%05d ", i) + strings.Repeat("millrace ", 12), fmt.Sprint(i)}
}

// received gathers what a client consumed.
type received struct {
	want  int
	byKey map[string]record
}

func (r *received) add(key, value, header []byte) {
	r.byKey[string(key)] = record{string(key), string(value), string(header)}
}

func (r *received) check() error {
	if len(r.byKey) != r.want {
		return fmt.Errorf("%d distinct records of %d", len(r.byKey), r.want)
	}
	for i := 0; i < r.want; i++ {
		if w := recordAt(i); r.byKey[w.key] != w {
			return fmt.Errorf("record %d came back as %q", i, r.byKey[w.key])
		}
	}
	return nil
}

func main() {
	var o options
	lib := flag.String("lib", "", "franz-go, sarama or kafka-go")
	flag.StringVar(&o.addr, "addr", "127.0.0.1:9092", "bootstrap server")
	flag.StringVar(&o.codec, "codec", "none", "compression")
	flag.StringVar(&o.topic, "topic", "", "topic to create")
	flag.StringVar(&o.group, "group", "", "group to consume in")
	flag.IntVar(&o.count, "count", 1000, "records")
	flag.Parse()
	o.partitions = 3
	clients := map[string]func(context.Context, options, *received) error{
		"franz-go": runFranz, "sarama": runSarama, "kafka-go": runKafkaGo}
	run, ok := clients[*lib]
	if !ok {
		fmt.Fprintln(os.Stderr, "no library", *lib)
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()
	got := &received{want: o.count, byKey: map[string]record{}}
	err := run(ctx, o, got)
	if err == nil {
		err = got.check()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
