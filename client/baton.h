// Everything a program needs to produce to and consume from Baton: #include <baton.h>
//
//   auto client = baton::client::Client::open({.managers = {"127.0.0.1:7101"}});
//
// client/example/ is a complete program, client/README.md a page of explanation.
#pragma once

#include "client/admin.h"
#include "client/client.h"
#include "client/consumer.h"
#include "client/producer.h"
