// QueryService: QUERY of clients. The center knows the answers; this passes the questions on, waits
// for tasks that the ledger has not heard of yet (R4), fills in where payloads are, and fetches
// results and payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "proto/broker.pb.h"
#include "proto/center.pb.h"

#include "common/net/server.h"
#include "manager/service/center_link.h"
#include "manager/service/members.h"
#include "manager/service/record_source.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class QueryService {
 public:
  // So that one client cannot take all the places for waiting that the center has.
  static constexpr std::size_t kOpenPerConnectionMax = 1024;

  QueryService(ServiceContext& context, ShardLogs& logs, CenterLink& link, RecordSource& records,
               const Members& members);

  void set_server(Server& server) { server_ = &server; }

  // Not ok: not understood (see ServerHandler::on_frame).
  Status on_query(Peer& peer, const Frame& frame);
  // Questions that wait are answered as unavailable, new ones too.
  void drain() { draining_ = true; }

 private:
  struct Question {
    PeerId peer = 0;
    std::uint64_t request = 0;
    v1::Query query;
    MonoTime deadline{};
    Duration pause{};         // before it is asked again
    Loop::TimerId timer = 0;  // of the deadline, while a record is fetched
    bool counted = false;     // in open_
    bool answered = false;
  };
  using QuestionPtr = std::shared_ptr<Question>;

  [[nodiscard]] static Status check(const v1::Query& query);
  // not_found when the shard is ours and its current epoch has no such offset (R4).
  [[nodiscard]] Status check_task(TaskId task);
  void ask(const QuestionPtr& question);
  void ask_again(const QuestionPtr& question, const Status& why);
  void on_answer(const QuestionPtr& question, const Status& status,
                 const v1::ChannelAnswer& answer);
  void complete(v1::Answer& answer) const;
  void complete(v1::TaskInfo& task) const;
  void fetch_result(const QuestionPtr& question, std::uint64_t index, const v1::ResultPlace& place);
  void send_result(Question& question, std::uint64_t index, const v1::ResultPlace& place,
                   const Result<ResultContent>& found);
  void fetch_payload(const QuestionPtr& question, v1::Answer answer);
  void limit_fetch(const QuestionPtr& question);
  void fail(Question& question, const Status& status);
  // Only the first answer to a question leaves.
  void send(Question& question, const v1::Answer& answer, std::string_view payload = {});

  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  RecordSource& records_;
  const Members& members_;
  Server* server_ = nullptr;
  bool draining_ = false;
  std::map<PeerId, std::size_t> open_;  // questions of each connection that are not answered yet
};

}  // namespace baton::manager
