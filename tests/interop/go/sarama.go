package main

import (
	"context"
	"sync"

	"github.com/IBM/sarama"
)

var saramaCodecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

// claims is the group's handler: partitions are consumed side by side, so what they share is locked.
type claims struct {
	mu    sync.Mutex
	got   *received
	seen  int
	count int
	done  context.CancelFunc
}

func (*claims) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*claims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *claims) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		c.mu.Lock()
		c.got.add(m.Key, m.Value, m.Headers[0].Value)
		session.MarkMessage(m, "")
		c.seen++
		if c.seen == c.count {
			session.Commit()
			c.done()
		}
		c.mu.Unlock()
	}
	return nil
}

func runSarama(ctx context.Context, o options, got *received) error {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.MaxVersion
	cfg.Producer.Return.Successes = true
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Compression = saramaCodecs[o.codec]
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	addrs := []string{o.addr}

	admin, err := sarama.NewClusterAdmin(addrs, cfg)
	if err != nil {
		return err
	}
	defer admin.Close()
	detail := &sarama.TopicDetail{NumPartitions: o.partitions, ReplicationFactor: 1}
	if err := admin.CreateTopic(o.topic, detail, false); err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(addrs, cfg)
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, o.count)
	for i := range messages {
		r := recordAt(i)
		messages[i] = &sarama.ProducerMessage{Topic: o.topic, Key: sarama.StringEncoder(r.key),
			Value: sarama.StringEncoder(r.value), Headers: []sarama.RecordHeader{{Key: []byte("i"), Value: []byte(r.header)}}}
	}
	if err := producer.SendMessages(messages); err != nil {
		return err
	}
	group, err := sarama.NewConsumerGroup(addrs, o.group, cfg)
	if err != nil {
		return err
	}
	defer group.Close()
	ctx, done := context.WithCancel(ctx)
	handler := &claims{got: got, count: o.count, done: done}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{o.topic}, handler); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}
