#include "center/storage/chain_hash.h"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>

#include "common/base/check.h"

namespace baton::center {
namespace {

// Finding the algorithm takes longer than hashing a record with it, so it is found once. It never
// changes: no state that nodes would share.
const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> found(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free);
  return found.get();
}

}  // namespace

ChainHash chain_hash(const ChainHash& previous, std::string_view record) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  ChainHash hash;
  // These fail only when memory is gone or the library is broken: nothing to go on with.
  BATON_CHECK(context != nullptr);
  BATON_CHECK(EVP_DigestInit_ex(context.get(), sha256(), nullptr) == 1);
  BATON_CHECK(EVP_DigestUpdate(context.get(), previous.data(), previous.size()) == 1);
  BATON_CHECK(EVP_DigestUpdate(context.get(), record.data(), record.size()) == 1);
  BATON_CHECK(EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1);
  return hash;
}

ChainHash to_chain_hash(std::string_view bytes) {
  ChainHash hash;
  BATON_CHECK(bytes.size() == hash.size());
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

}  // namespace baton::center
