package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var franzCodecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

func runFranz(ctx context.Context, o options, got *received) error {
	producer, err := kgo.NewClient(kgo.SeedBrokers(o.addr), kgo.DefaultProduceTopic(o.topic),
		kgo.ProducerBatchCompression(franzCodecs[o.codec]))
	if err != nil {
		return err
	}
	defer producer.Close()
	if _, err := kadm.NewClient(producer).CreateTopic(ctx, o.partitions, 1, nil, o.topic); err != nil {
		return err
	}
	batch := make([]*kgo.Record, o.count)
	for i := range batch {
		r := recordAt(i)
		batch[i] = &kgo.Record{Key: []byte(r.key), Value: []byte(r.value),
			Headers: []kgo.RecordHeader{{Key: "i", Value: []byte(r.header)}}}
	}
	if err := producer.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return err
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(o.addr), kgo.ConsumeTopics(o.topic), kgo.ConsumerGroup(o.group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer consumer.Close()
	for seen := 0; seen < o.count; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got.add(r.Key, r.Value, r.Headers[0].Value)
			seen++
		})
	}
	return consumer.CommitUncommittedOffsets(ctx)
}
