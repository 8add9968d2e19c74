// Writes seeds of the corpora: fuzz_make_corpus DIR. To be run again when a format or a story's steps
// change; what fuzzing itself has added to the corpora stays.
#include <cstdio>

#include "tests/fuzz/corpus.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_make_corpus DIR\n");
    return 2;
  }
  using namespace baton::fuzz;
  set_corpus_directory(argv[1]);
  frame_decoder_corpus();
  client_requests_corpus();
  session_ledger_corpus();
  recovery_readers_corpus();
  ledger_bytes_corpus();
  typed_texts_corpus();
  client_library_corpus();
  center_channel_corpus();
  manager_links_corpus();
  return 0;
}
