// Registrar: runs the Registration machine over the link and the store.
//
// Produces are accepted once the active shard was registered in this life (R2), and from then on
// also while the center is away; a refusal ends that at once.
#pragma once

#include <functional>
#include <string>

#include "manager/core/registration.h"
#include "manager/service/center_link.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class Registrar {
 public:
  struct Events {
    // A new log is the active one; it may not be appended to yet.
    std::function<void(LogStore&)> on_shard_opened;
    std::function<void(Incarnation, Offset created_hi)> on_registered;
    std::function<void(const Status&)> on_failed;  // the process ends with this sentence
  };

  // `address`: where clients and peers reach this manager.
  Registrar(ServiceContext& context, CenterLink& link, ShardLogs& logs, std::string address,
            Events events);

  // Of the link.
  void channel_open();
  void channel_closed();

  [[nodiscard]] bool may_append() const { return may_append_; }
  // Registered on the current channel.
  [[nodiscard]] bool registered() const { return machine_.registered(); }

 private:
  void run(const Registration::Step& step);
  void act(const Registration::Nothing&) {}
  void act(const Registration::SendEnroll& step);
  void act(const Registration::OpenShard& step);
  void act(const Registration::ReadCrc& step);
  void act(const Registration::SendRegister& step);
  void act(const Registration::SendSeal& step);
  void act(const Registration::RetryAt& step);
  void act(const Registration::Registered& step);
  void act(const Registration::Failed& step);
  void on_register_outcome(const v1::RegisterOutcome& outcome);
  // Sends one command; its outcome is dropped when the channel is another one by then.
  void send(v1::ChannelCommands& commands, std::function<void(const v1::Outcome&)> done);
  [[nodiscard]] ShardFacts facts() const;

  ServiceContext& context_;
  CenterLink& link_;
  ShardLogs& logs_;
  const std::string address_;
  Events events_;
  Registration machine_;
  bool may_append_ = false;
  std::uint64_t attempt_ = 0;  // raised by every new channel
};

}  // namespace baton::manager
