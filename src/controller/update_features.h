// UpdateFeatures: raising and lowering finalized feature levels (KIP-584, KIP-778).
// Kafka: FeatureControlManager.
#pragma once

#include "controller/outcome.h"
#include "protocol/messages/update_features.h"

namespace millrace::controller {

// All or nothing. The whole response fails with invalid_update_version (unknown feature,
// unsupported level, a downgrade that was not asked for or that would lose metadata, a missing
// dependency) or invalid_request (a feature named twice).
Outcome<protocol::UpdateFeaturesResponse> update_features(
    const Context& context, const protocol::UpdateFeaturesRequest& request);

// What must come with eligible leader replicas (KIP-966), when their level rises from 0:
// min.insync.replicas as one value for the whole cluster, since it decides which replicas are
// eligible.
// Kafka: maybeGenerateElrSafetyRecords.
void add_elr_records(const metadata::Image& state, const config::BrokerConfig& config,
                     Records& records);

}  // namespace millrace::controller
