// QueryEngine: asks managers questions, and for actions, until they are answered or their time is
// over. On the loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/environment.h"
#include "common/base/random.h"
#include "common/net/channel.h"

namespace baton::client {

class QueryEngine : public std::enable_shared_from_this<QueryEngine> {
 public:
  // Not ok: the answer's own code, or the last error when time ran out. The views are valid inside
  // the call.
  using Answered =
      std::function<void(const Status&, const v1::Answer& answer, std::string_view payload)>;

  explicit QueryEngine(Environment& environment);
  QueryEngine(const QueryEngine&) = delete;
  QueryEngine& operator=(const QueryEngine&) = delete;

  // The outcome of every task of the action, in order. Not ok: the action as a whole has none.
  using Acted = std::function<void(const Status&, const std::vector<v1::ActedRun>&)>;

  // `answered` runs once, never inside this call. retry_later when 1,024 are waiting already.
  void ask(v1::Query query, Duration timeout, Answered answered);
  void act(v1::Act act, Duration timeout, Acted acted);
  // Drops everything without a callback.
  void shutdown();

 private:
  struct Question {
    v1::Query query;  // or, where `acted` is set:
    v1::Act act;
    Answered answered;
    Acted acted;
    MonoTime deadline;
    std::uint64_t request = 0;  // 0: to be sent
    MonoTime sent_at;
    Status last_error;
    bool may_have_happened = false;  // it was sent before, and its answer said or was nothing

    [[nodiscard]] bool waits() const { return query.has_task_wait(); }
  };
  using Questions = std::map<std::uint64_t, Question>;

  void connect();
  void on_frame(const Frame& frame);
  void on_answer(Questions::iterator question, const Frame& frame);
  void on_acted(Questions::iterator question, const Frame& frame);
  // Not ok: the question is asked again when that makes sense, and finished otherwise.
  void on_error(Questions::iterator question, Status status);
  void add(Question question);
  void send(Question& question, MonoTime now);
  void on_closed(const Status& reason);
  void on_timer();
  void flush();
  void arm();
  void retry(Question& question, Status why);
  void finish(Questions::iterator question, const Status& status, const v1::Answer& answer = {},
              std::string_view payload = {});
  template <class Event>
  void event(Event&& run);

  Environment& env_;
  Random random_;
  std::unique_ptr<Channel> channel_;  // from the first question on
  Questions questions_;               // in order of asking
  std::uint64_t next_ = 1;
  int failures_ = 0;  // answers in a row that asked for patience
  MonoTime pause_until_{};
  bool stopped_ = false;
  int depth_ = 0;
  Loop::TimerId timer_ = 0;
};

}  // namespace baton::client
