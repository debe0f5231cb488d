package main

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"
)

var kafkaGoCodecs = map[string]kafka.Compression{
	"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}

func runKafkaGo(ctx context.Context, o options, got *received) error {
	client := &kafka.Client{Addr: kafka.TCP(o.addr)}
	created, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: o.topic, NumPartitions: int(o.partitions), ReplicationFactor: 1}}})
	if err != nil {
		return err
	}
	if err := created.Errors[o.topic]; err != nil {
		return err
	}
	writer := &kafka.Writer{Addr: kafka.TCP(o.addr), Topic: o.topic, RequiredAcks: kafka.RequireAll,
		Compression: kafkaGoCodecs[o.codec], BatchTimeout: 10 * time.Millisecond}
	messages := make([]kafka.Message, o.count)
	for i := range messages {
		r := recordAt(i)
		messages[i] = kafka.Message{Key: []byte(r.key), Value: []byte(r.value),
			Headers: []kafka.Header{{Key: "i", Value: []byte(r.header)}}}
	}
	if err := writer.WriteMessages(ctx, messages...); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{o.addr}, Topic: o.topic, GroupID: o.group,
		StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond})
	read := make([]kafka.Message, 0, o.count)
	for len(read) < o.count {
		m, err := reader.FetchMessage(ctx)
		if err != nil {
			return err
		}
		got.add(m.Key, m.Value, m.Headers[0].Value)
		read = append(read, m)
	}
	if err := reader.CommitMessages(ctx, read...); err != nil {
		return err
	}
	return reader.Close()
}
