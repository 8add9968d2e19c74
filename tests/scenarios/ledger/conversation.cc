#include "tests/scenarios/ledger/conversation.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/scenarios/ledger/conversation_text.h"

namespace baton::center::scenario {

const std::string& Conversation::Words::at(std::size_t i) const {
  if (i >= plain.size()) throw std::invalid_argument("a word is missing");
  return plain[i];
}
std::string Conversation::Words::get(const std::string& key, const std::string& otherwise) const {
  const auto found = named.find(key);
  return found == named.end() ? otherwise : found->second;
}
std::uint64_t Conversation::Words::number(const std::string& key, std::uint64_t otherwise) const {
  const auto found = named.find(key);
  return found == named.end() ? otherwise : std::stoull(found->second);
}
bool Conversation::Words::has(const std::string& word) const {
  return std::find(plain.begin(), plain.end(), word) != plain.end();
}

Conversation::Words Conversation::parse(const std::string& line) {
  Words words;
  std::istringstream in(line);
  for (std::string word; in >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      words.plain.push_back(word);
    } else {
      words.named[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return words;
}

Conversation::Conversation() {
  verbs_["manager"] = [this](const Words& w) { return manager(w); };
  verbs_["start"] = [this](const Words& w) { return start(w); };
  verbs_["stop"] = [this](const Words& w) { return stop(w); };
  verbs_["seal"] = [this](const Words& w) { return seal(w); };
  verbs_["remove"] = [this](const Words& w) { return remove(w); };
  verbs_["create"] = [this](const Words& w) { return create(w); };
  verbs_["moved"] = [this](const Words& w) { return moved(w); };
  verbs_["resolved"] = [this](const Words& w) { return resolved(w); };
  verbs_["attach"] = [this](const Words& w) { return attach(w); };
  verbs_["demand"] = [this](const Words& w) { return demand(w); };
  verbs_["end"] = [this](const Words& w) { return end(w); };
  verbs_["closed"] = [this](const Words& w) { return closed(w); };
  verbs_["ack"] = [this](const Words& w) { return operate(OperationKind::kAck, w); };
  verbs_["nack"] = [this](const Words& w) { return operate(OperationKind::kNack, w); };
  verbs_["release"] = [this](const Words& w) { return operate(OperationKind::kRelease, w); };
  verbs_["extend"] = [this](const Words& w) { return operate(OperationKind::kExtend, w); };
  verbs_["beat"] = [this](const Words& w) { return beat(w); };
  verbs_["giveback"] = [this](const Words& w) { return give_back(w); };
  verbs_["tick"] = [this](const Words& w) { return tick(w); };
  verbs_["term"] = [this](const Words& w) { return term(w); };
  verbs_["show"] = [this](const Words& w) { return show(w); };
  verbs_["queues"] = [this](const Words&) { return queues(); };
  verbs_["managers"] = [this](const Words&) { return managers(); };
  verbs_["resync"] = [this](const Words& w) { return resync(w); };
  verbs_["save"] = [this](const Words& w) { return operate(OperationKind::kSave, w); };
  verbs_["set"] = [this](const Words& w) { return set(w); };
  verbs_["purge"] = [this](const Words& w) { return purge(w); };
  verbs_["borrow"] = [this](const Words& w) { return borrow(w); };
  verbs_["cancel"] = [this](const Words& w) { return act(TaskAction::kCancel, w); };
  verbs_["redrive"] = [this](const Words& w) { return act(TaskAction::kRedrive, w); };
  verbs_["discard"] = [this](const Words& w) { return act(TaskAction::kDiscard, w); };
  verbs_["resume"] = [this](const Words& w) { return act(TaskAction::kResume, w); };
  verbs_["complete"] = [this](const Words& w) { return act(TaskAction::kComplete, w); };
  verbs_["kill"] = [this](const Words& w) { return act(TaskAction::kKill, w); };
  verbs_["explain"] = [this](const Words& w) { return explain(w); };
  verbs_["restart"] = [this](const Words&) { return restart(); };
  say("term 1");
  say("tick 10s");  // out of the grace
}

std::string Conversation::say(const std::string& line) {
  effects_ = {};
  const Words words = parse(line);
  const auto verb = verbs_.find(words.at(0));
  if (verb == verbs_.end()) throw std::invalid_argument("no such verb: " + words.at(0));
  const std::string answer = verb->second(words);
  for (const Grant& grant : effects_.grants) tokens_[grant.task] = grant.token;
  return answer + "\n" + effects_text();
}

std::string Conversation::effects_text() const {
  std::ostringstream out;
  for (const Transition& t : effects_.transitions) {
    out << "  " << text(t.first);
    if (t.count > 1) out << "+" << t.count;
    out << " " << to_string(t.from) << " -> " << to_string(t.to) << " (" << to_string(t.cause)
        << ")";
    if (t.token) out << " " << text(t.token);
    out << "\n";
  }
  for (const Grant& grant : effects_.grants) {
    out << "  " << session_name(grant.session) << " gets " << text(grant.task) << " "
        << text(grant.token) << " number " << grant.number.value() << " attempt " << grant.attempt;
    if (grant.checkpoint)
      out << " with the checkpoint at lsn " << grant.checkpoint.lsn.value() << " of "
          << text(grant.checkpoint_token);
    if (grant.percent != 0 || !grant.progress.empty())
      out << " after " << grant.percent << " % '" << grant.progress << "'";
    out << "\n";
  }
  for (const LostClaim& lost : effects_.lost) {
    static constexpr const char* kWhy[] = {"", "cancelled", "its lease is over",
                                           "its whole time is over", "decided"};
    out << "  " << session_name(lost.session) << " loses " << text(lost.task) << " "
        << text(lost.token) << ": " << kWhy[static_cast<int>(lost.cause)] << "\n";
  }
  return out.str();
}

Outcome Conversation::send(Incarnation from, Command command) {
  Entry entry;
  entry.index = ledger_.index().next();
  entry.batches.push_back(Batch{from, {}});
  entry.batches.back().commands.push_back(std::move(command));
  Effects effects = ledger_.apply(entry);
  const BatchEffects batch = effects.batches[0];
  for (const Transition& t : effects.transitions) effects_.transitions.push_back(t);
  for (const Grant& grant : effects.grants) effects_.grants.push_back(grant);
  for (const LostClaim& lost : effects.lost) effects_.lost.push_back(lost);
  if (!batch.status.ok()) throw std::runtime_error("refused: " + batch.status.to_string());
  return batch.outcomes[0];
}

Conversation::Member& Conversation::member(const std::string& name) {
  const auto found = members_.find(name);
  if (found == members_.end()) throw std::invalid_argument("no manager " + name);
  return found->second;
}
SessionId Conversation::session(const std::string& name) const { return SessionId(uuid_of(name)); }
std::string Conversation::session_name(const SessionId& id) const {
  std::string name;
  for (std::uint64_t letters = id.hi; letters != 0; letters >>= 8)
    name.insert(name.begin(), static_cast<char>(letters));
  return name;
}
std::uint64_t Conversation::created_hi(ShardId shard) const {
  return ledger_.live(shard, Offset(1), Offset(1)).created_hi.value();
}

// ---- managers ----

std::string Conversation::manager(const Words& words) {
  Member member;
  member.store = StoreId(uuid_of(words.get("store", words.at(1))));
  const auto sealed = static_cast<std::uint32_t>(words.number("sealed", 0));
  const auto outcome = std::get<EnrollOutcome>(
      send(Incarnation(), Enroll{member.store, words.at(1), "h:1", ShardId(sealed)}));
  if (!outcome.status.ok()) return text(outcome.status);
  member.shard = outcome.shard;
  member.epoch = outcome.epoch;
  members_[words.at(1)] = member;
  return "shard " + std::to_string(outcome.shard.value()) + ", " + start(words);
}

std::string Conversation::start(const Words& words) {
  static constexpr const char* kResults[] = {"none",        "registered", "behind", "expected",
                                             "rolled back", "sealed",     "in use", "unknown"};
  Member& m = member(words.at(1));
  const std::uint64_t hi = created_hi(m.shard);
  Register command{m.shard,
                   m.store,
                   m.epoch.next(),
                   Life(Uuid{9, ++lives_}),
                   Offset(words.number("next", hi)),
                   Offset(words.number("seen", hi)),
                   hi > 1 ? 7U : 0U,
                   "h:1"};
  command.crc_below = static_cast<std::uint32_t>(words.number("crc", command.crc_below));
  if (words.has("again")) command.epoch = m.epoch;
  if (words.has("again")) command.life = m.life;
  const auto outcome = std::get<RegisterOutcome>(send(Incarnation(), command));
  if (outcome.result == RegisterResult::kRegistered) {
    m.epoch = command.epoch;
    m.life = command.life;
    m.incarnation = outcome.incarnation;
  }
  return std::string(kResults[static_cast<int>(outcome.result)]) + ", created_hi " +
         std::to_string(outcome.created_hi.value()) + ", life " +
         std::to_string(outcome.incarnation.value());
}

std::string Conversation::stop(const Words& words) {
  const Member& m = member(words.at(1));
  return text(
      std::get<SimpleOutcome>(send(Incarnation(), ShardOffline{m.shard, m.epoch, m.life})).status);
}

std::string Conversation::seal(const Words& words) {
  const Member& m = member(words.at(1));
  const Offset next(words.number("next", 1));
  return text(
      std::get<SimpleOutcome>(send(Incarnation(), Seal{m.shard, m.epoch, m.life, next})).status);
}

std::string Conversation::remove(const Words& words) {
  return text(std::get<SimpleOutcome>(send(Incarnation(), Remove{words.at(1)})).status);
}

// ---- producing ----

std::string Conversation::create(const Words& words) {
  const Member& m = member(words.at(1));
  CreatedRun run;
  run.queue = words.at(2);
  run.count = static_cast<std::uint32_t>(words.number("n", 1));
  run.priority = static_cast<std::uint32_t>(words.number("priority", 5));
  if (words.named.contains("producer")) {
    run.producer = ProducerId(uuid_of(words.get("producer", "")));
    run.seq = ProducerSeq(words.number("seq", 1));
  }
  run.options = options_of(words);
  run.payload_bytes = {static_cast<std::uint32_t>(words.number("bytes", 0))};
  // What waits for the ledger by its nature (R6).
  run.waits = run.only_waits = run.options.waits_for_ledger();
  for (std::uint32_t i = 0; run.waits && i < run.count; ++i) {
    run.content_hash.push_back(words.number("content", 1));
    if (!run.options.key.empty()) run.key_hash.push_back(uuid_of(run.options.key));
  }
  const Offset from(words.number("from", created_hi(m.shard)));
  const auto outcome = std::get<CreatedOutcome>(
      send(m.incarnation, Created{m.shard, m.epoch, from, {run}, Offset(), 7, WallTime{5}}));
  return text(outcome.status) + ", created_hi " + std::to_string(outcome.created_hi.value()) +
         winners_text(outcome);
}

std::string Conversation::moved(const Words& words) {
  const Member& m = member(words.at(1));
  CreatedRun run;
  run.queue = words.at(2);
  run.count = 1;
  run.producer = ProducerId(uuid_of(words.get("producer", "p")));
  run.seq = ProducerSeq(words.number("seq", 1));
  run.waits = true;
  run.content_hash = {words.number("content", 1)};
  for (const std::string& name : split(words.get("maybe_at", "")))
    run.maybe_at.push_back(member(name).shard);
  const Offset from(words.number("from", created_hi(m.shard)));
  const auto outcome = std::get<CreatedOutcome>(
      send(m.incarnation, Created{m.shard, m.epoch, from, {run}, Offset(), 7, WallTime{5}}));
  std::string answer =
      text(outcome.status) + ", created_hi " + std::to_string(outcome.created_hi.value());
  for (const Winner& winner : outcome.winners) {
    answer += ", offset " + std::to_string(winner.offset.value()) + " is ";
    answer += winner.task ? text(winner.task) : std::string(to_string(winner.code));
  }
  return answer;
}

std::string Conversation::resolved(const Words& words) {
  const Member& m = member(words.at(1));
  const ProducerDone done{ProducerId(uuid_of(words.get("producer", "p"))),
                          ProducerSeq(words.number("below", 1))};
  return text(std::get<SimpleOutcome>(send(m.incarnation, done)).status);
}

// ---- consuming ----

std::string Conversation::attach(const Words& words) {
  AttachSession command{session(words.at(2)), ConnEpoch(words.number("conn", 1)), {}, words.at(2)};
  for (const std::string& token : split(words.get("held", "")))
    command.held.push_back(token_of(token));
  const auto outcome = std::get<AttachOutcome>(send(member(words.at(1)).incarnation, command));
  std::string answer =
      text(outcome.status) + ", conn_epoch " + std::to_string(outcome.conn_epoch.value());
  for (const Token token : outcome.kept) answer += ", keeps " + text(token);
  return answer;
}

std::string Conversation::demand(const Words& words) {
  SessionDemand command;
  command.session = session(words.at(2));
  command.conn_epoch = ConnEpoch(words.number("conn", 1));
  command.line = LineId(static_cast<std::uint32_t>(words.number("line", 1)));
  command.queue = words.at(3);
  command.lease = duration_of(words.get("lease", "30s"));
  command.total = words.number("total", 1);
  if (words.named.contains("task")) command.task = task_of(words.get("task", ""));
  return text(std::get<SimpleOutcome>(send(member(words.at(1)).incarnation, command)).status);
}

std::string Conversation::end(const Words& words) {
  const SessionEndWait command{session(words.at(2)), ConnEpoch(words.number("conn", 1)),
                               LineId(static_cast<std::uint32_t>(words.number("line", 1)))};
  return text(std::get<SimpleOutcome>(send(member(words.at(1)).incarnation, command)).status);
}

std::string Conversation::closed(const Words& words) {
  const SessionClosed command{session(words.at(2)), ConnEpoch(words.number("conn", 1))};
  return text(std::get<SimpleOutcome>(send(member(words.at(1)).incarnation, command)).status);
}

std::string Conversation::operate(OperationKind kind, const Words& words) {
  Operation op;
  op.seq = OpSeq(words.number("op", 1));
  op.kind = kind;
  op.task = task_of(words.at(3));
  op.token = words.named.contains("token") ? token_of(words.get("token", "")) : tokens_[op.task];
  op.wants_next = words.has("next");
  op.started = words.has("started");
  op.lease = duration_of(words.get("lease", "30s"));
  add_wishes(op, words);
  op.reason = words.get("reason", "");
  if (words.named.contains("result"))
    op.result = {member(words.at(1)).shard, Lsn(words.number("result", 0)), 1};
  const SessionOperations command{session(words.at(2)), OpSeq(words.number("answered", 0)), {op}};
  const auto outcome = std::get<OperationsOutcome>(send(member(words.at(1)).incarnation, command));
  if (outcome.outcomes.empty()) return "no answer";
  const OperationOutcome& answer = outcome.outcomes[0];
  return std::string(to_string(answer.code)) +
         (answer.finished_unknown ? " (finished, by whom is unknown)" : "");
}

std::string Conversation::beat(const Words& words) {
  SessionHeartbeat command{session(words.at(2)), {}};
  for (std::size_t i = 3; i < words.plain.size(); ++i)
    command.tokens.push_back(token_of(words.plain[i]));
  const auto outcome = std::get<HeartbeatOutcome>(send(member(words.at(1)).incarnation, command));
  std::string answer = text(outcome.status);
  for (const Token token : outcome.lost) answer += ", lost " + text(token);
  return answer;
}

std::string Conversation::give_back(const Words& words) {
  const std::map<std::string, GiveBackReason> reasons = {
      {"undelivered", GiveBackReason::kUndelivered},
      {"unreachable", GiveBackReason::kUnreachable},
      {"damaged", GiveBackReason::kDamaged}};
  const TaskId task = task_of(words.at(2));
  const GiveBack command{task, tokens_[task], reasons.at(words.at(3))};
  return text(std::get<SimpleOutcome>(send(member(words.at(1)).incarnation, command)).status);
}

// ---- time, looking, restarting ----

std::string Conversation::tick(const Words& words) {
  for (Millis left = duration_of(words.at(1)); left > Millis(0);
       left -= std::min(left, Millis(1000))) {
    wall_.ms += std::min(left, Millis(1000)).count();
    send(Incarnation(), Tick{std::min(left, Millis(1000)), wall_});
  }
  return "lease time " + std::to_string(ledger_.totals().lease_time.count()) + " ms";
}

std::string Conversation::term(const Words& words) {
  return text(std::get<SimpleOutcome>(send(Incarnation(), TermStart{Term(std::stoull(words.at(1))),
                                                                    ClusterId(Uuid{1, 1})}))
                  .status);
}

std::string Conversation::show(const Words& words) const {
  const Result<TaskView> found = ledger_.find(task_of(words.at(1)));
  if (!found.ok()) return text(found.status());
  const TaskView& view = found.value();
  std::ostringstream out;
  out << to_string(view.state) << " in '" << view.queue << "' attempt " << view.attempt
      << " failures " << view.failures << " expiries " << view.expiries << " token "
      << text(view.token);
  if (view.session)
    out << " held by " << session_name(view.session) << ", lease left " << view.lease_left.count()
        << " ms";
  if (view.ready_in.count() > 0) out << " ready in " << view.ready_in.count() << " ms";
  if (!view.reason.empty()) out << " because '" << view.reason << "'";
  if (view.result) out << " result at lsn " << view.result.lsn.value();
  out << wishes_text(view);
  return out.str();
}

std::string Conversation::queues() const {
  std::string answer;
  for (const QueueView& q : ledger_.list_queues("", "", 100).queues) {
    std::ostringstream out;
    out << q.name << ": ready " << q.ready << " delayed " << q.delayed << " claimed " << q.claimed
        << " dead " << q.dead << " quarantined " << q.quarantined << " done " << q.done
        << " waiting " << q.waiting;
    if (q.held > 0) out << " held " << q.held;
    if (q.blocked > 0) out << " blocked " << q.blocked;
    if (q.cancelled > 0) out << " cancelled " << q.cancelled;
    if (q.bytes > 0) out << " bytes " << q.bytes;
    if (q.paused) out << " paused";
    answer += (answer.empty() ? "" : "\n") + out.str();
  }
  return answer;
}

std::string Conversation::managers() const {
  std::string answer;
  for (const ManagerView& m : ledger_.managers()) {
    std::ostringstream out;
    out << m.name << ": " << (m.online ? "up" : "down") << " life " << m.incarnation.value()
        << " sessions " << m.sessions;
    for (const ShardView& s : m.shards) {
      out << " shard " << s.shard.value() << (s.sealed ? " sealed" : "") << " created_hi "
          << s.created_hi.value() << " waiting " << s.waiting;
    }
    answer += (answer.empty() ? "" : "\n") + out.str();
  }
  return answer;
}

std::string Conversation::resync(const Words& words) const {
  const Incarnation incarnation = members_.at(words.at(1)).incarnation;
  const SessionView view = ledger_.resync(session(words.at(2)), ConnEpoch(words.number("conn", 1)),
                                          incarnation, GrantNumber(words.number("seen", 0)));
  if (!view.status.ok()) return text(view.status);
  std::string answer = "grants " + std::to_string(view.grants.value()) + " credit " +
                       std::to_string(view.credit_total);
  for (const Grant& grant : view.claims)
    answer += ", " + text(grant.task) + " " + text(grant.token) + " number " +
              std::to_string(grant.number.value());
  return answer;
}

std::string Conversation::restart() {
  std::vector<std::string> pages;
  const auto snapshot = ledger_.snapshot();
  while (auto page = snapshot->next_page()) pages.push_back(*std::move(page));
  Result<Ledger> restored = Ledger::restore(pages);
  if (!restored.ok()) return text(restored.status());
  const bool same = restored.value().state_hash() == ledger_.state_hash();
  ledger_ = std::move(restored).value();
  return same ? "same state" : "ANOTHER STATE";
}

}  // namespace baton::center::scenario
