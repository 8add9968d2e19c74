// Random commands of every kind, all of whose fields are set and within their limits.
#pragma once

#include "center/core/command.h"
#include "common/base/random.h"

namespace baton::center::testing {

class RandomCommands {
 public:
  explicit RandomCommands(std::uint64_t seed) : random_(seed) {}

  static constexpr int kKinds = 23;
  // `kind` is the index in the Command variant.
  Command make(int kind);

 private:
  std::uint64_t number(std::uint64_t max) { return 1 + random_.below(max); }
  ShardId shard();
  Offset offset();
  TaskId task();
  Token token() { return Token(number(UINT64_MAX - 1)); }
  Millis lease();
  std::string name();
  TaskOptions options();
  CreatedRun run();
  Created created();
  Operation operation();
  SessionOperations operations();
  std::vector<Token> tokens();

  Random random_;
};

}  // namespace baton::center::testing
