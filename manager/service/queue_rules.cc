#include "manager/service/queue_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kQueryTimeout = std::chrono::seconds(2);
constexpr Duration kAskAgain = std::chrono::milliseconds(200);
constexpr std::uint32_t kRetryAfterAskingMs = 50;
constexpr std::uint32_t kRetryAfterMs = 500;

QueueRule from_wire(const v1::QueueRule& rule) {
  return {rule.queue(), rule.ordered(), rule.limits_tasks(), rule.max_bytes()};
}

}  // namespace

// ---- rules --------------------------------------------------------------------------------------

void QueueRules::registered() {
  ++channel_;
  registered_ = true;
  credit_.registered();
  credit_.begin_list();
  ask_page("");
}

void QueueRules::channel_closed() {
  ++channel_;
  registered_ = false;
  credit_.channel_lost();
}

void QueueRules::on_rules(const v1::ChannelGrants& grants) {
  for (const v1::QueueRule& rule : grants.rule()) credit_.set_rule(from_wire(rule));
}

void QueueRules::ask_page(const std::string& cursor) {
  v1::ChannelQuery query;
  query.mutable_queue_rules()->set_cursor(cursor);
  link_.query(
      query, kQueryTimeout,
      [this, cursor, channel = channel_](const Status& status, const v1::ChannelAnswer& answer) {
        if (channel != channel_) return;
        if (status.ok() && answer.code() == v1::OK) return on_page(answer.queue_rules());
        // A center that does not know the question has no rules.
        const bool older =
            status.code() == ErrorCode::kInvalidArgument || answer.code() == v1::INVALID_ARGUMENT;
        if (older) return on_page({});
        context_.logger.warn("queue rules not told", {kv("status", status)});
        context_.call_after(kAskAgain, [this, cursor, channel] {
          if (channel == channel_) ask_page(cursor);
        });
      });
}

void QueueRules::on_page(const v1::QueueRulesAnswer& page) {
  for (const v1::QueueRule& rule : page.rule()) credit_.set_rule(from_wire(rule));
  if (!page.next().empty()) return ask_page(page.next());
  credit_.end_list();
  known_ = true;
  borrow();
}

// ---- credit -------------------------------------------------------------------------------------

bool QueueRules::take(std::string_view queue, std::uint64_t payload_bytes) {
  if (credit_.take(queue, payload_bytes, context_.loop.now())) return true;
  if (!std::exchange(borrowing_planned_, true)) {
    context_.post([this] {
      borrowing_planned_ = false;
      borrow();
    });
  }
  return false;
}

bool QueueRules::may_ever_take(std::string_view queue, std::uint64_t payload_bytes) const {
  const QueueRule* rule = credit_.find_rule(queue);
  return rule == nullptr || !rule->limits_bytes() || payload_bytes <= rule->max_bytes;
}

std::string QueueRules::final_refusal(const std::string& queue) const {
  const QueueRule* rule = credit_.find_rule(queue);
  return "the payload is larger than queue " + queue + " ever takes: its max_bytes is " +
         std::to_string(rule == nullptr ? 0 : rule->max_bytes);
}

std::string QueueRules::refusal(const std::string& queue) const {
  const QueueRule* rule = credit_.find_rule(queue);
  const bool both = rule != nullptr && rule->limits_tasks && rule->limits_bytes();
  const bool bytes = rule != nullptr && rule->limits_bytes();
  const char* limit = both ? "max_tasks or max_bytes" : bytes ? "max_bytes" : "max_tasks";
  return "queue " + queue + " has a limit (" + limit +
         "), and this manager has no share of it left";
}

std::uint32_t QueueRules::retry_after_ms(std::string_view queue) const {
  return credit_.asking(queue) || borrowing_planned_ ? kRetryAfterAskingMs : kRetryAfterMs;
}

void QueueRules::borrow() {
  if (!registered_) return;
  const std::vector<QueueCredit::Ask> asks = credit_.take_asks(context_.loop.now());
  for (std::size_t at = 0; at < asks.size(); at += kBatchItemsMax) {
    v1::ChannelCommands commands;
    std::vector<std::string> queues;
    for (std::size_t i = at; i < std::min(asks.size(), at + kBatchItemsMax); ++i) {
      v1::Borrow& borrow = *commands.add_command()->mutable_borrow();
      borrow.set_queue(asks[i].queue);
      borrow.set_have_tasks(asks[i].have.tasks);
      borrow.set_have_bytes(asks[i].have.bytes);
      borrow.set_want_tasks(asks[i].want.tasks);
      borrow.set_want_bytes(asks[i].want.bytes);
      queues.push_back(asks[i].queue);
    }
    link_.send(commands, [this, queues = std::move(queues), channel = channel_](
                             const Status& status, const v1::ChannelOutcomes& outcomes) {
      if (channel == channel_) on_borrowed(queues, status, outcomes);
    });
  }
}

void QueueRules::on_borrowed(const std::vector<std::string>& queues, const Status& status,
                             const v1::ChannelOutcomes& outcomes) {
  const MonoTime now = context_.loop.now();
  for (std::size_t i = 0; i < queues.size(); ++i) {
    if (!status.ok() || outcomes.outcome_size() != static_cast<int>(queues.size()) ||
        !outcomes.outcome(static_cast<int>(i)).has_borrow()) {
      credit_.failed(queues[i], now);
      continue;
    }
    const v1::BorrowOutcome& borrowed = outcomes.outcome(static_cast<int>(i)).borrow();
    if (borrowed.code() != v1::OK) {
      credit_.failed(queues[i], now);
      continue;
    }
    credit_.answered(queues[i], {borrowed.tasks(), borrowed.bytes()}, now);
    if (!borrowed.rule().queue().empty()) credit_.set_rule(from_wire(borrowed.rule()));
  }
}

}  // namespace baton::manager
