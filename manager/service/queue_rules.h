// QueueRules: keeps QueueCredit in step with the center (R7, R22).
//
// After each registration the rules of all queues are asked for, page by page; changes are pushed.
// What QueueCredit wants is borrowed with commands, and asked for again when the channel was lost.
#pragma once

#include <cstdint>
#include <string>

#include "proto/center.pb.h"

#include "manager/core/queue_credit.h"
#include "manager/service/center_link.h"
#include "manager/service/service_context.h"

namespace baton::manager {

class QueueRules {
 public:
  QueueRules(ServiceContext& context, CenterLink& link) : context_(context), link_(link) {}

  void registered();
  void channel_closed();
  void on_rules(const v1::ChannelGrants& grants);
  void reported(Offset created_hi) { credit_.reported(created_hi); }
  void shard_changed() { credit_.shard_changed(); }
  // Called a few times a second while registered.
  void tick() { borrow(); }

  // All rules were told once in this life: nothing is confirmed before.
  [[nodiscard]] bool known() const { return known_; }
  [[nodiscard]] const QueueRule* find(std::string_view queue) const {
    return credit_.find_rule(queue);
  }
  // As QueueCredit::take and stored; asks at once when it is not enough.
  bool take(std::string_view queue, std::uint64_t payload_bytes);
  void stored(std::string_view queue, Offset end, CreditAmount amount) {
    credit_.stored(queue, end, amount);
  }
  // The sentence for a task that found no credit, and when to try again.
  [[nodiscard]] std::string refusal(const std::string& queue) const;
  [[nodiscard]] std::uint32_t retry_after_ms(std::string_view queue) const;
  // False: max_bytes of the queue is less than that, however empty the queue is.
  [[nodiscard]] bool may_ever_take(std::string_view queue, std::uint64_t payload_bytes) const;
  // The sentence for a payload of which may_ever_take said no.
  [[nodiscard]] std::string final_refusal(const std::string& queue) const;

 private:
  void ask_page(const std::string& cursor);
  void on_page(const v1::QueueRulesAnswer& page);
  void borrow();
  void on_borrowed(const std::vector<std::string>& queues, const Status& status,
                   const v1::ChannelOutcomes& outcomes);

  ServiceContext& context_;
  CenterLink& link_;
  QueueCredit credit_;
  bool known_ = false;
  bool registered_ = false;  // on this channel
  bool borrowing_planned_ = false;
  std::uint64_t channel_ = 0;  // raised by every registration and loss of the channel
};

}  // namespace baton::manager
