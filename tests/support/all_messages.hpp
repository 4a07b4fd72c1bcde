#pragma once
/// Every table of protocol.fbs, for what is said of all of them. tests/unit/wire holds the list against the schema.
#include "wire/messages.hpp"

#include <tuple>

namespace forgepool::test {

using AllMessages =
    std::tuple<wire::fb::FailureT, wire::fb::EnrollT, wire::fb::EnrolledT, wire::fb::CertificateDerT, wire::fb::RenewT,
               wire::fb::LeaseAskT, wire::fb::InputT, wire::fb::LeaseShardT, wire::fb::LimitsT, wire::fb::LeaseGrantT,
               wire::fb::HeartbeatT, wire::fb::HeartbeatAnswerT, wire::fb::RenewedLeaseT, wire::fb::ShardReportT,
               wire::fb::LeaseResultT, wire::fb::ReportTakenT, wire::fb::TokenAskT, wire::fb::TokenGrantT, wire::fb::WaitT, wire::fb::CaughtT,
               wire::fb::JobStatusT, wire::fb::ExplanationT, wire::fb::ShardExplanationT, wire::fb::JobListT, wire::fb::HoldT,
               wire::fb::ForecastT, wire::fb::InviteT, wire::fb::InvitationT, wire::fb::RevokeT, wire::fb::RevokedT,
               wire::fb::RotateKeyT, wire::fb::KeyRotatedT, wire::fb::OrganizationListT, wire::fb::OrganizationInfoT,
               wire::fb::AgentListT, wire::fb::AgentInfoT, wire::fb::DrainT, wire::fb::AppealT>;

/// Calls `visit` with an empty message of each table.
template <class Visit>
void for_all_messages(const Visit& visit) {
  std::apply([&](const auto&... message) { (visit(message), ...); }, AllMessages());
}

}  // namespace forgepool::test
