/* SPDX-License-Identifier: MIT */
/* Everything that libmk offers. */
#ifndef MK_MK_H
#define MK_MK_H

#include <mk/abi.h>
#include <mk/context.h>
#include <mk/engine.h>
#include <mk/error.h>
#include <mk/find.h>
#include <mk/handler.h>
#include <mk/ingest.h>
#include <mk/io.h>
#include <mk/log.h>
#include <mk/probe.h>
#include <mk/producer.h>
#include <mk/readback.h>
#include <mk/replay.h>
#include <mk/serve.h>
#include <mk/snapshot.h>
#include <mk/trace.h>

#endif /* MK_MK_H */
