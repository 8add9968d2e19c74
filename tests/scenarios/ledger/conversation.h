// Conversation: a ledger that is talked to in lines of text and answers in lines of text.
//
// README of conversations/ lists the verbs. Tasks are written shard.offset, tokens #counter.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "center/core/ledger.h"

namespace baton::center::scenario {

class Conversation {
 public:
  Conversation();

  // The answer to one line: what came of it, then one indented line per grant and transition.
  std::string say(const std::string& line);

 private:
  // The words of a line: plain ones in order, and key=value ones.
  struct Words {
    std::vector<std::string> plain;
    std::map<std::string, std::string> named;

    [[nodiscard]] const std::string& at(std::size_t i) const;
    [[nodiscard]] std::string get(const std::string& key, const std::string& otherwise) const;
    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t otherwise) const;
    [[nodiscard]] bool has(const std::string& word) const;
  };
  struct Member {
    StoreId store;
    ShardId shard;
    Epoch epoch;
    Life life;
    Incarnation incarnation;
  };
  using Verb = std::function<std::string(const Words&)>;

  static Words parse(const std::string& line);
  Outcome send(Incarnation from, Command command);
  std::string effects_text() const;

  std::string manager(const Words& words);
  std::string start(const Words& words);
  std::string stop(const Words& words);
  std::string seal(const Words& words);
  std::string remove(const Words& words);
  std::string create(const Words& words);
  std::string moved(const Words& words);
  std::string resolved(const Words& words);
  std::string attach(const Words& words);
  std::string demand(const Words& words);
  std::string end(const Words& words);
  std::string closed(const Words& words);
  std::string operate(OperationKind kind, const Words& words);
  std::string beat(const Words& words);
  std::string give_back(const Words& words);
  std::string tick(const Words& words);
  std::string term(const Words& words);
  std::string show(const Words& words) const;
  std::string queues() const;
  std::string managers() const;
  std::string resync(const Words& words) const;
  std::string restart();

  // conversation_wishes.cc
  std::string set(const Words& words);
  std::string purge(const Words& words);
  std::string borrow(const Words& words);
  std::string act(TaskAction action, const Words& words);
  std::string explain(const Words& words) const;
  TaskOptions options_of(const Words& words);
  void add_wishes(Operation& op, const Words& words);
  static std::string wishes_text(const TaskView& view);
  static std::string winners_text(const CreatedOutcome& outcome);

  Member& member(const std::string& name);
  [[nodiscard]] SessionId session(const std::string& name) const;
  [[nodiscard]] std::string session_name(const SessionId& id) const;
  [[nodiscard]] std::uint64_t created_hi(ShardId shard) const;

  std::map<std::string, Verb> verbs_;
  Ledger ledger_;
  Effects effects_;
  std::map<std::string, Member> members_;
  // Of the last grant of a task, for operations that do not name one.
  std::map<TaskId, Token> tokens_;
  std::uint64_t lives_ = 0;
  WallTime wall_{1'000'000};
};

}  // namespace baton::center::scenario
