// usage: node kafkajs_client.js HOST:PORT CODEC TOPIC GROUP COUNT      (NODE_PATH must reach kafkajs)
// The same steps and records as python_client.py, with kafkajs.
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')

const [address, codec, topic, group, countText] = process.argv.slice(2)
const count = Number(countText)
const types = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy }
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

function record (i) {
  const number = String(i).padStart(5, '0')
  return { key: `key-${number}`, value: `value-${number} ` + 'millrace '.repeat(12), headers: { i: String(i) } }
}

async function create (admin) {
  await admin.connect()
  // kafkajs waits for leaders only while it already knows the topic, so this waits instead.
  await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }], waitForLeaders: false })
  for (let tries = 0; tries < 200; tries++) {
    const known = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }))
    if (known.topics.length && known.topics[0].partitions.every(p => p.leader >= 0)) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('the new topic has no leaders')
}

async function consume (consumer) {
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const seen = new Set()
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${seen.size} records of ${count}`)), 120000)
    consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, uncommittedOffsets }) => {
        for (const m of batch.messages) {
          const wanted = record(Number(m.headers.i))
          if (String(m.key) !== wanted.key || String(m.value) !== wanted.value) reject(new Error(`wrong record ${m.key}`))
          seen.add(wanted.key)
          resolveOffset(m.offset)
        }
        await commitOffsetsIfNecessary(uncommittedOffsets())
        if (seen.size === count) resolve()
      }
    }).catch(reject)
  })
  await consumer.disconnect()
}

async function main () {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await create(admin)
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, compression: types[codec], messages: [...Array(count).keys()].map(record) })
  await producer.disconnect()
  await consume(kafka.consumer({ groupId: group }))
  await admin.disconnect()
  process.exit(0)
}

main().catch(e => { console.error(e.message || e); process.exit(1) })
