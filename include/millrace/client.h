// The client for Kafka's protocol, whole: producer, consumer, admin, for programs with coroutines
// (runtime/machine.h runs them) and, under blocking/, for those without. docs/client.md is the guide.
#pragma once

#include "client/admin.h"
#include "client/admin_client.h"
#include "client/blocking/blocking_admin.h"
#include "client/blocking/blocking_consumer.h"
#include "client/blocking/blocking_producer.h"
#include "client/blocking/blocking_share_consumer.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "client/settings.h"
#include "client/share_consumer.h"
#include "runtime/machine.h"
