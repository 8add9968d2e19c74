# Every library that Baton uses, with the oldest version it is known to work with (all are in Debian 12).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(Snappy 1.1 CONFIG REQUIRED)  # LevelDB links it, its package does not bring it
find_package(leveldb 1.23 CONFIG REQUIRED)
find_package(CLI11 2.1 CONFIG REQUIRED)
find_package(spdlog 1.10 CONFIG REQUIRED)
find_package(nlohmann_json 3.11 CONFIG REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
