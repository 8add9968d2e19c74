// The words of a conversation: tasks, tokens and times as text, and back.
#pragma once

#include <string>
#include <vector>

#include "center/core/ledger.h"

namespace baton::center::scenario {

std::string text(TaskId id);
std::string text(Token token);
std::string text(const Status& status);

// Each throws std::invalid_argument for what it does not understand.
TaskId task_of(const std::string& word);
Token token_of(const std::string& word);
// "31s", "100ms", "10m", "1h".
Millis duration_of(const std::string& word);
FailurePolicy policy_of(const std::string& word);

std::vector<std::string> split(const std::string& list);
// Up to eight letters, readable in the id itself.
Uuid uuid_of(const std::string& name);

}  // namespace baton::center::scenario
