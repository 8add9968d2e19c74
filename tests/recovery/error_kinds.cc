#include "tests/recovery/error_kinds.h"

#include <string>

#include "tests/recovery/store_machine.h"

namespace baton::recovery {

void require_clear(const Status& status) {
  const std::string& text = status.message();
  const bool names_error = text.find("Input/output error") != std::string::npos ||
                           text.find("No space left on device") != std::string::npos;
  const bool names_file = text.find("/data") != std::string::npos;
  require(names_error && names_file, "the message is not clear: " + status.to_string());
}

}  // namespace baton::recovery
