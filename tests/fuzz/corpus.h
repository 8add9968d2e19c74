// What the writers of seeds share: the bytes that FuzzInput reads, files, and messages of clients.
//
// Each target's input is described at the top of its file; the numbers of steps are those of its
// table. Seeds are made from real encodings, so that a new field is in them as soon as it exists.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/broker.pb.h"

namespace baton::fuzz {

// Where the corpora are written to.
void set_corpus_directory(std::string directory);
void save(const std::string& target, const std::string& name, std::string_view bytes);

// What FuzzInput reads.
class Bytes {
 public:
  Bytes& u8(std::uint64_t value) { return number(value, 1); }
  Bytes& u16(std::uint64_t value) { return number(value, 2); }
  Bytes& raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  Bytes& sized(std::string_view bytes) { return u16(bytes.size()).raw(bytes); }
  Bytes& sized(const google::protobuf::MessageLite& message) {
    return sized(message.SerializeAsString());
  }
  Bytes& frame(v1::FrameType type, std::uint64_t request,
               const google::protobuf::MessageLite& message, std::string_view payload = {}) {
    return u8(static_cast<std::uint64_t>(type)).u8(request).sized(message).sized(payload);
  }
  [[nodiscard]] const std::string& str() const { return out_; }

 private:
  Bytes& number(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  std::string out_;
};

void set_uuid(v1::Uuid* to, std::uint64_t hi, std::uint64_t lo);

// ---- messages of a client ----
v1::Produce produce(std::uint64_t seq, std::uint32_t items, bool moved = false);
// Everything that a task can ask for, one wish each.
std::vector<v1::TaskOptions> task_options();
// Every setting of a queue.
v1::QueueSettings queue_settings();
v1::Attach attach(std::uint64_t conn_epoch);
v1::Demand demand(std::uint32_t line);
// One operation of each kind, with 3 bytes for those that have any.
v1::Operations operations(std::uint64_t seq);
v1::Heartbeat heartbeat();
// One of each kind. New ones go to the end.
std::vector<v1::Query> queries();
// One for each action.
std::vector<v1::Act> acts();

// ---- the corpora, one function for each target ----
void frame_decoder_corpus();
void client_requests_corpus();
void session_ledger_corpus();
void recovery_readers_corpus();
void ledger_bytes_corpus();
void typed_texts_corpus();
void client_library_corpus();
void center_channel_corpus();
void manager_links_corpus();

}  // namespace baton::fuzz
